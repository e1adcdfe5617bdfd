-- The second wall (SECURITY AZ-5). The audit's months and their end are in drizzle/audit.sql. Applied after every migration when its text has changed; must be repeatable.
-- The owner of DATABASE_URL owns the tables; every pool connection of the application does SET ROLE latchkey_app, which
-- owns nothing, bypasses nothing, and sees rows of the tenant named by the setting latchkey.tenant and of no other.

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY[
    'tenants', 'contracts', 'workspaces', 'users', 'memberships', 'api_keys', 'sessions', 'one_time_codes',
    'sign_in_failures', 'tenant_keys', 'key_holders', 'master_keys', 'instance_values', 'components', 'auth_clients', 'auth_client_components',
    'auth_client_state', 'redirect_names', 'secrets', 'token_state', 'token_pace', 'token_ledger', 'published_keys', 'secret_events', 'oauth_attempts',
    'endpoints', 'endpoint_checks', 'webhooks', 'webhook_marks', 'webhook_events', 'webhook_deliveries',
    'audit_entries'
  ] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('DROP POLICY IF EXISTS own_tenant ON %I', name);
    EXECUTE format(
      'CREATE POLICY own_tenant ON %I USING (tenant_id = current_setting(''latchkey.tenant'', true)) '
      'WITH CHECK (tenant_id = current_setting(''latchkey.tenant'', true))', name);
    EXECUTE format('REVOKE ALL ON %I FROM latchkey_app', name);
    IF name = 'audit_entries' THEN
      EXECUTE format('GRANT SELECT, INSERT ON %I TO latchkey_app', name);
    ELSE
      EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO latchkey_app', name);
    END IF;
  END LOOP;

  -- Global auth clients belong to the instance's tenant and may be seen (never changed) from every tenant.
  FOREACH name IN ARRAY ARRAY['auth_clients', 'auth_client_components', 'auth_client_state'] LOOP
    EXECUTE format('DROP POLICY IF EXISTS global_readable ON %I', name);
    EXECUTE format(
      'CREATE POLICY global_readable ON %I FOR SELECT USING (tenant_id = repeat(''0'', 24) '
      'AND coalesce(current_setting(''latchkey.tenant'', true), '''') <> '''')', name);
  END LOOP;
  DROP POLICY IF EXISTS instance_code ON tenants;
  CREATE POLICY instance_code ON tenants FOR SELECT
    USING (tenant_id = repeat('0', 24) AND coalesce(current_setting('latchkey.tenant', true), '') <> '');
  DROP POLICY IF EXISTS fellow_member ON users;
END $$;

GRANT USAGE ON SCHEMA public TO latchkey_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO latchkey_app;

-- The due index makes updates of token_state non-HOT when the due time changes; room in the page keeps the others HOT.
ALTER TABLE token_state SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE token_ledger SET (autovacuum_vacuum_scale_factor = 0.05);

-- Named doors across tenants: sign-in, key look-up. (The refresher's are in drizzle/refresher.sql.)

CREATE OR REPLACE FUNCTION latchkey_memberships(p_user text)
RETURNS TABLE (tenant_id text, scope_kind text, contract_id text, workspace_id text, role text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT m.tenant_id, m.scope_kind,
         CASE m.scope_kind WHEN 'contract' THEN m.scope_id WHEN 'workspace' THEN w.contract_id END,
         CASE m.scope_kind WHEN 'workspace' THEN m.scope_id END,
         m.role
    FROM memberships m
    LEFT JOIN workspaces w ON m.scope_kind = 'workspace' AND w.tenant_id = m.tenant_id AND w.id = m.scope_id
   WHERE m.user_id = p_user
$$;

-- What the API shows of people in the tenants they belong to; nothing else of their rows shows there.
DROP FUNCTION IF EXISTS latchkey_people(text, text[]);
CREATE FUNCTION latchkey_people(p_tenant text, p_ids text[])
RETURNS TABLE (id text, first_name text, last_name text, email text, registered_ms float8, last_login_ms float8)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT u.id, u.first_name, u.last_name, u.email, date_part('epoch', u.registered_at) * 1000,
         date_part('epoch', u.last_login_at) * 1000
    FROM users u
   WHERE u.id = ANY (p_ids) AND EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = u.id AND m.tenant_id = p_tenant)
$$;

-- Which tenants there are, for the operator: their names and nothing in them.
DROP FUNCTION IF EXISTS latchkey_tenants();
CREATE FUNCTION latchkey_tenants()
RETURNS TABLE (id text, name text, redirect_code text, created_ms float8, reveal text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT t.tenant_id, t.name, t.redirect_code, date_part('epoch', t.created_at) * 1000, t.reveal
    FROM tenants t WHERE t.tenant_id <> repeat('0', 24)
$$;

-- The public keys of a workspace, for anybody (GET /.well-known/jwks/{workspaceId}.json). A workspace has no more than it has secrets.
DROP FUNCTION IF EXISTS latchkey_published_keys(text);
CREATE FUNCTION latchkey_published_keys(p_workspace text)
RETURNS TABLE (kid text, use text, n text, e text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT DISTINCT ON (k.kid, k.use) k.kid, k.use, k.n, k.e FROM published_keys k
   WHERE k.workspace_id = p_workspace ORDER BY k.kid, k.use LIMIT 1000
$$;

DROP FUNCTION IF EXISTS latchkey_find_key(text);
CREATE FUNCTION latchkey_find_key(p_mac text)
RETURNS TABLE (tenant_id text, id text, kind text, name text, user_id text, workspace_id text, contract_id text,
               permissions text[], workspace_ids text[], allowed_addresses text[], expires_at_ms float8, email text,
               email_key text, first_name text, last_name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT k.tenant_id, k.id, k.kind, k.name, k.user_id, k.workspace_id, w.contract_id, k.permissions, k.workspace_ids,
         k.allowed_addresses, date_part('epoch', k.expires_at) * 1000, u.email, u.email_key, u.first_name, u.last_name
    FROM api_keys k
    LEFT JOIN users u ON u.id = k.user_id
    LEFT JOIN workspaces w ON w.tenant_id = k.tenant_id AND w.id = k.workspace_id
   WHERE k.key_mac = p_mac
$$;

-- A secret with its token state and its client's trouble, as every read needs it. security_invoker: row-level security
-- judges the reader, not the owner of the view.
DROP FUNCTION IF EXISTS latchkey_read_secret(text, text, text), latchkey_read_secrets_audited(jsonb),
  latchkey_read_tokens_audited(jsonb), latchkey_read_requests_audited(jsonb);
DROP VIEW IF EXISTS request_rows;
DROP VIEW IF EXISTS token_rows;
DROP VIEW IF EXISTS secret_rows;
CREATE VIEW secret_rows WITH (security_invoker = true) AS
  SELECT s.tenant_id, s.id, s.workspace_id, s.type, s.name, s.secret_name, s.auth_client_tenant_id, s.auth_client_id,
         s.user_id, s.declared_state, s.declared_error, s.scope, s.sealed, s.generation,
         date_part('epoch', s.created_at) * 1000 AS created_ms,
         date_part('epoch', s.updated_at) * 1000 AS updated_ms,
         t.status, t.grant_id, t.generation AS token_generation, t.sealed AS token_sealed,
         date_part('epoch', t.expires_at) * 1000 AS expires_ms,
         date_part('epoch', t.issued_at) * 1000 AS issued_ms,
         date_part('epoch', t.received_at) * 1000 AS received_ms,
         t.lifetime_s, t.has_refresh_token, t.renewable, t.token_type, t.scope_granted, t.fingerprint,
         t.refresh_fingerprint, date_part('epoch', greatest(t.refresh_due_at, t.not_before)) * 1000 AS due_ms,
         coalesce(t.lease_holder IS NOT NULL AND t.lease_until > now(), false) AS leased,
         t.failures, t.suspect_since IS NOT NULL AS suspect, t.problem, c.problem AS client_problem,
         date_part('epoch', c.next_probe_at) * 1000 AS next_probe_ms,
         date_part('epoch', now()) * 1000 AS now_ms,
         -- The stricter of both counts. A tenant that cannot be seen shows nothing.
         s.reveal, CASE WHEN s.reveal = 'step_up' AND n.reveal = 'step_up' THEN 'step_up' ELSE 'never' END AS reveal_effective,
         s.allowed_hosts
    FROM secrets s
    LEFT JOIN tenants n ON n.tenant_id = s.tenant_id
    LEFT JOIN token_state t ON t.tenant_id = s.tenant_id AND t.secret_id = s.id
    LEFT JOIN auth_client_state c ON c.tenant_id = s.auth_client_tenant_id AND c.auth_client_id = s.auth_client_id;
GRANT SELECT ON secret_rows TO latchkey_app;

-- The part of it that handing out a token needs: what is read most is worth a narrow row. Name and generation are the audit's.
CREATE VIEW token_rows WITH (security_invoker = true) AS
  SELECT tenant_id, id, workspace_id, type, name, generation, auth_client_tenant_id, auth_client_id, scope, created_ms, status,
         token_generation, token_sealed, expires_ms, received_ms, lifetime_s, renewable, token_type, scope_granted, fingerprint,
         due_ms, leased, failures, suspect, problem, client_problem, next_probe_ms, now_ms
    FROM secret_rows;

-- The part that a request with a secret needs: the same, its values, and where it may go.
CREATE VIEW request_rows WITH (security_invoker = true) AS
  SELECT tenant_id, id, workspace_id, type, name, generation, sealed, allowed_hosts, auth_client_tenant_id, auth_client_id, scope,
         created_ms, status, token_generation, token_sealed, expires_ms, received_ms, lifetime_s, renewable, token_type,
         scope_granted, fingerprint, due_ms, leased, failures, suspect, problem, client_problem, next_probe_ms, now_ms
    FROM secret_rows;

-- The hot read: one statement instead of a transaction with set_config around each read. Takes tenant, workspace and id,
-- so it shows no more than the policy would. DECISIONS.md has the figures.
CREATE FUNCTION latchkey_read_secret(p_tenant text, p_workspace text, p_secret text)
RETURNS SETOF secret_rows LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT * FROM secret_rows r WHERE r.tenant_id = p_tenant AND r.id = p_secret AND r.workspace_id = p_workspace
$$;

-- Reads that show a value, many callers' at once: the entries are committed before any row is answered (AU-1). Each secret
-- once, however many asked for it. A batch is small and has the keys, but the planner takes every jsonb for a hundred rows and
-- would read whole tables for it, so it is told to look up.
CREATE FUNCTION latchkey_read_secrets_audited(p_asked jsonb)
RETURNS SETOF secret_rows LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
  WITH asked AS (
    SELECT * FROM jsonb_to_recordset(p_asked) AS r(secret_id text, tenant_id text, workspace_id text,
      actor_kind text, actor_id text, actor_name text, via text, credential_id text, action text, request_id text,
      purpose text, ip text, user_agent text, detail jsonb)),
  found AS (
    SELECT r.* FROM (SELECT DISTINCT secret_id, tenant_id, workspace_id FROM asked) a JOIN secret_rows r
        ON r.tenant_id = a.tenant_id AND r.id = a.secret_id AND r.workspace_id = a.workspace_id),
  written AS (
    INSERT INTO audit_entries (tenant_id, actor_kind, actor_id, actor_name, via, credential_id, action, outcome,
      workspace_id, target_type, target_id, target_name, generation, request_id, purpose, ip, user_agent, detail)
    SELECT a.tenant_id, a.actor_kind, a.actor_id, a.actor_name, a.via, a.credential_id, a.action,
           CASE WHEN f.id IS NULL THEN 'failed'
                WHEN a.action = 'secret.revealed' AND f.reveal_effective = 'never' THEN 'denied'
                ELSE 'allowed' END, a.workspace_id, 'auth-secret', a.secret_id,
           f.name, coalesce(f.token_generation, f.generation), a.request_id, a.purpose, a.ip, a.user_agent, a.detail
      FROM asked a LEFT JOIN found f
        ON f.id = a.secret_id AND f.workspace_id = a.workspace_id AND f.tenant_id = a.tenant_id)
  SELECT * FROM found
$$;

-- The same of secrets that a request is made with, or a statement: where the host is one of the values, whoever asks knows it as of an edit,
-- and of another edit the row comes without an entry.
CREATE FUNCTION latchkey_read_requests_audited(p_asked jsonb)
RETURNS SETOF request_rows LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
  WITH asked AS (
    SELECT * FROM jsonb_to_recordset(p_asked) AS r(secret_id text, tenant_id text, workspace_id text,
      actor_kind text, actor_id text, actor_name text, via text, credential_id text, action text, request_id text,
      purpose text, ip text, user_agent text, detail jsonb, host text, destinations text[], host_generation int)),
  found AS (
    SELECT q.* FROM (SELECT DISTINCT secret_id, tenant_id, workspace_id FROM asked) a JOIN request_rows q
        ON q.tenant_id = a.tenant_id AND q.id = a.secret_id AND q.workspace_id = a.workspace_id),
  written AS (
    INSERT INTO audit_entries (tenant_id, actor_kind, actor_id, actor_name, via, credential_id, action, outcome,
      workspace_id, target_type, target_id, target_name, generation, request_id, purpose, ip, user_agent, detail, host)
    SELECT a.tenant_id, a.actor_kind, a.actor_id, a.actor_name, a.via, a.credential_id, a.action,
           -- A request to somewhere the secret may not be sent is denied (PX-1).
           CASE WHEN NOT q.allowed_hosts && a.destinations THEN 'denied'
                -- To be sent with a token, and none that lives is there: nothing leaves with this entry.
                WHEN q.id IS NULL OR q.type = 'oauth2' AND (q.token_sealed IS NULL OR q.expires_ms <= q.now_ms)
                THEN 'failed'
                ELSE 'allowed' END, a.workspace_id, 'auth-secret', a.secret_id,
           q.name, coalesce(q.token_generation, q.generation), a.request_id, a.purpose, a.ip, a.user_agent,
           CASE WHEN NOT q.allowed_hosts && a.destinations
                THEN coalesce(a.detail, '{}') || '{"code": "blocked_destination"}' ELSE a.detail END, a.host
      FROM asked a LEFT JOIN found q
        ON q.id = a.secret_id AND q.workspace_id = a.workspace_id AND q.tenant_id = a.tenant_id
     WHERE a.host_generation IS NULL OR a.host_generation = q.generation)
  SELECT * FROM found
$$;

-- The same of tokens, by secret.
CREATE FUNCTION latchkey_read_tokens_audited(p_asked jsonb)
RETURNS SETOF token_rows LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
  WITH asked AS (
    SELECT * FROM jsonb_to_recordset(p_asked) AS r(secret_id text, tenant_id text, workspace_id text,
      actor_kind text, actor_id text, actor_name text, via text, credential_id text, action text, request_id text,
      purpose text, ip text, user_agent text)),
  found AS (
    SELECT k.* FROM (SELECT DISTINCT secret_id, tenant_id, workspace_id FROM asked) a JOIN token_rows k
        ON k.tenant_id = a.tenant_id AND k.id = a.secret_id AND k.workspace_id = a.workspace_id),
  written AS (
    INSERT INTO audit_entries (tenant_id, actor_kind, actor_id, actor_name, via, credential_id, action, outcome,
      workspace_id, target_type, target_id, target_name, generation, request_id, purpose, ip, user_agent)
    SELECT a.tenant_id, a.actor_kind, a.actor_id, a.actor_name, a.via, a.credential_id, a.action,
           -- None that lives is there: nothing leaves with this entry.
           CASE WHEN t.id IS NULL OR t.token_sealed IS NULL OR t.expires_ms <= t.now_ms THEN 'failed'
                ELSE 'allowed' END, a.workspace_id, 'auth-secret', a.secret_id,
           t.name, coalesce(t.token_generation, t.generation), a.request_id, a.purpose, a.ip, a.user_agent
      FROM asked a LEFT JOIN found t
        ON t.id = a.secret_id AND t.workspace_id = a.workspace_id AND t.tenant_id = a.tenant_id)
  SELECT * FROM found
$$;

-- Whether a global client is in use shows only across tenants; its operator asks before deleting it.
CREATE OR REPLACE FUNCTION latchkey_global_client_uses(p_client text)
RETURNS int LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT count(*)::int FROM secrets WHERE auth_client_id = p_client AND auth_client_tenant_id = repeat('0', 24)
$$;
-- Entries of concurrent reads and denials are of several tenants and committed together (AU-1, group commit).
CREATE OR REPLACE FUNCTION latchkey_write_audit(p_rows jsonb)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  INSERT INTO audit_entries (tenant_id, actor_kind, actor_id, actor_name, via, credential_id, action, outcome,
    workspace_id, target_type, target_id, target_name, generation, host, request_id, purpose, ip, user_agent, detail)
  SELECT tenant_id, actor_kind, actor_id, actor_name, via, credential_id, action, outcome,
    workspace_id, target_type, target_id, target_name, generation, host, request_id, purpose, ip, user_agent, detail
    FROM jsonb_to_recordset(p_rows) AS r(tenant_id text, actor_kind text, actor_id text, actor_name text, via text,
      credential_id text, action text, outcome text, workspace_id text, target_type text, target_id text,
      target_name text, generation int, host text, request_id text, purpose text, ip text, user_agent text, detail jsonb)
$$;

-- A proxy asks whether a request may pass, and names the endpoint alone: what it is and the secrets that open it, one row each. An
-- endpoint without secrets, or whose secrets are gone, is one row.
DROP FUNCTION IF EXISTS latchkey_read_endpoint(text);
CREATE FUNCTION latchkey_read_endpoint(p_endpoint text)
RETURNS TABLE (tenant_id text, workspace_id text, name text, open_access boolean, secret_ids text[], scopes text[], issuer text,
  audience text, secret_id text, secret_name text, type text, generation int, sealed bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT e.tenant_id, e.workspace_id, e.name, e.open_access, e.secret_ids, e.scopes, e.issuer, e.audience,
         s.id, s.name, s.type, s.generation, s.sealed
    FROM endpoints e
    LEFT JOIN secrets s ON s.tenant_id = e.tenant_id AND s.id = ANY (e.secret_ids) AND s.workspace_id = e.workspace_id
   WHERE e.id = p_endpoint
   ORDER BY array_position(e.secret_ids, s.id)
$$;

-- What was asked of endpoints, of several tenants at once. Rows of a minute that goes on are counted further; of each endpoint the
-- newest stay, openings and the rest apart, so that a flood of one drives out none of the other.
CREATE OR REPLACE FUNCTION latchkey_write_checks(p_rows jsonb, p_keep int)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  INSERT INTO endpoint_checks AS c (tenant_id, endpoint_id, id, outcome, reason, secret_id, secret_name, address, count,
    first_at, last_at)
  SELECT g.* FROM jsonb_to_recordset(p_rows) AS g(tenant_id text, endpoint_id text, id text, outcome text, reason text,
      secret_id text, secret_name text, address text, count int, first_at timestamptz, last_at timestamptz)
    -- One that was deleted meanwhile has no log.
    JOIN endpoints e ON e.tenant_id = g.tenant_id AND e.id = g.endpoint_id
  ON CONFLICT (tenant_id, id) DO UPDATE SET count = excluded.count, last_at = excluded.last_at;

  DELETE FROM endpoint_checks c USING (
    SELECT k.tenant_id, k.id, row_number() OVER (
             PARTITION BY k.tenant_id, k.endpoint_id, k.outcome = 'opened' ORDER BY k.last_at DESC, k.id DESC) AS place
      FROM endpoint_checks k
      JOIN (SELECT DISTINCT tenant_id, endpoint_id FROM jsonb_to_recordset(p_rows) AS g(tenant_id text, endpoint_id text)) asked
     USING (tenant_id, endpoint_id)) old
   WHERE c.tenant_id = old.tenant_id AND c.id = old.id AND old.place > p_keep;
$$;
