ALTER TABLE "tenants" ADD COLUMN "reveal" text DEFAULT 'step_up' NOT NULL;--> statement-breakpoint
ALTER TABLE "secrets" ADD COLUMN "reveal" text DEFAULT 'step_up' NOT NULL;--> statement-breakpoint
ALTER TABLE "tenants" ADD CONSTRAINT "tenants_reveal" CHECK ("tenants"."reveal" in ('step_up', 'never'));--> statement-breakpoint
ALTER TABLE "secrets" ADD CONSTRAINT "secrets_reveal" CHECK ("secrets"."reveal" in ('step_up', 'never'));