CREATE TABLE "endpoint_checks" (
	"tenant_id" text NOT NULL,
	"endpoint_id" text NOT NULL,
	"id" text NOT NULL,
	"outcome" text NOT NULL,
	"reason" text,
	"secret_id" text,
	"secret_name" text,
	"address" text,
	"count" integer NOT NULL,
	"first_at" timestamp with time zone NOT NULL,
	"last_at" timestamp with time zone NOT NULL,
	CONSTRAINT "endpoint_checks_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "endpoints" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"workspace_id" text NOT NULL,
	"name" text NOT NULL,
	"name_key" text NOT NULL,
	"open_access" boolean DEFAULT false NOT NULL,
	"secret_ids" text[] DEFAULT '{}' NOT NULL,
	"scopes" text[] DEFAULT '{}' NOT NULL,
	"issuer" text,
	"audience" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "endpoints_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE INDEX "endpoint_checks_newest" ON "endpoint_checks" USING btree ("tenant_id","endpoint_id","last_at");--> statement-breakpoint
CREATE UNIQUE INDEX "endpoints_name" ON "endpoints" USING btree ("tenant_id","workspace_id","name_key");--> statement-breakpoint
CREATE INDEX "endpoints_id" ON "endpoints" USING btree ("id");