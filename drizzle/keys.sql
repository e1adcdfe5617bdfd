-- Online rotation of the master key (CRY-6). Two promises, whoever writes: a tenant key is never wrapped by a master key that some
-- living process lacks, and is rewrapped only towards the key that all living processes wrap with. Registering (exclusive) and
-- wrapping (shared) take one lock, so whichever is first is seen by the other. Repeatable.

DROP FUNCTION IF EXISTS latchkey_hold_keys(text, text, int, text, text, text[]), latchkey_wraps(),
  latchkey_wraps_to_renew(text, text, int, int), latchkey_renew_wraps(jsonb);
DROP VIEW IF EXISTS living_holders;

-- A process says every 5 s that it lives. One that is killed is waited for so long.
CREATE VIEW living_holders WITH (security_invoker = true) AS
  SELECT * FROM key_holders WHERE seen_at > clock_timestamp() - interval '30 seconds';
GRANT SELECT ON living_holders TO latchkey_app;

INSERT INTO master_keys (tenant_id, kek_id) SELECT DISTINCT repeat('0', 24), kek_id FROM tenant_keys ON CONFLICT DO NOTHING;

-- This process lives and has these keys. Answers the wraps that none of them opens; if there are any, nothing is registered.
CREATE FUNCTION latchkey_hold_keys(p_id text, p_host text, p_pid int, p_role text, p_source text, p_keks text[])
RETURNS TABLE (missing text, wraps int) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  -- Well inside its time a process is protected already and needs no lock.
  UPDATE key_holders h SET seen_at = clock_timestamp()
   WHERE h.tenant_id = repeat('0', 24) AND h.id = p_id AND h.kek_ids = p_keks AND h.seen_at > clock_timestamp() - interval '20 seconds';
  IF FOUND THEN RETURN; END IF;
  PERFORM pg_advisory_xact_lock(7425015);
  RETURN QUERY SELECT k.kek_id, count(*)::int FROM tenant_keys k WHERE k.kek_id <> ALL (p_keks) GROUP BY 1 ORDER BY 2 DESC, 1;
  IF FOUND THEN RETURN; END IF;
  DELETE FROM key_holders h WHERE h.seen_at < clock_timestamp() - interval '10 minutes';
  INSERT INTO key_holders (tenant_id, id, host, pid, role, source, kek_ids, seen_at)
  VALUES (repeat('0', 24), p_id, p_host, p_pid, p_role, p_source, p_keks, clock_timestamp())
  ON CONFLICT (tenant_id, id) DO UPDATE SET kek_ids = excluded.kek_ids, seen_at = excluded.seen_at;
END $$;

-- A trigger, so that no writer can forget to ask.
CREATE OR REPLACE FUNCTION latchkey_judge_wrap() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(7425015);
  IF EXISTS (SELECT 1 FROM living_holders h
              WHERE CASE TG_OP WHEN 'INSERT' THEN NEW.kek_id <> ALL (h.kek_ids) ELSE h.kek_ids[1] <> NEW.kek_id END) THEN
    RAISE EXCEPTION 'Not every process has the master key %.', NEW.kek_id USING ERRCODE = 'LK001';
  END IF;
  INSERT INTO master_keys (tenant_id, kek_id) VALUES (repeat('0', 24), NEW.kek_id) ON CONFLICT DO NOTHING;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER judge_wrap BEFORE INSERT ON tenant_keys FOR EACH ROW EXECUTE FUNCTION latchkey_judge_wrap();
CREATE OR REPLACE TRIGGER judge_rewrap BEFORE UPDATE ON tenant_keys
  FOR EACH ROW WHEN (OLD.kek_id IS DISTINCT FROM NEW.kek_id) EXECUTE FUNCTION latchkey_judge_wrap();

-- How many tenant keys each master key wraps.
CREATE FUNCTION latchkey_wraps() RETURNS TABLE (kek_id text, tenant_keys int)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT k.kek_id, count(*)::int FROM tenant_keys k GROUP BY 1 ORDER BY 1
$$;

-- The next tenant keys that p_kek does not wrap, locked; those that another process works on are passed over.
CREATE FUNCTION latchkey_wraps_to_renew(p_kek text, p_after_tenant text, p_after_version int, p_limit int)
RETURNS TABLE (tenant_id text, version int, kek_id text, wrapped bytea)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT k.tenant_id, k.version, k.kek_id, k.wrapped FROM tenant_keys k
   WHERE k.kek_id <> p_kek AND (k.tenant_id, k.version) > (p_after_tenant, p_after_version)
   ORDER BY k.tenant_id, k.version LIMIT p_limit FOR UPDATE SKIP LOCKED
$$;

-- Stores them, each with its entry, where the wrap is still the one that was read. Answers how many.
CREATE FUNCTION latchkey_renew_wraps(p_rows jsonb) RETURNS int
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH given AS (
    SELECT * FROM jsonb_to_recordset(p_rows) AS r(tenant_id text, version int, before text, kek_id text, wrapped text)),
  renewed AS (
    UPDATE tenant_keys k SET kek_id = g.kek_id, wrapped = decode(g.wrapped, 'base64') FROM given g
     WHERE k.tenant_id = g.tenant_id AND k.version = g.version AND k.kek_id = g.before
    RETURNING k.tenant_id, k.version, g.before, k.kek_id),
  written AS (
    INSERT INTO audit_entries (tenant_id, actor_kind, actor_name, via, action, outcome, target_type, target_name, detail)
    SELECT tenant_id, 'system', 'Latchkey', 'keyring', 'key.rewrap', 'allowed', 'tenant-key', 'version ' || version,
           jsonb_build_object('master_key', kek_id, 'before', before) FROM renewed)
  SELECT count(*)::int FROM renewed
$$;
