-- The audit trail's months and their end (SECURITY AU-3). Applied when its text has changed; must be repeatable.
-- Three roles: the owner makes months; latchkey_app appends to the whole and reads it; latchkey_retention owns months that are
-- over, and nothing else. Months live in the schema latchkey_audit, where latchkey_app may touch no table: the one way to a row
-- is the partitioned table, with its policy.

GRANT USAGE ON SCHEMA latchkey_audit TO latchkey_app;
GRANT USAGE, CREATE ON SCHEMA latchkey_audit TO latchkey_retention;
GRANT USAGE ON SCHEMA public TO latchkey_retention;

-- Retention writes down what it did, and can write down nothing else.
GRANT INSERT ON public.audit_entries TO latchkey_retention;
DROP POLICY IF EXISTS retention_entry ON public.audit_entries;
CREATE POLICY retention_entry ON public.audit_entries FOR INSERT TO latchkey_retention
  WITH CHECK (tenant_id = repeat('0', 24) AND action = 'audit.retention');

-- Every partition but the default one, with its bounds; "before" has no lower one.
CREATE OR REPLACE VIEW latchkey_audit.months AS
  SELECT c.oid AS relid, c.relname::text AS name, c.relowner,
         coalesce(substring(b.bound FROM 'FROM \(''([^'']+)''\)')::timestamptz, '-infinity') AS begins,
         substring(b.bound FROM 'TO \(''([^'']+)''\)')::timestamptz AS ends
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid,
         LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid) AS bound) b
   WHERE i.inhparent = 'public.audit_entries'::regclass AND b.bound <> 'DEFAULT';
REVOKE ALL ON latchkey_audit.months FROM PUBLIC;
GRANT SELECT ON latchkey_audit.months TO latchkey_retention, latchkey_app;

-- Makes this month's partition and those of the next p_ahead months, moves what the default partition caught into months of
-- its own (after a restore, or when nothing made months for long), and hands months that are over to latchkey_retention. Gives
-- up rather than wait long for a lock, because whoever appends would wait behind it; the next run goes on.
CREATE OR REPLACE FUNCTION latchkey_audit_months(p_ahead int)
RETURNS int LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
DECLARE
  wanted timestamptz[];
  month timestamptz;
  part text;
  changed int := 0;
BEGIN
  IF NOT pg_try_advisory_xact_lock(7425013) THEN RETURN 0; END IF;
  SELECT array_agg(w.m ORDER BY w.m) INTO wanted FROM (
      SELECT date_trunc('month', now()) + make_interval(months => n) AS m FROM generate_series(0, least(p_ahead, 24)) n
      UNION SELECT DISTINCT date_trunc('month', o.at) FROM latchkey_audit.other o) w
    WHERE NOT EXISTS (SELECT 1 FROM latchkey_audit.months e WHERE e.begins <= w.m AND e.ends > w.m);
  FOREACH month IN ARRAY coalesce(wanted, '{}') LOOP
    part := to_char(month, '"m"YYYY_MM');
    EXECUTE format('CREATE TABLE latchkey_audit.%I (LIKE public.audit_entries INCLUDING DEFAULTS)', part);
    LOCK TABLE latchkey_audit.other IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('WITH moved AS (DELETE FROM latchkey_audit.other WHERE at >= $1 AND at < $2 RETURNING *) '
                   'INSERT INTO latchkey_audit.%I SELECT * FROM moved', part)
      USING month, month + interval '1 month';
    EXECUTE format('ALTER TABLE public.audit_entries ATTACH PARTITION latchkey_audit.%I FOR VALUES FROM (%L) TO (%L)',
                   part, month, month + interval '1 month');
    changed := changed + 1;
  END LOOP;
  -- Nothing reaches a partition but by way of the whole.
  FOR part IN SELECT c.relname FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid
               WHERE i.inhparent = 'public.audit_entries'::regclass
                 AND (NOT c.relrowsecurity OR has_table_privilege('latchkey_app', c.oid, 'SELECT,INSERT,UPDATE,DELETE,TRUNCATE')) LOOP
    EXECUTE format('ALTER TABLE latchkey_audit.%I ENABLE ROW LEVEL SECURITY', part);
    EXECUTE format('REVOKE ALL ON latchkey_audit.%I FROM PUBLIC, latchkey_app', part);
  END LOOP;
  FOR part IN SELECT e.name FROM latchkey_audit.months e
               WHERE e.ends <= now() AND e.relowner <> 'latchkey_retention'::regrole LOOP
    EXECUTE format('ALTER TABLE latchkey_audit.%I OWNER TO latchkey_retention', part);
    changed := changed + 1;
  END LOOP;
  RETURN changed;
END $$;

-- Drops months that ended more than p_days ago, each with its own entry, in the caller's transaction: both or neither. It runs
-- as latchkey_retention, which owns no month that is not over, so an open one is out of its reach whatever p_days says. No
-- setting can ask for less than 31 days.
CREATE OR REPLACE FUNCTION latchkey_audit.drop_older(p_days int)
RETURNS int LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
DECLARE
  month record;
  held bigint;
  dropped int := 0;
BEGIN
  IF p_days IS NULL OR p_days < 31 THEN
    RAISE EXCEPTION 'the audit trail is kept for 31 days at least' USING ERRCODE = '22023';
  END IF;
  FOR month IN SELECT e.name, e.begins, e.ends FROM latchkey_audit.months e
                WHERE e.ends <= now() - make_interval(days => p_days) AND e.relowner = 'latchkey_retention'::regrole
                ORDER BY e.ends LOOP
    EXECUTE format('SELECT count(*) FROM latchkey_audit.%I', month.name) INTO held;
    EXECUTE format('DROP TABLE latchkey_audit.%I', month.name);
    INSERT INTO public.audit_entries (tenant_id, actor_kind, actor_name, via, action, outcome, target_type, target_name, detail)
    VALUES (repeat('0', 24), 'system', 'Retention', 'job', 'audit.retention', 'allowed', 'audit', month.name,
            jsonb_build_object('entries', held, 'until', to_char(month.ends, 'YYYY-MM-DD'), 'kept_days', p_days));
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END $$;
ALTER FUNCTION latchkey_audit.drop_older(int) OWNER TO latchkey_retention;
REVOKE ALL ON FUNCTION latchkey_audit.drop_older(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION latchkey_audit.drop_older(int) TO latchkey_app;
