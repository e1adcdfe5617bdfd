import type postgres from "postgres";
import type { Ground } from "./seed";

/**
 * Very many secrets, made by the database itself from one that exists. Their sealed values are copies, so they are as long as
 * real ones and cannot be opened; nothing opens them.
 */

/** Secrets in a workspace of the filling. */
const PER_WORKSPACE = 10_000;
/** Rows of one statement. */
const CHUNK = 50_000;
/** The ids begin with seconds, as `newId` makes them; these were made in 2024, a hundred a second. */
const OLDEST_S = 1_704_067_200;

/** Takes every secret away. */
export async function clearSecrets(owner: postgres.Sql): Promise<void> {
  await owner`truncate secrets, token_state, token_ledger, secret_events cascade`;
}

/**
 * Fills the tables up to `count` secrets, due some hours from now: the ground's workspace up to 10,000, then further ones of
 * the same tenant, which are only named: nothing looks for them.
 *
 * @param like the id of an authorized secret that they are copies of
 */
export async function fillTo(owner: postgres.Sql, ground: Ground, like: string, count: number): Promise<void> {
  const { tenantId, workspaceId } = ground;
  const [{ n: have = 0 } = {}] = await owner<{ n: number }[]>`select count(*)::int as n from secrets`;
  // Only for the filling: with many checkpoints on the way the same pages would be written again and again.
  await owner`alter system set max_wal_size = '16GB'`;
  await owner`select pg_reload_conf()`;
  for (let from = have; from < count; from += CHUNK) {
    const to = Math.min(from + CHUNK, count) - 1;
    await owner.begin(async (tx) => {
      // Copies of rows that hold together need no checking row by row, which takes most of the time.
      await tx`set local session_replication_role = replica`;
      await tx`set local synchronous_commit = off`;
      await tx`create temp table filling on commit drop as
        select n, lpad(to_hex(${OLDEST_S}::int + n / 100), 8, '0') || left(md5('filling ' || n), 16) as id,
               'Filling ' || lpad(n::text, 7, '0') as name, n / ${PER_WORKSPACE}::int as place,
               now() + interval '4 h' + random() * interval '20 h' as due
          from generate_series(${from}::int, ${to}::int) n`;
      const place = tx`case when f.place = 0 then ${workspaceId} else 'filling-' || f.place end`;
      await tx`
        insert into secrets (tenant_id, id, workspace_id, type, name, name_key, secret_name, auth_client_tenant_id,
          auth_client_id, scope, sealed)
        select s.tenant_id, f.id, ${place}, s.type, f.name, lower(f.name), f.id, s.auth_client_tenant_id,
          s.auth_client_id, s.scope, s.sealed
          from filling f, secrets s where s.tenant_id = ${tenantId} and s.id = ${like}`;
      await tx`
        insert into token_state (tenant_id, secret_id, workspace_id, auth_client_tenant_id, auth_client_id, status,
          grant_id, generation, sealed, expires_at, issued_at, received_at, lifetime_s, has_refresh_token, token_type,
          scope_granted, fingerprint, refresh_fingerprint, refresh_due_at, renewable, outcome)
        select t.tenant_id, f.id, ${place}, t.auth_client_tenant_id, t.auth_client_id, t.status,
          f.id, 1, t.sealed, f.due + interval '1 h', now(), now(), t.lifetime_s, true, t.token_type,
          t.scope_granted, t.fingerprint, t.refresh_fingerprint, f.due, true, 'OK'
          from filling f, token_state t where t.tenant_id = ${tenantId} and t.secret_id = ${like}`;
      await tx`
        insert into token_ledger (tenant_id, secret_id, grant_id, token_mac, generation, sealed, issued_at, received_at,
          attempt, standing)
        select g.tenant_id, f.id, f.id, md5(f.id), 1, g.sealed, now(), now(), 'filling', 'current'
          from filling f, (select * from token_ledger where tenant_id = ${tenantId} and secret_id = ${like} limit 1) g`;
    });
  }
  await owner`alter system reset all`;
  await owner`select pg_reload_conf()`;
  await owner`vacuum (analyze) secrets`;
  await owner`vacuum (analyze) token_state`;
  await owner`vacuum (analyze) token_ledger`;
  await owner`checkpoint`;
}
