-- The audit trail in months (SECURITY AU-3). What is there stays where it is, as the partition before the first whole month;
-- no row is copied. Roles do not exist yet when a backup is restored: rights and policies are in drizzle/security.sql.
CREATE SCHEMA "latchkey_audit";--> statement-breakpoint
DROP POLICY IF EXISTS own_tenant ON "audit_entries";--> statement-breakpoint
ALTER TABLE "audit_entries" SET SCHEMA "latchkey_audit";--> statement-breakpoint
ALTER TABLE "latchkey_audit"."audit_entries" RENAME TO "before";--> statement-breakpoint
ALTER TABLE "latchkey_audit"."before" DROP CONSTRAINT "audit_entries_tenant_id_id_pk";--> statement-breakpoint
CREATE TABLE "audit_entries" (
	"tenant_id" text NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "audit_entries_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"actor_kind" text NOT NULL,
	"actor_id" text,
	"actor_name" text,
	"via" text NOT NULL,
	"credential_id" text,
	"action" text NOT NULL,
	"outcome" text NOT NULL,
	"workspace_id" text,
	"target_type" text,
	"target_id" text,
	"target_name" text,
	"generation" integer,
	"host" text,
	"request_id" text,
	"purpose" text,
	"ip" text,
	"user_agent" text,
	"detail" jsonb,
	CONSTRAINT "audit_entries_tenant_id_id_at_pk" PRIMARY KEY("tenant_id","id","at")
) PARTITION BY RANGE ("at");--> statement-breakpoint
CREATE INDEX "audit_workspace" ON "audit_entries" USING btree ("tenant_id","workspace_id","id");--> statement-breakpoint
CREATE INDEX "audit_target" ON "audit_entries" USING btree ("tenant_id","target_id","id");--> statement-breakpoint
CREATE TABLE "latchkey_audit"."other" PARTITION OF "audit_entries" DEFAULT;--> statement-breakpoint
DO $$
DECLARE
  until timestamptz;
BEGIN
  PERFORM set_config('timezone', 'UTC', true);
  IF NOT EXISTS (SELECT 1 FROM latchkey_audit.before) THEN
    DROP TABLE latchkey_audit.before;
    RETURN;
  END IF;
  PERFORM setval('public.audit_entries_id_seq', (SELECT max(id) FROM latchkey_audit.before));
  ALTER TABLE latchkey_audit.before ALTER COLUMN id DROP IDENTITY;
  SELECT date_trunc('month', greatest(max(at), now())) + interval '1 month' INTO until FROM latchkey_audit.before;
  EXECUTE format('ALTER TABLE public.audit_entries ATTACH PARTITION latchkey_audit.before FOR VALUES FROM (MINVALUE) TO (%L)', until);
END $$;
