ALTER TABLE "api_keys" ADD COLUMN "workspace_ids" text[];--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "allowed_addresses" text[];