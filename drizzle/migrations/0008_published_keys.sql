CREATE TABLE "published_keys" (
	"tenant_id" text NOT NULL,
	"secret_id" text NOT NULL,
	"kid" text NOT NULL,
	"workspace_id" text NOT NULL,
	"use" text NOT NULL,
	"n" text NOT NULL,
	"e" text NOT NULL,
	"bits" integer NOT NULL,
	"current" boolean NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "published_keys_tenant_id_secret_id_kid_pk" PRIMARY KEY("tenant_id","secret_id","kid")
);
--> statement-breakpoint
CREATE INDEX "published_keys_workspace" ON "published_keys" USING btree ("workspace_id");