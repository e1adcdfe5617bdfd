-- Webhooks: what writes down that something is to be told, in the transaction in which it happened, and the worker's doors
-- across tenants. Applied after every migration when its text has changed; must be repeatable.

-- ---------------------------------------------------------------- what happened

-- One row for each webhook that wants to know. Only appended to: what is told together is put together later, so that two who
-- refresh never wait for each other here. That a webhook's own token was refused is not told to it: the message would be refused, too, and
-- that told again. This and the next run as the trigger that calls them; by themselves they see one tenant.
CREATE OR REPLACE FUNCTION latchkey_webhook_tell(p_event text, p_tenant text, p_workspace text, p_secret text, p_name text,
  p_client_tenant text, p_client text, p_code text)
RETURNS void LANGUAGE sql AS $$
  INSERT INTO webhook_events (tenant_id, webhook_id, event, secret_id, secret_name, auth_client_id, auth_client_name, code)
  SELECT w.tenant_id, w.id, p_event, p_secret, p_name, p_client,
         (SELECT c.name FROM auth_clients c WHERE c.tenant_id = p_client_tenant AND c.id = p_client), p_code
    FROM webhooks w
   WHERE w.tenant_id = p_tenant AND w.workspace_id = p_workspace AND w.enabled AND p_event = ANY (w.events)
     AND NOT (p_event = 'secret.refused' AND w.auth_secret_id IS NOT DISTINCT FROM p_secret)
$$;

-- Trouble is told once, until it is over. Where nobody listens it leaves no mark.
CREATE OR REPLACE FUNCTION latchkey_webhook_trouble(p_event text, t token_state, p_code text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM webhooks w WHERE w.tenant_id = t.tenant_id AND w.workspace_id = t.workspace_id AND w.enabled) THEN
    RETURN;
  END IF;
  INSERT INTO webhook_marks (tenant_id, secret_id, event) VALUES (t.tenant_id, t.secret_id, p_event) ON CONFLICT DO NOTHING;
  IF FOUND THEN
    PERFORM latchkey_webhook_tell(p_event, t.tenant_id, t.workspace_id, t.secret_id,
      (SELECT s.name FROM secrets s WHERE s.tenant_id = t.tenant_id AND s.id = t.secret_id),
      t.auth_client_tenant_id, t.auth_client_id, p_code);
  END IF;
END $$;

CREATE OR REPLACE FUNCTION latchkey_webhook_tokens() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.status = 'dead' AND OLD.status <> 'dead' THEN
    PERFORM latchkey_webhook_trouble('secret.reauthorization_needed', NEW, NEW.problem ->> 'code');
  ELSIF NEW.status = 'paused' AND OLD.status <> 'paused' THEN
    PERFORM latchkey_webhook_trouble('secret.paused', NEW, NEW.problem ->> 'code');
  ELSIF NEW.status = 'active' AND NEW.sealed IS NOT NULL AND NEW.generation > OLD.generation THEN
    DELETE FROM webhook_marks WHERE tenant_id = NEW.tenant_id AND secret_id = NEW.secret_id;
    IF FOUND THEN
      PERFORM latchkey_webhook_tell('secret.recovered', NEW.tenant_id, NEW.workspace_id, NEW.secret_id,
        (SELECT s.name FROM secrets s WHERE s.tenant_id = NEW.tenant_id AND s.id = NEW.secret_id),
        NEW.auth_client_tenant_id, NEW.auth_client_id, NULL);
    END IF;
  ELSIF NEW.status = 'unauthorized' THEN
    -- Somebody had it forget its tokens: nothing to tell, and nothing left to be over.
    DELETE FROM webhook_marks WHERE tenant_id = NEW.tenant_id AND secret_id = NEW.secret_id;
  END IF;
  RETURN NULL;
END $$;
-- A refresh that goes well changes none of this, and is not looked at further.
CREATE OR REPLACE TRIGGER webhook_tokens AFTER UPDATE ON token_state FOR EACH ROW
  WHEN (OLD.status IS DISTINCT FROM NEW.status OR (NEW.generation > OLD.generation
        AND (OLD.failures > 0 OR OLD.problem IS NOT NULL OR OLD.sealed IS NULL OR NOT OLD.renewable)))
  EXECUTE FUNCTION latchkey_webhook_tokens();

CREATE OR REPLACE FUNCTION latchkey_webhook_secrets() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM latchkey_webhook_tell('secret.created', NEW.tenant_id, NEW.workspace_id, NEW.id, NEW.name,
      NEW.auth_client_tenant_id, NEW.auth_client_id, NULL);
  ELSE
    DELETE FROM webhook_marks WHERE tenant_id = OLD.tenant_id AND secret_id = OLD.id;
    PERFORM latchkey_webhook_tell('secret.deleted', OLD.tenant_id, OLD.workspace_id, OLD.id, OLD.name,
      OLD.auth_client_tenant_id, OLD.auth_client_id, NULL);
  END IF;
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER webhook_secrets AFTER INSERT OR DELETE ON secrets FOR EACH ROW
  EXECUTE FUNCTION latchkey_webhook_secrets();

CREATE OR REPLACE FUNCTION latchkey_webhook_refused() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM latchkey_webhook_tell('secret.refused', s.tenant_id, s.workspace_id, s.id, s.name,
      s.auth_client_tenant_id, s.auth_client_id, NULL)
     FROM secrets s WHERE s.tenant_id = NEW.tenant_id AND s.id = NEW.secret_id;
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER webhook_refused AFTER INSERT ON secret_events FOR EACH ROW WHEN (NEW.event = 'refused')
  EXECUTE FUNCTION latchkey_webhook_refused();

-- An auth client that stops, or goes on, concerns every workspace that has secrets of it, whichever tenant it belongs to.
CREATE OR REPLACE FUNCTION latchkey_webhook_client() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  before jsonb := CASE WHEN TG_OP <> 'INSERT' THEN OLD.problem END;
  after jsonb := CASE WHEN TG_OP <> 'DELETE' THEN NEW.problem END;
  c auth_client_state;
  named text;
BEGIN
  IF (before IS NULL) = (after IS NULL) THEN RETURN NULL; END IF;
  IF TG_OP = 'DELETE' THEN c := OLD; ELSE c := NEW; END IF;
  named := CASE WHEN after IS NULL THEN 'client.recovered' ELSE 'client.paused' END;
  INSERT INTO webhook_events (tenant_id, webhook_id, event, auth_client_id, auth_client_name, code, secrets)
  SELECT w.tenant_id, w.id, named, c.auth_client_id,
         (SELECT a.name FROM auth_clients a WHERE a.tenant_id = c.tenant_id AND a.id = c.auth_client_id),
         after ->> 'code', uses.n
    FROM webhooks w CROSS JOIN LATERAL (
      SELECT count(*)::int AS n FROM secrets s
       WHERE s.auth_client_id = c.auth_client_id AND s.auth_client_tenant_id = c.tenant_id
         AND s.tenant_id = w.tenant_id AND s.workspace_id = w.workspace_id) uses
   WHERE w.enabled AND named = ANY (w.events) AND uses.n > 0;
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER webhook_client AFTER INSERT OR UPDATE OR DELETE ON auth_client_state FOR EACH ROW
  EXECUTE FUNCTION latchkey_webhook_client();

-- What no transaction tells: a token that has ended although it was to be renewed, one that ends with nothing to renew it, and one that
-- has. A broken auth client is told of by itself. Up to p_limit of both kinds at a time; the mark leaves out who was told. Rows that somebody is
-- writing just now are left for the next look, and the others held: a mark set beside a renewal would never be taken away.
CREATE OR REPLACE FUNCTION latchkey_webhook_expiring(p_limit int, p_warn_ms float8) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  t token_state;
  ending record;
  told int := 0;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM webhooks w WHERE w.enabled AND w.events && '{secret.expiring,secret.reauthorization_needed}') THEN
    RETURN 0;
  END IF;
  FOR t IN
    SELECT k.* FROM token_state k
     WHERE k.renewable AND k.status IN ('active', 'suspect') AND k.expires_at <= now() AND k.failures > 0
       AND EXISTS (SELECT 1 FROM webhooks w WHERE w.tenant_id = k.tenant_id AND w.workspace_id = k.workspace_id
                      AND w.enabled AND 'secret.expiring' = ANY (w.events))
       AND NOT EXISTS (SELECT 1 FROM webhook_marks m WHERE m.tenant_id = k.tenant_id AND m.secret_id = k.secret_id
                          AND m.event = 'secret.expiring')
       AND NOT EXISTS (SELECT 1 FROM auth_client_state c WHERE c.tenant_id = k.auth_client_tenant_id
                          AND c.auth_client_id = k.auth_client_id AND c.problem IS NOT NULL)
     LIMIT p_limit FOR UPDATE OF k SKIP LOCKED
  LOOP
    PERFORM latchkey_webhook_trouble('secret.expiring', t, t.problem ->> 'code');
    told := told + 1;
  END LOOP;
  FOR ending IN
    SELECT k AS token, e.event FROM token_state k
     CROSS JOIN LATERAL (SELECT CASE WHEN k.expires_at > now() THEN 'secret.expiring' ELSE 'secret.reauthorization_needed' END AS event) e
     WHERE NOT k.renewable AND k.status = 'active' AND k.expires_at > now() - interval '1 day'
       AND k.expires_at <= now() + least(p_warn_ms, greatest(coalesce(k.lifetime_s, 0), 0) * 500) * interval '1 ms'
       AND EXISTS (SELECT 1 FROM webhooks w WHERE w.tenant_id = k.tenant_id AND w.workspace_id = k.workspace_id
                      AND w.enabled AND e.event = ANY (w.events))
       AND NOT EXISTS (SELECT 1 FROM webhook_marks m WHERE m.tenant_id = k.tenant_id AND m.secret_id = k.secret_id
                          AND m.event = e.event)
     LIMIT p_limit FOR UPDATE OF k SKIP LOCKED
  LOOP
    PERFORM latchkey_webhook_trouble(ending.event, ending.token, 'no_refresh_token');
    told := told + 1;
  END LOOP;
  RETURN told;
END $$;

-- ---------------------------------------------------------------- putting together and delivering

-- Groups whose time to be told may have come, the longest waiting first: lib/webhooks/policy (gatherUntil) decides, under a lock.
DROP FUNCTION IF EXISTS latchkey_webhook_groups(float8);
CREATE OR REPLACE FUNCTION latchkey_webhook_groups(p_wait_ms float8, p_most_ms float8, p_window_ms float8)
RETURNS TABLE (tenant_id text, webhook_id text, group_key text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT g.tenant_id, g.webhook_id, g.group_key
    FROM (SELECT e.tenant_id, e.webhook_id, concat_ws(' ', e.event, e.auth_client_id, e.code) AS group_key, min(e.at) AS first
            FROM webhook_events e GROUP BY 1, 2, 3 HAVING min(e.at) <= now() - p_wait_ms * interval '1 ms') g
   CROSS JOIN LATERAL (
      SELECT count(*) AS n, max(d.created_at) AS last FROM webhook_deliveries d
       WHERE d.tenant_id = g.tenant_id AND d.webhook_id = g.webhook_id AND d.group_key = g.group_key
         AND d.created_at > now() - p_window_ms * interval '1 ms') told
   WHERE told.last IS NULL OR told.last + least(p_most_ms, p_wait_ms * 3 ^ least(told.n, 20)) * interval '1 ms' <= now()
   ORDER BY g.first LIMIT 1000
$$;

DO $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_type WHERE typname = 'latchkey_webhook_lease') THEN
    CREATE TYPE latchkey_webhook_lease AS (
      tenant_id text, id text, webhook_id text, workspace_id text, contract_id text, event text, body text, attempts int,
      age_ms float8, name text, url text, auth_secret_id text, sealed bytea, generation int, previous_signs boolean);
  END IF;
END $$;

CREATE OR REPLACE FUNCTION latchkey_webhook_lease_of(d webhook_deliveries) RETURNS latchkey_webhook_lease LANGUAGE sql STABLE AS $$
  SELECT ROW(d.tenant_id, d.id, d.webhook_id, d.workspace_id, s.contract_id, d.event, d.body, d.attempts,
    extract(epoch FROM now() - d.queued_at)::float8 * 1000, w.name, w.url, w.auth_secret_id, w.sealed, w.generation,
    coalesce(w.previous_until > now(), false))::latchkey_webhook_lease
    FROM webhooks w JOIN workspaces s ON s.tenant_id = w.tenant_id AND s.id = w.workspace_id
   WHERE w.tenant_id = d.tenant_id AND w.id = d.webhook_id
$$;

-- Leases what is due: of each webhook one message at a time, and none of tenants that have enough under way here. An attempt counts
-- from here on, so that one that ends with its process is not made for ever.
CREATE OR REPLACE FUNCTION latchkey_webhook_claim(p_holder text, p_limit int, p_crowded text[], p_lease_ms float8)
RETURNS SETOF latchkey_webhook_lease LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH firsts AS (
    SELECT DISTINCT ON (d.tenant_id, d.webhook_id) d.tenant_id, d.id, d.next_attempt_at FROM webhook_deliveries d
     WHERE d.state = 'pending' AND d.next_attempt_at <= now() AND (d.lease_until IS NULL OR d.lease_until < now())
       AND NOT d.tenant_id = ANY (p_crowded)
       AND NOT EXISTS (SELECT 1 FROM webhook_deliveries o WHERE o.tenant_id = d.tenant_id AND o.webhook_id = d.webhook_id
                          AND o.state = 'pending' AND o.lease_until > now())
     ORDER BY d.tenant_id, d.webhook_id, d.next_attempt_at),
  due AS (
    SELECT d.tenant_id, d.id FROM webhook_deliveries d JOIN firsts f ON f.tenant_id = d.tenant_id AND f.id = d.id
     WHERE d.state = 'pending' AND d.next_attempt_at <= now() AND (d.lease_until IS NULL OR d.lease_until < now())
     ORDER BY f.next_attempt_at LIMIT p_limit FOR UPDATE OF d SKIP LOCKED)
  UPDATE webhook_deliveries d
     SET holder = p_holder, lease_until = now() + p_lease_ms * interval '1 ms', attempts = d.attempts + 1
    FROM due WHERE d.tenant_id = due.tenant_id AND d.id = due.id
  RETURNING (latchkey_webhook_lease_of(d)).*
$$;

-- Asked at the last moment before an attempt is sent: whether it is still this process's, so that one that slept sends nothing, and whether
-- the webhook is still told at this address with this secret. Else the lease lapses, and the next attempt is made as it is then.
DROP FUNCTION IF EXISTS latchkey_webhook_guard(text, text, text, int, float8);
CREATE OR REPLACE FUNCTION latchkey_webhook_guard(p_tenant text, p_id text, p_holder text, p_attempt int, p_lease_ms float8,
  p_url text, p_secret text)
RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH mine AS (
    UPDATE webhook_deliveries d SET lease_until = now() + p_lease_ms * interval '1 ms', attempted_at = now()
      FROM webhooks w
     WHERE d.tenant_id = p_tenant AND d.id = p_id AND d.holder = p_holder AND d.attempts = p_attempt AND d.state = 'pending'
       AND d.lease_until > now() AND w.tenant_id = d.tenant_id AND w.id = d.webhook_id
       AND w.url = p_url AND w.auth_secret_id IS NOT DISTINCT FROM p_secret
    RETURNING 1)
  SELECT EXISTS (SELECT 1 FROM mine)
$$;

-- What waits for a webhook that was switched off is not told any more. Sees what its caller sees: one tenant, or what finish sees.
CREATE OR REPLACE FUNCTION latchkey_webhook_drop(p_tenant text, p_webhook text) RETURNS void LANGUAGE sql AS $$
  DELETE FROM webhook_events WHERE tenant_id = p_tenant AND webhook_id = p_webhook;
  UPDATE webhook_deliveries SET state = 'failed', error = 'off', finished_at = now(), holder = NULL, lease_until = NULL
   WHERE tenant_id = p_tenant AND webhook_id = p_webhook AND state = 'pending';
$$;

-- What became of an attempt, by whoever still holds its lease. p_retry_ms: null when it is the last one. p_off: the receiver wants
-- no more. Answers why the webhook was switched off just now, if it was.
CREATE OR REPLACE FUNCTION latchkey_webhook_finish(p_tenant text, p_id text, p_holder text, p_attempt int, p_delivered boolean,
  p_status int, p_duration_ms int, p_error text, p_retry_ms float8, p_off text, p_give_up_ms float8)
RETURNS TABLE (mine boolean, off text) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  d webhook_deliveries;
  reason text;
BEGIN
  UPDATE webhook_deliveries t
     SET state = CASE WHEN p_delivered THEN 'delivered' WHEN p_retry_ms IS NULL THEN 'failed' ELSE 'pending' END,
         status = p_status, duration_ms = p_duration_ms, error = p_error, holder = NULL, lease_until = NULL,
         next_attempt_at = now() + coalesce(p_retry_ms, 0) * interval '1 ms',
         finished_at = CASE WHEN p_delivered OR p_retry_ms IS NULL THEN now() END
   WHERE t.tenant_id = p_tenant AND t.id = p_id AND t.holder = p_holder AND t.attempts = p_attempt AND t.state = 'pending'
  RETURNING * INTO d;
  IF NOT FOUND THEN RETURN QUERY SELECT false, NULL::text; RETURN; END IF;
  IF p_delivered THEN
    UPDATE webhooks w SET failing_since = NULL, delivered_at = now() WHERE w.tenant_id = p_tenant AND w.id = d.webhook_id;
  ELSIF d.event <> 'webhook.test' THEN
    UPDATE webhooks w SET failing_since = coalesce(w.failing_since, now()) WHERE w.tenant_id = p_tenant AND w.id = d.webhook_id;
    UPDATE webhooks w
       SET enabled = false, off_reason = coalesce(p_off, 'failing'), off_at = now()
     WHERE w.tenant_id = p_tenant AND w.id = d.webhook_id AND w.enabled
       AND (p_off IS NOT NULL OR (p_retry_ms IS NULL AND w.failing_since < now() - p_give_up_ms * interval '1 ms'))
    RETURNING w.off_reason INTO reason;
    IF FOUND THEN PERFORM latchkey_webhook_drop(p_tenant, d.webhook_id); END IF;
  END IF;
  RETURN QUERY SELECT true, reason;
END $$;

-- The log is for people who wonder what became of a message: so long, and so many of each webhook.
CREATE OR REPLACE FUNCTION latchkey_webhook_prune(p_days int, p_most int) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH many AS (
    SELECT w.tenant_id, w.id, (SELECT d.created_at FROM webhook_deliveries d
                                WHERE d.tenant_id = w.tenant_id AND d.webhook_id = w.id
                                ORDER BY d.created_at DESC OFFSET p_most LIMIT 1) AS before
      FROM webhooks w),
  gone AS (
    DELETE FROM webhook_deliveries d
     WHERE d.state <> 'pending' AND (d.finished_at < now() - p_days * interval '1 day'
        OR EXISTS (SELECT 1 FROM many m WHERE m.tenant_id = d.tenant_id AND m.id = d.webhook_id AND d.created_at <= m.before))
    RETURNING 1)
  SELECT count(*) FROM gone
$$;

-- For the metrics of every process (lib/observability/database-gauges). A message behind another of its webhook waits for that receiver, not
-- for a worker.
CREATE OR REPLACE FUNCTION latchkey_webhook_gauges()
RETURNS TABLE (failing_webhooks bigint, webhook_lag_s float8)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT (SELECT count(*) FROM webhooks w WHERE w.enabled AND w.failing_since IS NOT NULL),
         coalesce(extract(epoch FROM now() - (
           SELECT d.next_attempt_at FROM webhook_deliveries d
            WHERE d.state = 'pending' AND d.next_attempt_at <= now()
              AND NOT EXISTS (SELECT 1 FROM webhook_deliveries o WHERE o.tenant_id = d.tenant_id AND o.webhook_id = d.webhook_id
                                 AND o.state = 'pending' AND o.lease_until > now())
            ORDER BY d.next_attempt_at LIMIT 1)), 0)::float8
$$;
