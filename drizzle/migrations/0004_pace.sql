CREATE TABLE "token_pace" (
	"tenant_id" text NOT NULL,
	"auth_client_id" text NOT NULL,
	"rate" double precision NOT NULL,
	"blocked_until" timestamp with time zone NOT NULL,
	"throttled_at" timestamp with time zone NOT NULL,
	"next_at" timestamp with time zone NOT NULL,
	CONSTRAINT "token_pace_tenant_id_auth_client_id_pk" PRIMARY KEY("tenant_id","auth_client_id")
);
--> statement-breakpoint
ALTER TABLE "token_state" ADD COLUMN "not_before" timestamp with time zone;