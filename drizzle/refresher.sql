-- The refresher's doors across tenants: acquire, guard, land, fail, release (REFRESH section 4). Each serves many rows in
-- one statement, every row with its own condition. All times are the database's own or intervals handed in, so that no
-- process's wall clock decides anything (I12). Applied after every migration when its text has changed; repeatable.
-- Names between @ signs are numbers of lib/refresher/policy.ts, filled in by drizzle/migrate.ts: each is written down once.

DROP FUNCTION IF EXISTS latchkey_refresh_claim(text, int, text[]), latchkey_refresh_probe(text),
  latchkey_refresh_acquire(text, text, text, float8, int, boolean), latchkey_refresh_test(text, text, text, boolean),
  latchkey_refresh_land(jsonb), latchkey_refresh_gauges();

DO $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_type WHERE typname = 'latchkey_lease') THEN
    CREATE TYPE latchkey_lease AS (
      tenant_id text, workspace_id text, secret_id text, auth_client_tenant_id text, auth_client_id text, status text,
      grant_id text, generation int, sealed bytea, fence bigint, attempt text, failures int, lost_generation int,
      suspect_ms float8, expires_ms float8, now_ms float8);
  END IF;
END $$;

CREATE OR REPLACE FUNCTION latchkey_lease_of(t token_state) RETURNS latchkey_lease LANGUAGE sql STABLE AS $$
  SELECT ROW(t.tenant_id, t.workspace_id, t.secret_id, t.auth_client_tenant_id, t.auth_client_id, t.status, t.grant_id,
    t.generation, t.sealed, t.fence, t.attempt, t.failures, t.lost_generation,
    extract(epoch FROM t.suspect_since)::float8 * 1000, extract(epoch FROM t.expires_at)::float8 * 1000,
    extract(epoch FROM now())::float8 * 1000)::latchkey_lease
$$;

DO $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_type WHERE typname = 'latchkey_answer') THEN
    CREATE TYPE latchkey_answer AS (
      tenant_id text, workspace_id text, secret_id text, holder text, fence bigint, grant_id text, generation int,
      attempt text, sealed bytea, token_mac text, previous_mac text, sibling boolean, issued_at timestamptz, age_ms float8,
      lifetime_s int, lead_ms float8, has_refresh_token boolean, renewable boolean, token_type text, scope_granted text,
      fingerprint text, refresh_fingerprint text, duration_ms int, actor text, event text);
  END IF;
END $$;

-- Leases what is due, soonest first. p_excluded holds tenant||client of destinations that have no room now.
CREATE FUNCTION latchkey_refresh_claim(p_holder text, p_limit int, p_excluded text[])
RETURNS SETOF latchkey_lease LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH due AS (
    SELECT t.tenant_id, t.secret_id
      FROM token_state t
     WHERE t.refresh_due_at <= now()
       AND t.status IN ('active', 'suspect') AND t.renewable
       AND (t.lease_holder IS NULL OR t.lease_until < now())
       AND NOT ((t.tenant_id || t.auth_client_id) = ANY (p_excluded))
       AND (t.not_before IS NULL OR t.not_before <= now())
       AND NOT EXISTS (SELECT 1 FROM token_pace p WHERE p.tenant_id = t.tenant_id
                          AND p.auth_client_id = t.auth_client_id AND p.blocked_until > now())
       AND NOT EXISTS (SELECT 1 FROM auth_client_state c WHERE c.tenant_id = t.auth_client_tenant_id
                          AND c.auth_client_id = t.auth_client_id AND c.problem IS NOT NULL)
     ORDER BY t.refresh_due_at
     LIMIT p_limit
       FOR UPDATE OF t SKIP LOCKED),
  leased AS (
    UPDATE token_state t
       SET lease_holder = p_holder, lease_until = now() + interval '@LEASE_MS@ ms', fence = t.fence + 1,
           attempt = gen_random_uuid()::text,
           lost_generation = CASE WHEN t.outcome = 'UNKNOWN' THEN t.generation ELSE t.lost_generation END
      FROM due WHERE t.tenant_id = due.tenant_id AND t.secret_id = due.secret_id
    RETURNING t.refresh_due_at AS due_at, latchkey_lease_of(t) AS lease)
  -- An update answers in whatever order it was planned in.
  SELECT (lease).* FROM leased ORDER BY due_at
$$;

-- One secret of each broken client may try again when its probe time has come (section 6, "client").
CREATE FUNCTION latchkey_refresh_probe(p_holder text)
RETURNS SETOF latchkey_lease LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH broken AS (
    UPDATE auth_client_state SET next_probe_at = now() + interval '@PROBE_MS@ ms'
     WHERE (tenant_id, auth_client_id) IN (
       SELECT tenant_id, auth_client_id FROM auth_client_state
        WHERE problem IS NOT NULL AND next_probe_at <= now()
          -- The chance is kept until there is somebody to take it.
          AND EXISTS (SELECT 1 FROM token_state t WHERE t.auth_client_id = auth_client_state.auth_client_id
                         AND t.auth_client_tenant_id = auth_client_state.tenant_id AND t.refresh_due_at <= now()
                         AND t.status IN ('active', 'suspect') AND t.renewable
                         AND (t.lease_holder IS NULL OR t.lease_until < now()))
          FOR UPDATE SKIP LOCKED)
    RETURNING tenant_id, auth_client_id),
  one AS (
    SELECT pick.tenant_id, pick.secret_id FROM broken b CROSS JOIN LATERAL (
      SELECT t.tenant_id, t.secret_id FROM token_state t
       WHERE t.auth_client_id = b.auth_client_id AND t.auth_client_tenant_id = b.tenant_id AND t.refresh_due_at <= now()
         AND t.status IN ('active', 'suspect') AND t.renewable AND (t.lease_holder IS NULL OR t.lease_until < now())
       ORDER BY t.refresh_due_at LIMIT 1 FOR UPDATE SKIP LOCKED) pick)
  UPDATE token_state t
     SET lease_holder = p_holder, lease_until = now() + interval '@LEASE_MS@ ms', fence = t.fence + 1,
         attempt = gen_random_uuid()::text,
         lost_generation = CASE WHEN t.outcome = 'UNKNOWN' THEN t.generation ELSE t.lost_generation END
    FROM one WHERE t.tenant_id = one.tenant_id AND t.secret_id = one.secret_id
  RETURNING (latchkey_lease_of(t)).*
$$;

-- On demand: this secret, when it is due, valid for less than asked, or its current generation was refused. A person's
-- "refresh now" (p_insist) may cut a backoff short and wake a paused secret; nothing may cut short what a provider asked
-- for, nor, when the calls of this expiry are used up, the rest between two calls.
CREATE FUNCTION latchkey_refresh_acquire(p_holder text, p_tenant text, p_secret text, p_validity_ms float8,
  p_generation int, p_insist boolean)
RETURNS SETOF latchkey_lease LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE token_state t
     SET lease_holder = p_holder, lease_until = now() + interval '@LEASE_MS@ ms', fence = t.fence + 1,
         attempt = gen_random_uuid()::text,
         status = CASE WHEN t.status = 'paused' THEN 'active' ELSE t.status END,
         -- A paused secret has no due time; without one nobody would look again if this process died now.
         refresh_due_at = coalesce(t.refresh_due_at, now()),
         lost_generation = CASE WHEN t.outcome = 'UNKNOWN' THEN t.generation ELSE t.lost_generation END
   WHERE t.tenant_id = p_tenant AND t.secret_id = p_secret
     AND (t.status IN ('active', 'suspect') OR (p_insist AND t.status = 'paused')) AND t.renewable
     AND (t.lease_holder IS NULL OR t.lease_until < now())
     AND (t.refresh_due_at <= now() OR t.generation = p_generation
          OR t.expires_at - p_validity_ms * interval '1 ms' <= now())
     AND (t.failures = 0 OR greatest(t.refresh_due_at, t.not_before) <= now()
          OR (p_insist AND coalesce(t.problem ->> 'code', '') <> 'throttled'
              AND (t.failures < @EFFORT@ OR t.sent_at IS NULL OR t.sent_at <= now() - interval '@SLOWEST_MS@ ms')))
     AND NOT EXISTS (SELECT 1 FROM token_pace p WHERE p.tenant_id = t.tenant_id
                        AND p.auth_client_id = t.auth_client_id AND p.blocked_until > now())
     AND NOT EXISTS (SELECT 1 FROM auth_client_state c WHERE c.tenant_id = t.auth_client_tenant_id
                        AND c.auth_client_id = t.auth_client_id AND c.problem IS NOT NULL)
  RETURNING (latchkey_lease_of(t)).*
$$;

-- A person tests how this secret asks for its token: whatever it has now, and while its client is broken. Never beside another
-- attempt, nor before a provider's "slow down" is over, nor past the effort that failures are worth. p_dead: also one whose refusal was
-- believed; it stays suspect, so that one more refusal is believed at once.
CREATE FUNCTION latchkey_refresh_test(p_holder text, p_tenant text, p_secret text, p_dead boolean)
RETURNS SETOF latchkey_lease LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE token_state t
     SET lease_holder = p_holder, lease_until = now() + interval '@LEASE_MS@ ms', fence = t.fence + 1,
         attempt = gen_random_uuid()::text,
         status = CASE t.status WHEN 'paused' THEN 'active' WHEN 'dead' THEN 'suspect' ELSE t.status END,
         -- As above: somebody must look again if this process died now.
         refresh_due_at = coalesce(t.refresh_due_at, now()),
         lost_generation = CASE WHEN t.outcome = 'UNKNOWN' THEN t.generation ELSE t.lost_generation END
   WHERE t.tenant_id = p_tenant AND t.secret_id = p_secret
     AND (t.status IN ('active', 'suspect', 'paused') OR (p_dead AND t.status = 'dead')) AND t.renewable
     AND (t.lease_holder IS NULL OR t.lease_until < now())
     AND (t.not_before IS NULL OR t.not_before <= now())
     AND (t.failures < @EFFORT@ OR t.sent_at IS NULL OR t.sent_at <= now() - interval '@SLOWEST_MS@ ms')
     AND NOT EXISTS (SELECT 1 FROM token_pace p WHERE p.tenant_id = t.tenant_id
                        AND p.auth_client_id = t.auth_client_id AND p.blocked_until > now())
  RETURNING (latchkey_lease_of(t)).*
$$;

-- Write-ahead intent. Only rows answered here may be sent. Their lease begins anew: a process that stood still since it took them has
-- little of it left, and its first heartbeat may be later than that.
CREATE OR REPLACE FUNCTION latchkey_refresh_guard(p_rows jsonb)
RETURNS TABLE (attempt text) LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE token_state t SET sent_at = now(), outcome = 'UNKNOWN', lease_until = now() + interval '@LEASE_MS@ ms'
    FROM jsonb_to_recordset(p_rows) AS r(tenant_id text, secret_id text, holder text, fence bigint, grant_id text,
                                         generation int, attempt text)
   WHERE t.tenant_id = r.tenant_id AND t.secret_id = r.secret_id AND t.lease_holder = r.holder AND t.fence = r.fence
     AND t.grant_id = r.grant_id AND t.generation = r.generation AND t.status IN ('active', 'suspect')
     AND t.lease_until > now() + interval '@GUARD_MS@ ms'
     -- Somebody else's Retry-After counts up to this moment.
     AND NOT EXISTS (SELECT 1 FROM token_pace p WHERE p.tenant_id = t.tenant_id
                        AND p.auth_client_id = t.auth_client_id AND p.blocked_until > now())
  RETURNING r.attempt
$$;

CREATE OR REPLACE FUNCTION latchkey_refresh_heartbeat(p_rows jsonb)
RETURNS TABLE (attempt text) LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  -- Rows that somebody is writing just now are left for the next beat: waiting for them, with others locked already, is how
  -- this statement and a landing would block each other.
  WITH mine AS (
    SELECT t.tenant_id, t.secret_id, r.attempt
      FROM jsonb_to_recordset(p_rows) AS r(tenant_id text, secret_id text, holder text, fence bigint, attempt text)
      JOIN token_state t ON t.tenant_id = r.tenant_id AND t.secret_id = r.secret_id AND t.lease_holder = r.holder
                        AND t.fence = r.fence
       FOR UPDATE OF t SKIP LOCKED)
  UPDATE token_state t SET lease_until = now() + interval '@LEASE_MS@ ms'
    FROM mine WHERE t.tenant_id = mine.tenant_id AND t.secret_id = mine.secret_id
  RETURNING mine.attempt
$$;

-- Makes answers durable, pointer and ledger in one commit, guarded by grant and generation; a lost race leaves the answer in
-- the ledger as an alternative. Repeating a call whose commit was unknown changes nothing and answers the same.
-- verdict: landed | moved (same grant, other generation) | foreign (other grant, or deleted). own_ms: when this answer was
-- issued; where the provider does not say, when it was asked for, by this clock. successor: the current refresh
-- token is the one this answer replaced, so the answer is newer whatever any clock says.
CREATE FUNCTION latchkey_refresh_land(p_rows jsonb)
RETURNS TABLE (attempt text, verdict text, generation int, issued_ms float8, own_ms float8, successor boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
  answers latchkey_answer[];
  landed text[];
BEGIN
  SELECT array_agg(ROW(r.tenant_id, r.workspace_id, r.secret_id, r.holder, r.fence, r.grant_id, r.generation, r.attempt,
           decode(r.sealed, 'base64'), r.token_mac, r.previous_mac, r.sibling,
           coalesce(to_timestamp(r.issued_ms / 1000), now() - r.age_ms * interval '1 ms'), r.age_ms,
           r.lifetime_s, r.lead_ms, r.has_refresh_token, r.renewable, r.token_type, r.scope_granted, r.fingerprint,
           r.refresh_fingerprint, r.duration_ms, r.actor, r.event)::latchkey_answer)
    INTO answers
    FROM jsonb_to_recordset(p_rows) AS r(
      tenant_id text, workspace_id text, secret_id text, holder text, fence bigint, grant_id text, generation int,
      attempt text, sealed text, token_mac text, previous_mac text, sibling boolean, issued_ms float8, age_ms float8,
      lifetime_s int, lead_ms float8, has_refresh_token boolean, renewable boolean, token_type text, scope_granted text,
      fingerprint text, refresh_fingerprint text, duration_ms int, actor text, event text);

  WITH moved AS (
    UPDATE token_state t
       SET generation = t.generation + 1, sealed = l.sealed, status = 'active', outcome = 'OK', failures = 0,
           suspect_since = NULL, not_before = NULL, problem = NULL, issued_at = l.issued_at,
           received_at = now() - l.age_ms * interval '1 ms',
           expires_at = now() - l.age_ms * interval '1 ms' + l.lifetime_s * interval '1 s',
           lifetime_s = l.lifetime_s, has_refresh_token = l.has_refresh_token, renewable = l.renewable,
           token_type = l.token_type, scope_granted = coalesce(l.scope_granted, t.scope_granted),
           fingerprint = l.fingerprint, refresh_fingerprint = l.refresh_fingerprint,
           refresh_due_at = CASE WHEN l.renewable THEN
             now() - l.age_ms * interval '1 ms' + l.lifetime_s * interval '1 s' - l.lead_ms * interval '1 ms' END,
           lease_holder = CASE WHEN t.lease_holder = l.holder AND t.fence = l.fence THEN NULL ELSE t.lease_holder END,
           updated_at = now()
      FROM unnest(answers) l
     WHERE t.tenant_id = l.tenant_id AND t.secret_id = l.secret_id AND t.grant_id = l.grant_id
       AND t.generation = l.generation
    RETURNING l.attempt)
  SELECT array_agg(attempt) INTO landed FROM moved;

  -- I2: durable in the ledger in the same commit, also when the pointer did not move. One write a row, with its standing;
  -- DISTINCT because a batch may hold two answers with the same refresh token, and a row can be written only once.
  INSERT INTO token_ledger AS g (tenant_id, secret_id, grant_id, token_mac, generation, sealed, issued_at, received_at, attempt, standing)
  SELECT DISTINCT ON (l.tenant_id, l.secret_id, l.grant_id, l.token_mac)
         l.tenant_id, l.secret_id, l.grant_id, l.token_mac, l.generation + 1, l.sealed, l.issued_at, now(), l.attempt,
         CASE WHEN l.attempt = ANY (landed) THEN 'current' ELSE 'alternative' END
    FROM unnest(answers) l JOIN token_state t
      ON t.tenant_id = l.tenant_id AND t.secret_id = l.secret_id AND t.grant_id = l.grant_id
   WHERE l.token_mac IS NOT NULL
   ORDER BY l.tenant_id, l.secret_id, l.grant_id, l.token_mac, (l.attempt = ANY (landed)) DESC NULLS LAST
  ON CONFLICT (tenant_id, secret_id, grant_id, token_mac) DO UPDATE
     SET standing = 'current', generation = excluded.generation, sealed = excluded.sealed
   WHERE excluded.standing = 'current';

  -- The predecessor was accepted just now, so everything older is closed; it stays itself until its child is used. It is
  -- doubted when one of its presentations got no understood answer: it may have a child that nobody saw.
  DELETE FROM token_ledger g USING unnest(answers) l
   WHERE l.attempt = ANY (landed) AND NOT l.sibling
     AND g.tenant_id = l.tenant_id AND g.secret_id = l.secret_id AND g.grant_id = l.grant_id
     AND g.token_mac IS DISTINCT FROM l.token_mac AND g.token_mac IS DISTINCT FROM l.previous_mac;
  UPDATE token_ledger g SET standing = CASE WHEN l.sibling THEN 'alternative'
                                            WHEN t.lost_generation = l.generation THEN 'doubted' ELSE 'predecessor' END
    FROM unnest(answers) l JOIN token_state t ON t.tenant_id = l.tenant_id AND t.secret_id = l.secret_id
   WHERE l.attempt = ANY (landed) AND g.tenant_id = l.tenant_id AND g.secret_id = l.secret_id AND g.grant_id = l.grant_id
     AND g.token_mac IS DISTINCT FROM l.token_mac
     AND (g.standing = 'current' OR (NOT l.sibling AND g.token_mac = l.previous_mac));

  INSERT INTO secret_events (tenant_id, secret_id, event, actor, generation, duration_ms)
  SELECT l.tenant_id, l.secret_id, l.event, l.actor, l.generation + 1, l.duration_ms
    FROM unnest(answers) l WHERE l.attempt = ANY (landed);
  PERFORM pg_notify('latchkey_secret', l.workspace_id || ' ' || l.secret_id) FROM unnest(answers) l WHERE l.attempt = ANY (landed);

  RETURN QUERY
  SELECT l.attempt,
         CASE WHEN l.attempt = ANY (landed) THEN 'landed'
              WHEN t.grant_id = l.grant_id AND t.generation = l.generation + 1 AND t.fingerprint = l.fingerprint THEN 'landed'
              WHEN t.grant_id = l.grant_id THEN 'moved' ELSE 'foreign' END,
         t.generation, extract(epoch FROM t.issued_at)::float8 * 1000, extract(epoch FROM l.issued_at)::float8 * 1000,
         l.token_mac <> l.previous_mac AND EXISTS (SELECT 1 FROM token_ledger g
            WHERE g.tenant_id = l.tenant_id AND g.secret_id = l.secret_id AND g.grant_id = l.grant_id
              AND g.token_mac = l.previous_mac AND g.standing = 'current')
    FROM unnest(answers) l
    LEFT JOIN token_state t ON t.tenant_id = l.tenant_id AND t.secret_id = l.secret_id;
END $$;

-- A failed attempt, recorded by whoever still holds the lease for the same grant and generation; ends the lease.
CREATE OR REPLACE FUNCTION latchkey_refresh_fail(p_rows jsonb)
RETURNS TABLE (attempt text) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN
  -- The provider said so, whoever holds the lease by now; in the same commit, so that nobody finds the one without the other.
  PERFORM latchkey_pace_throttled((SELECT jsonb_agg(r) FROM jsonb_to_recordset(p_rows) AS r(
    tenant_id text, auth_client_id text, throttled boolean, wait_ms float8, bore float8) WHERE r.throttled));
  RETURN QUERY
  WITH r AS (
    SELECT * FROM jsonb_to_recordset(p_rows) AS r(
      tenant_id text, workspace_id text, secret_id text, holder text, fence bigint, grant_id text, generation int,
      attempt text, status text, delay_ms float8, counts boolean, calls int, unknown boolean, suspect boolean, problem jsonb,
      event text, code text, detail text, duration_ms int, actor text, throttled boolean)),
  done AS (
    UPDATE token_state t
       SET status = r.status, failures = t.failures + CASE WHEN r.counts THEN greatest(1, r.calls) ELSE 0 END,
           outcome = CASE WHEN r.unknown THEN 'UNKNOWN' ELSE 'REFUSED' END,
           lost_generation = CASE WHEN r.unknown THEN t.generation ELSE t.lost_generation END,
           suspect_since = CASE WHEN r.suspect THEN coalesce(t.suspect_since, now()) ELSE t.suspect_since END,
           problem = CASE WHEN r.problem IS NULL THEN t.problem ELSE jsonb_set(r.problem, '{since}',
             CASE WHEN t.problem ->> 'code' = r.problem ->> 'code' THEN t.problem -> 'since'
                  ELSE to_jsonb(to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) END) END,
           -- Who was told to slow down keeps its place: order by expiry, also among those that wait.
           refresh_due_at = CASE WHEN r.delay_ms IS NULL THEN NULL WHEN r.delay_ms < 0 THEN t.refresh_due_at
                                 WHEN r.throttled THEN least(t.refresh_due_at, now() + r.delay_ms * interval '1 ms')
                                 ELSE now() + r.delay_ms * interval '1 ms' END,
           not_before = CASE WHEN r.throttled THEN now() + r.delay_ms * interval '1 ms' END,
           lease_holder = NULL, updated_at = now()
      FROM r
     WHERE t.tenant_id = r.tenant_id AND t.secret_id = r.secret_id AND t.lease_holder = r.holder AND t.fence = r.fence
       AND t.grant_id = r.grant_id AND t.generation = r.generation
    RETURNING r.*, greatest(t.refresh_due_at, t.not_before) AS next_at),
  told AS (
    INSERT INTO secret_events (tenant_id, secret_id, event, actor, generation, duration_ms, code, detail, next_attempt_at)
    SELECT tenant_id, secret_id, event, actor, generation, duration_ms, code, detail, next_at FROM done
     WHERE event IS NOT NULL)
  SELECT done.attempt FROM done CROSS JOIN LATERAL (SELECT pg_notify('latchkey_secret', done.workspace_id || ' ' || done.secret_id)) n;
END $$;

-- A provider said "slow down" to a tenant's client: nothing before p_wait_ms is over, and then no faster than what it bore.
-- p_bore: calls a second that this process saw accepted before. Within one episode (calls that were under way when it
-- began are refused too) the first word counts, and several processes' shares add up. Later the rate grows by the square of
-- the time: hardly at first, tenfold in five minutes, gone within the hour. Where nothing was accepted before, nothing is known of
-- what the provider bears: it doubles every ten seconds, for two minutes, until somebody is told again.
CREATE OR REPLACE FUNCTION latchkey_pace_rate(p token_pace) RETURNS float8 LANGUAGE sql STABLE AS $$
  SELECT p.rate * CASE WHEN p.rate <= @PACE_LEAST@ THEN 2 ^ (least(s, 120) / 10) ELSE 1 + (s / 100) ^ 2 END
    FROM (SELECT greatest(0, extract(epoch FROM clock_timestamp() - greatest(p.throttled_at, p.blocked_until)))::float8) AS quiet(s)
$$;
CREATE OR REPLACE FUNCTION latchkey_pace_throttled(p_rows jsonb)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  r record;
  p token_pace;
  was float8;
  until timestamptz;
BEGIN
  -- In one order, so that two of these never wait for each other.
  FOR r IN SELECT * FROM jsonb_to_recordset(p_rows) AS r(tenant_id text, auth_client_id text, wait_ms float8, bore float8)
            ORDER BY tenant_id, auth_client_id LOOP
    until := clock_timestamp() + r.wait_ms * interval '1 ms';
    INSERT INTO token_pace AS t (tenant_id, auth_client_id, rate, blocked_until, throttled_at, next_at)
    VALUES (r.tenant_id, r.auth_client_id, greatest(@PACE_LEAST@, 0.9 * r.bore), until, clock_timestamp(), until)
    ON CONFLICT DO NOTHING;
    IF FOUND THEN
      PERFORM pg_notify('latchkey_pace', r.tenant_id || ' ' || r.auth_client_id);
      CONTINUE;
    END IF;
    SELECT * INTO p FROM token_pace t WHERE t.tenant_id = r.tenant_id AND t.auth_client_id = r.auth_client_id FOR UPDATE;
    CONTINUE WHEN NOT FOUND;
    IF p.blocked_until > clock_timestamp() OR p.throttled_at > clock_timestamp() - interval '1 s' THEN
      UPDATE token_pace t SET blocked_until = greatest(t.blocked_until, until), next_at = greatest(t.next_at, until),
             rate = t.rate + 0.9 * r.bore
       WHERE t.tenant_id = r.tenant_id AND t.auth_client_id = r.auth_client_id;
    ELSE
      was := latchkey_pace_rate(p);
      UPDATE token_pace t SET blocked_until = until, next_at = until, throttled_at = clock_timestamp(),
             -- What it grew to in a quiet time nobody tried: half of that may be hundreds of times what it was.
             rate = greatest(@PACE_LEAST@, least(0.9 * was, greatest(r.bore, least(0.5 * was,
                      CASE WHEN p.rate <= @PACE_LEAST@ THEN was ELSE p.rate END))))
       WHERE t.tenant_id = r.tenant_id AND t.auth_client_id = r.auth_client_id;
    END IF;
    PERFORM pg_notify('latchkey_pace', r.tenant_id || ' ' || r.auth_client_id);
  END LOOP;
END $$;

-- Gives out up to p_max slots of the next moment (@PACE_AHEAD_MS@ ms): the first begins after start_ms, the others every_ms
-- apart. None: start_ms says when to ask again, or blocked_ms how long the provider wants to be left alone. Without a pace:
-- as many as asked for, at once (every_ms 0).
-- p_late: calls a second that were accepted of those under way when it began, as this process hears of them.
CREATE OR REPLACE FUNCTION latchkey_pace_take(p_tenant text, p_client text, p_max int, p_late float8)
RETURNS TABLE (granted int, start_ms float8, every_ms float8, blocked_ms float8)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  p token_pace;
  moment timestamptz;
  bears float8;
  first_ms float8;
BEGIN
  SELECT * INTO p FROM token_pace t WHERE t.tenant_id = p_tenant AND t.auth_client_id = p_client FOR UPDATE;
  IF NOT FOUND THEN RETURN QUERY SELECT p_max, 0::float8, 0::float8, 0::float8; RETURN; END IF;
  moment := clock_timestamp();
  p.rate := p.rate + 0.9 * p_late;
  IF p.blocked_until > moment THEN
    UPDATE token_pace t SET rate = p.rate WHERE p_late > 0 AND t.tenant_id = p_tenant AND t.auth_client_id = p_client;
    RETURN QUERY SELECT 0, 0::float8, 0::float8, extract(epoch FROM p.blocked_until - moment)::float8 * 1000;
    RETURN;
  END IF;
  IF p.throttled_at < moment - interval '1 hour' AND p.blocked_until < moment - interval '1 hour' THEN
    DELETE FROM token_pace t WHERE t.tenant_id = p_tenant AND t.auth_client_id = p_client;
    RETURN QUERY SELECT p_max, 0::float8, 0::float8, 0::float8;
    RETURN;
  END IF;
  bears := latchkey_pace_rate(p);
  -- At a steady pace it is never later than this; it is when it was reckoned at a slower one.
  first_ms := least(greatest(0, extract(epoch FROM p.next_at - moment)::float8 * 1000), @PACE_AHEAD_MS@ + 1000 / bears);
  IF first_ms > @PACE_AHEAD_MS@ THEN
    UPDATE token_pace t SET rate = p.rate, next_at = moment + first_ms * interval '1 ms'
     WHERE t.tenant_id = p_tenant AND t.auth_client_id = p_client;
    RETURN QUERY SELECT 0, first_ms - @PACE_AHEAD_MS@, 1000 / bears, 0::float8;
    RETURN;
  END IF;
  granted := least(p_max, 1 + floor((@PACE_AHEAD_MS@ - first_ms) * bears / 1000))::int;
  UPDATE token_pace t SET rate = p.rate, next_at = moment + (first_ms + granted * 1000 / bears) * interval '1 ms'
   WHERE t.tenant_id = p_tenant AND t.auth_client_id = p_client;
  RETURN QUERY SELECT granted, first_ms, 1000 / bears, 0::float8;
END $$;

CREATE OR REPLACE FUNCTION latchkey_paces() RETURNS TABLE (tenant_id text, auth_client_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT tenant_id, auth_client_id FROM token_pace
$$;

-- Every process remembers opened auth clients for a moment; an edit, a verdict or its end reaches them all at once. A client
-- that asks another address from now on has no pace there yet.
CREATE OR REPLACE FUNCTION latchkey_client_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  row record;
BEGIN
  IF TG_OP = 'DELETE' THEN row := OLD; ELSE row := NEW; END IF;
  IF TG_TABLE_NAME = 'auth_clients' THEN
    IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE'
         AND OLD.options ->> 'refresh_token_uri' IS DISTINCT FROM NEW.options ->> 'refresh_token_uri') THEN
      DELETE FROM token_pace WHERE auth_client_id = OLD.id;
    END IF;
    PERFORM pg_notify('latchkey_client', row.tenant_id || ' ' || row.id);
  ELSE
    PERFORM pg_notify('latchkey_client', row.tenant_id || ' ' || row.auth_client_id);
  END IF;
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER client_changed AFTER UPDATE OR DELETE ON auth_clients
  FOR EACH ROW EXECUTE FUNCTION latchkey_client_changed();
CREATE OR REPLACE TRIGGER client_changed AFTER INSERT OR UPDATE OR DELETE ON auth_client_state
  FOR EACH ROW EXECUTE FUNCTION latchkey_client_changed();

-- Gives a lease back without having sent anything: what the guard wrote down did not happen. (An earlier unknown outcome
-- is kept in lost_generation since this lease was taken.)
CREATE OR REPLACE FUNCTION latchkey_refresh_release(p_rows jsonb)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE token_state t SET lease_holder = NULL, outcome = NULL
    FROM jsonb_to_recordset(p_rows) AS r(tenant_id text, secret_id text, holder text, fence bigint)
   WHERE t.tenant_id = r.tenant_id AND t.secret_id = r.secret_id AND t.lease_holder = r.holder AND t.fence = r.fence
$$;

-- Other refresh tokens of the same grant that may still be alive, newest first; and what a refusal says about one of them.
CREATE OR REPLACE FUNCTION latchkey_refresh_alternatives(p_tenant text, p_secret text, p_grant text, p_predecessor boolean)
RETURNS TABLE (token_mac text, generation int, sealed bytea, issued_ms float8)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT token_mac, generation, sealed, extract(epoch FROM issued_at)::float8 * 1000 FROM token_ledger
   WHERE tenant_id = p_tenant AND secret_id = p_secret AND grant_id = p_grant
     AND (standing IN ('alternative', 'doubted') OR (p_predecessor AND standing = 'predecessor'))
   ORDER BY (standing = 'alternative') DESC, received_at DESC
$$;
CREATE OR REPLACE FUNCTION latchkey_refresh_refused(p_tenant text, p_secret text, p_grant text, p_mac text)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE token_ledger SET standing = 'refused'
   WHERE tenant_id = p_tenant AND secret_id = p_secret AND grant_id = p_grant AND token_mac = p_mac AND standing <> 'current'
$$;

-- What the metrics show, of tokens that are to be kept fresh: not those that wait for a person (dead, paused, or their auth
-- client broken), nor as due those that a provider asked to wait. Read along token_state_due and token_state_expiry from their beginnings, and never more than 10000 rows
-- that count, so that a large table costs no more than a small one.
CREATE FUNCTION latchkey_refresh_gauges()
RETURNS TABLE (due bigint, lag_s float8, leased bigint, lapsed bigint, soonest_s float8, expired bigint, broken_clients bigint,
  throttled_clients bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH waiting AS MATERIALIZED (
    SELECT t.refresh_due_at, t.lease_holder IS NOT NULL AS taken, t.lease_holder IS NOT NULL AND t.lease_until < now() AS lapsed
      FROM token_state t
     WHERE t.refresh_due_at <= now() AND (t.not_before IS NULL OR t.not_before <= now())
       AND t.status IN ('active', 'suspect') AND t.renewable
       AND NOT EXISTS (SELECT 1 FROM token_pace p WHERE p.tenant_id = t.tenant_id
                          AND p.auth_client_id = t.auth_client_id AND p.blocked_until > now())
       AND NOT EXISTS (SELECT 1 FROM auth_client_state c WHERE c.tenant_id = t.auth_client_tenant_id
                          AND c.auth_client_id = t.auth_client_id AND c.problem IS NOT NULL)
     ORDER BY t.refresh_due_at LIMIT 10000),
  expiring AS MATERIALIZED (
    SELECT t.expires_at
      FROM token_state t
     WHERE t.expires_at <= now() AND t.renewable AND t.status IN ('active', 'suspect')
       AND NOT EXISTS (SELECT 1 FROM auth_client_state c WHERE c.tenant_id = t.auth_client_tenant_id
                          AND c.auth_client_id = t.auth_client_id AND c.problem IS NOT NULL)
     ORDER BY t.expires_at LIMIT 10000)
  SELECT (SELECT count(*) FROM waiting WHERE NOT taken OR lapsed),
         coalesce(extract(epoch FROM now() - (SELECT min(refresh_due_at) FROM waiting WHERE NOT taken OR lapsed)), 0)::float8,
         (SELECT count(*) FROM waiting WHERE taken AND NOT lapsed),
         (SELECT count(*) FROM waiting WHERE lapsed),
         extract(epoch FROM coalesce((SELECT min(expires_at) FROM expiring), (
           SELECT t.expires_at
             FROM token_state t
            WHERE t.expires_at > now() AND t.renewable AND t.status IN ('active', 'suspect')
              AND NOT EXISTS (SELECT 1 FROM auth_client_state c WHERE c.tenant_id = t.auth_client_tenant_id
                                 AND c.auth_client_id = t.auth_client_id AND c.problem IS NOT NULL)
            ORDER BY t.expires_at LIMIT 1)) - now())::float8,
         (SELECT count(*) FROM expiring),
         (SELECT count(*) FROM auth_client_state WHERE problem IS NOT NULL),
         (SELECT count(*) FROM token_pace WHERE blocked_until > now())
$$;

-- Housekeeping across tenants: spent authorizations, old timelines.
CREATE OR REPLACE FUNCTION latchkey_expire_attempts() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH gone AS (DELETE FROM oauth_attempts WHERE expires_at < now() - interval '1 day' RETURNING 1) SELECT count(*) FROM gone
$$;
CREATE OR REPLACE FUNCTION latchkey_prune_events(p_days int) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH gone AS (DELETE FROM secret_events WHERE at < now() - p_days * interval '1 day' RETURNING 1) SELECT count(*) FROM gone
$$;
