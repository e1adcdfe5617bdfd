CREATE TABLE "key_holders" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"host" text NOT NULL,
	"pid" integer NOT NULL,
	"role" text NOT NULL,
	"source" text NOT NULL,
	"kek_ids" text[] NOT NULL,
	"seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "key_holders_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "master_keys" (
	"tenant_id" text NOT NULL,
	"kek_id" text NOT NULL,
	"first_used_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "master_keys_tenant_id_kek_id_pk" PRIMARY KEY("tenant_id","kek_id")
);
