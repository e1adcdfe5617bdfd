import { and, desc, eq, inArray, type SQL, sql } from "drizzle-orm";
import { authClients } from "@/drizzle/schema/auth-clients";
import { oauthAttempts, publishedKeys, secretEvents, secrets, tokenLedger, tokenState } from "@/drizzle/schema/secrets";
import type { Caller } from "@/lib/access/caller";
import type { RevealPolicy } from "@/lib/access/reveal-policy";
import type { WorkspaceScope } from "@/lib/access/scope";
import { orUnavailable } from "@/lib/audit/record";
import type { Sql } from "@/lib/db/client";
import { groupCommit } from "@/lib/db/group-commit";
import { jsonText } from "@/lib/db/json-text";
import { repeatable, type Tx, violatedConstraint } from "@/lib/db/tx";
import { AppError, type Problem } from "@/lib/errors";
import { oneLine } from "@/lib/observability/one-line";
import { once } from "@/lib/process";
import type { GrantType } from "@/lib/secret-types/grant-types";
import { nameKey } from "@/lib/secret-types/names";
import type { StateFacts } from "./state";

/** The only file that knows the tables of a secret. Times are ms by the database's clock. */

/** What handing out a token needs (`token_rows`). */
export interface TokenRow extends StateFacts {
  tenantId: string;
  id: string;
  workspaceId: string;
  authClientTenantId: string | null;
  authClientId: string | null;
  scope: string | null;
  tokenGeneration: number | null;
  tokenSealed: Buffer | null;
  receivedMs: number | null;
  lifetimeS: number | null;
  tokenType: string | null;
  scopeGranted: string | null;
  fingerprint: string | null;
  nextProbeMs: number | null;
}

/** Everything about a secret (`secret_rows`). */
export interface SecretRow extends TokenRow {
  name: string;
  secretName: string;
  userId: string | null;
  declaredState: string | null;
  declaredError: string | null;
  sealed: Buffer;
  generation: number;
  updatedMs: number;
  grantId: string | null;
  issuedMs: number | null;
  hasRefreshToken: boolean;
  refreshFingerprint: string | null;
  reveal: RevealPolicy;
  /** The stricter of the secret's and its tenant's. */
  revealEffective: RevealPolicy;
  /** Where requests with it may go (allowed-hosts.ts). */
  allowedHosts: string[];
}

type Raw = Record<string, unknown>;

function toTokenRow(raw: Raw): TokenRow {
  return {
    tenantId: raw.tenant_id as string,
    id: raw.id as string,
    workspaceId: raw.workspace_id as string,
    type: raw.type as string,
    authClientTenantId: raw.auth_client_tenant_id as string | null,
    authClientId: raw.auth_client_id as string | null,
    scope: raw.scope as string | null,
    createdMs: raw.created_ms as number,
    status: raw.status as string | null,
    tokenGeneration: raw.token_generation as number | null,
    tokenSealed: raw.token_sealed as Buffer | null,
    expiresMs: raw.expires_ms as number | null,
    receivedMs: raw.received_ms as number | null,
    lifetimeS: raw.lifetime_s as number | null,
    renewable: raw.renewable as boolean | null,
    tokenType: raw.token_type as string | null,
    scopeGranted: raw.scope_granted as string | null,
    fingerprint: raw.fingerprint as string | null,
    dueMs: raw.due_ms as number | null,
    leased: raw.leased === true,
    failures: raw.failures as number | null,
    suspect: raw.suspect === true,
    problem: raw.problem as Problem | null,
    clientProblem: raw.client_problem as Problem | null,
    nextProbeMs: raw.next_probe_ms as number | null,
    nowMs: raw.now_ms as number,
  };
}

function toRow(raw: Raw): SecretRow {
  return Object.assign(toTokenRow(raw), {
    name: raw.name as string,
    secretName: raw.secret_name as string,
    userId: raw.user_id as string | null,
    declaredState: raw.declared_state as string | null,
    declaredError: raw.declared_error as string | null,
    sealed: raw.sealed as Buffer,
    generation: raw.generation as number,
    updatedMs: raw.updated_ms as number,
    grantId: raw.grant_id as string | null,
    issuedMs: raw.issued_ms as number | null,
    hasRefreshToken: raw.has_refresh_token === true,
    refreshFingerprint: raw.refresh_fingerprint as string | null,
    reveal: raw.reveal as RevealPolicy,
    revealEffective: raw.reveal_effective as RevealPolicy,
    allowedHosts: raw.allowed_hosts as string[],
  });
}

/** One secret without its values being shown: prepared, no transaction. */
export async function readSecret(scope: WorkspaceScope, id: string): Promise<SecretRow | null> {
  const rows = await repeatable(
    (sql) => sql`select * from latchkey_read_secret(${scope.tenantId}, ${scope.workspaceId}, ${id})`,
  );
  return rows[0] ? toRow(rows[0]) : null;
}

interface Asked {
  caller: Caller;
  scope: WorkspaceScope;
  id: string;
  action: string;
  detail: Record<string, unknown> | null;
  destination: Destination | null;
}

/** Where a request with a secret goes: its host for the audit, and the entries of an allow-list that would allow it. */
export interface Destination {
  host: string;
  entries: readonly string[];
}

/** The process's reads of one kind, those asked at once in one statement: entries committed, then rows. */
function audited<Row extends TokenRow>(
  name: string,
  statement: (sql: Sql, asked: string) => Promise<Raw[]>,
  toRow: (raw: Raw) => Row,
) {
  return once(name, () =>
    groupCommit<Asked, Row | null>(
      async (all) => {
        const asked = jsonText(all.map(auditEntry));
        // Twice at worst: two entries for one read are better than none for a refused one.
        const found = await repeatable((sql) => statement(sql, asked));
        const key = (tenantId: unknown, workspaceId: unknown, id: unknown) => `${tenantId} ${workspaceId} ${id}`;
        const byKey = new Map(found.map((raw) => [key(raw.tenant_id, raw.workspace_id, raw.id), raw]));
        return all.map(({ scope, id }) => {
          const raw = byKey.get(key(scope.tenantId, scope.workspaceId, id));
          return raw ? toRow(raw) : null;
        });
      },
      { max: 200, parallel: 2 },
    ),
  );
}

const secretReads = () =>
  audited(
    "audited-reads",
    (sql, asked) => sql`select * from latchkey_read_secrets_audited(${asked}::text::jsonb)`,
    toRow,
  );

const tokenReads = () =>
  audited(
    "audited-token-reads",
    (sql, asked) => sql`select * from latchkey_read_tokens_audited(${asked}::text::jsonb)`,
    toTokenRow,
  );

function auditEntry({ caller, scope, id, action, detail, destination }: Asked): Record<string, unknown> {
  return {
    secret_id: id,
    tenant_id: scope.tenantId,
    workspace_id: scope.workspaceId,
    actor_kind: caller.kind,
    actor_id: caller.id,
    actor_name: clipped(caller.name),
    via: caller.via,
    credential_id: caller.credentialId,
    action,
    request_id: caller.request.requestId,
    purpose: clipped(caller.request.purpose),
    ip: caller.request.ip,
    user_agent: clipped(caller.request.userAgent),
    detail,
    host: destination?.host ?? null,
    destinations: destination?.entries ?? null,
  };
}

/** What a secret's key was used for; the key itself stays. */
export type KeyUseAction = "secret.signed" | "secret.verified" | "secret.encrypted" | "secret.decrypted";

const clipped = (text: string | null) => (text === null ? null : oneLine(text).slice(0, 200));

/**
 * One secret whose value is about to leave: the audit entry is committed before this resolves, together with those of
 * concurrent reads. With a `destination` that the secret does not allow, the entry says denied.
 *
 * @throws AppError audit_unavailable when the entry cannot be written; nothing is given out then (AU-1)
 */
export async function readSecretAudited(
  caller: Caller,
  scope: WorkspaceScope,
  id: string,
  action: "secret.read" | "secret.revealed" | "secret.requested" | KeyUseAction,
  detail: Record<string, unknown> | null = null,
  destination: Destination | null = null,
): Promise<SecretRow | null> {
  return orUnavailable(() => secretReads().add({ caller, scope, id, action, detail, destination }));
}

/** The same for the access token alone. The entry says "failed" when none that lives is there. @throws AppError audit_unavailable */
export async function readTokenAudited(
  caller: Caller,
  scope: WorkspaceScope,
  id: string,
  action: "secret.token" | "secret.refused",
): Promise<TokenRow | null> {
  return orUnavailable(() => tokenReads().add({ caller, scope, id, action, detail: null, destination: null }));
}

/** Audited reads that are not committed yet; for metrics. */
export function readsWaiting(): { count: number; since: number | null } {
  const [secrets, tokens] = [secretReads().waiting(), tokenReads().waiting()];
  const since = [secrets.since, tokens.since].filter((one) => one !== null);
  return { count: secrets.count + tokens.count, since: since.length === 0 ? null : Math.min(...since) };
}

export interface ListFilter {
  userId?: string;
  authClientId?: string;
  type?: string;
  id?: string;
  /** The whole name, as names are compared. */
  name?: string;
  search?: string;
  group?: "needs_person" | "trouble" | "working";
}

/** The groups of the list's filter chips, as SQL; lib/secrets/state decides the same from one row. */
const WAITS = sql`(r.type = 'oauth2' and (r.status is null or r.status in ('unauthorized', 'dead', 'paused')
  or (r.client_problem is not null and r.renewable) or (not r.renewable and r.expires_ms <= r.now_ms)))`;
const TROUBLE = sql`(not ${WAITS} and r.type = 'oauth2' and (r.suspect or r.failures > 0))`;
const WORKS = sql`(not ${WAITS} and not ${TROUBLE})`;

function where(scope: WorkspaceScope, filter: ListFilter): SQL {
  const parts = [sql`r.tenant_id = ${scope.tenantId} and r.workspace_id = ${scope.workspaceId}`];
  if (filter.userId !== undefined) parts.push(sql`r.user_id = ${filter.userId}`);
  if (filter.authClientId !== undefined) parts.push(sql`r.auth_client_id = ${filter.authClientId}`);
  if (filter.type !== undefined) parts.push(sql`r.type = ${filter.type}`);
  if (filter.id !== undefined) parts.push(sql`r.id = ${filter.id}`);
  if (filter.name !== undefined)
    parts.push(sql`r.id = (select id from ${secrets}
      where tenant_id = ${scope.tenantId} and workspace_id = ${scope.workspaceId} and name_key = ${nameKey(filter.name)})`);
  if (filter.search) {
    const like = `%${filter.search.replace(/[\\%_]/g, (c) => `\\${c}`)}%`;
    parts.push(sql`(r.name ilike ${like} or exists (select 1 from ${authClients} c
      where c.tenant_id = r.auth_client_tenant_id and c.id = r.auth_client_id and c.name ilike ${like}))`);
  }
  if (filter.group) parts.push({ needs_person: WAITS, trouble: TROUBLE, working: WORKS }[filter.group]);
  return sql.join(parts, sql` and `);
}

const ORDERS = {
  name: sql`lower(r.name), r.id`,
  created: sql`r.created_ms, r.id`,
  attention: sql`case when ${WAITS} then 0 when ${TROUBLE} then 1 else 2 end, lower(r.name), r.id`,
};

export async function listSecrets(
  tx: Tx,
  scope: WorkspaceScope,
  filter: ListFilter,
  order: keyof typeof ORDERS,
  page: { limit: number; offset: number } | null,
): Promise<SecretRow[]> {
  const rows = await tx.execute(
    sql`select * from secret_rows r where ${where(scope, filter)} order by ${ORDERS[order]}
        ${page ? sql`limit ${page.limit} offset ${page.offset}` : sql``}`,
  );
  return rows.map((raw) => toRow(raw));
}

export interface ListCounts {
  /** All that match the filter. */
  total: number;
  /** Of the workspace, whatever the filter says. */
  all: number;
  needs_person: number;
  trouble: number;
  working: number;
}

export async function countSecrets(tx: Tx, scope: WorkspaceScope, filter: ListFilter): Promise<ListCounts> {
  const [counts] = await tx.execute<{ all: number; waits: number; trouble: number }>(
    sql`select count(*)::int as all, count(*) filter (where ${WAITS})::int as waits,
               count(*) filter (where ${TROUBLE})::int as trouble
          from secret_rows r where r.tenant_id = ${scope.tenantId} and r.workspace_id = ${scope.workspaceId}`,
  );
  const [matching] = await tx.execute<{ n: number }>(
    sql`select count(*)::int as n from secret_rows r where ${where(scope, filter)}`,
  );
  const all = counts?.all ?? 0;
  const needsPerson = counts?.waits ?? 0;
  const trouble = counts?.trouble ?? 0;
  return { total: matching?.n ?? 0, all, needs_person: needsPerson, trouble, working: all - needsPerson - trouble };
}

/** When each secret's value was last given out, from the audit trail. */
export async function lastUsed(tx: Tx, tenantId: string, ids: readonly string[]): Promise<Map<string, Date>> {
  if (ids.length === 0) return new Map();
  const rows = await tx.execute<{ id: string; at: string }>(
    sql`select i.id, a.at from unnest(array[${sql.join(
      ids.map((id) => sql`${id}`),
      sql`, `,
    )}]::text[]) as i(id)
        cross join lateral (select at from audit_entries e where e.tenant_id = ${tenantId} and e.target_id = i.id
          and e.action in ('secret.read', 'secret.token', 'secret.refused', 'secret.requested', 'secret.sql',
            'secret.signed', 'secret.verified', 'secret.encrypted', 'secret.decrypted') and e.outcome = 'allowed'
          order by e.id desc limit 1) a`,
  );
  return new Map(rows.map((row) => [row.id, new Date(row.at)]));
}

/** What decides how a secret of a client looks. */
export interface ClientLook {
  /** The shared one, with `redirect_uri_per: client`. */
  sharedSecretName: string | null;
  grantType: GrantType;
}

/** By client id. */
export async function clientLooks(tx: Tx, clientIds: readonly string[]): Promise<Map<string, ClientLook>> {
  if (clientIds.length === 0) return new Map();
  const rows = await tx
    .select({
      id: authClients.id,
      sharedSecretName: authClients.secretName,
      grantType: sql<GrantType>`${authClients.options} ->> 'grant_type'`,
    })
    .from(authClients)
    .where(and(inArray(authClients.id, [...new Set(clientIds)]), eq(authClients.type, "oauth2")));
  return new Map(rows.map(({ id, ...look }) => [id, look]));
}

export type NewSecret = Pick<
  typeof secrets.$inferInsert,
  | "tenantId"
  | "id"
  | "workspaceId"
  | "type"
  | "name"
  | "nameKey"
  | "secretName"
  | "authClientTenantId"
  | "authClientId"
  | "userId"
  | "scope"
  | "sealed"
  | "declaredState"
  | "declaredError"
  | "reveal"
  | "allowedHosts"
>;

/** @throws AppError conflict when the name is taken in the workspace */
export async function insertSecret(tx: Tx, row: NewSecret): Promise<void> {
  await nameConflict(() => tx.insert(secrets).values(row));
}

async function nameConflict<T>(work: () => PromiseLike<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (violatedConstraint(error) === "secrets_name")
      throw new AppError(
        "conflict",
        "A secret of this name exists in the workspace already; names are compared without regard to case.",
        {
          source: { pointer: "/data/attributes/name" },
        },
      );
    throw error;
  }
}

/** What the redirect flow needs of a secret. */
export interface AuthorizableSecret {
  tenantId: string;
  id: string;
  workspaceId: string;
  name: string;
  secretName: string;
  scope: string | null;
  client: { tenantId: string; id: string } | null;
  generation: number;
  sealed: Buffer;
}

export async function authorizableSecret(tx: Tx, tenantId: string, id: string): Promise<AuthorizableSecret | null> {
  const [row] = await tx
    .select()
    .from(secrets)
    .where(and(eq(secrets.tenantId, tenantId), eq(secrets.id, id)));
  if (!row) return null;
  const { authClientTenantId, authClientId } = row;
  return {
    ...row,
    client: authClientTenantId && authClientId ? { tenantId: authClientTenantId, id: authClientId } : null,
  };
}

/** Locks the secret's row for the rest of the transaction. */
export async function lockSecret(
  tx: Tx,
  tenantId: string,
  id: string,
): Promise<Pick<SecretRow, "generation" | "sealed" | "scope" | "reveal" | "allowedHosts"> | null> {
  const { generation, sealed, scope, reveal, allowedHosts } = secrets;
  const [row] = await tx
    .select({ generation, sealed, scope, reveal, allowedHosts })
    .from(secrets)
    .where(and(eq(secrets.tenantId, tenantId), eq(secrets.id, id)))
    .for("update");
  return row ?? null;
}

export async function updateSecret(
  tx: Tx,
  tenantId: string,
  id: string,
  change: Partial<
    Pick<
      NewSecret,
      "name" | "nameKey" | "scope" | "sealed" | "declaredState" | "declaredError" | "reveal" | "allowedHosts"
    >
  > & {
    generation?: number;
  },
): Promise<void> {
  await nameConflict(() =>
    tx
      .update(secrets)
      .set({ ...change, updatedAt: sql`now()` })
      .where(and(eq(secrets.tenantId, tenantId), eq(secrets.id, id))),
  );
}

/** Removes a secret with everything that was kept for it, its timeline included; the audit trail stays. */
export async function deleteSecretRows(tx: Tx, tenantId: string, id: string): Promise<void> {
  await tx.delete(tokenLedger).where(and(eq(tokenLedger.tenantId, tenantId), eq(tokenLedger.secretId, id)));
  await tx.delete(tokenState).where(and(eq(tokenState.tenantId, tenantId), eq(tokenState.secretId, id)));
  await tx.delete(publishedKeys).where(and(eq(publishedKeys.tenantId, tenantId), eq(publishedKeys.secretId, id)));
  await tx.delete(secretEvents).where(and(eq(secretEvents.tenantId, tenantId), eq(secretEvents.secretId, id)));
  await tx.delete(oauthAttempts).where(and(eq(oauthAttempts.tenantId, tenantId), eq(oauthAttempts.secretId, id)));
  await tx.delete(secrets).where(and(eq(secrets.tenantId, tenantId), eq(secrets.id, id)));
}

export async function notifyChange(tx: Tx, workspaceId: string, secretId: string): Promise<void> {
  await tx.execute(sql`select pg_notify('latchkey_secret', ${`${workspaceId} ${secretId}`})`);
}

export type EventRow = typeof secretEvents.$inferSelect;
export type NewEvent = Pick<
  typeof secretEvents.$inferInsert,
  "event" | "actor" | "generation" | "durationMs" | "code" | "detail"
>;

export async function insertEvent(tx: Tx, tenantId: string, secretId: string, event: NewEvent): Promise<void> {
  await tx.insert(secretEvents).values({ tenantId, secretId, ...event });
}

/** At most one event of this kind per generation: a thousand steps may report the same refused token. */
export async function insertEventOnce(tx: Tx, tenantId: string, secretId: string, event: NewEvent): Promise<void> {
  const key = `${secretId} ${event.event} ${event.generation ?? ""}`;
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${key}, 0))`);
  await tx.execute(sql`
    insert into secret_events (tenant_id, secret_id, event, actor, generation, detail)
    select ${tenantId}, ${secretId}, ${event.event}, ${event.actor ?? null}, ${event.generation ?? null}, ${event.detail ?? null}
     where not exists (select 1 from secret_events e where e.tenant_id = ${tenantId} and e.secret_id = ${secretId}
       and e.event = ${event.event} and e.generation is not distinct from ${event.generation ?? null}::int)`);
}

export async function listEvents(
  tx: Tx,
  tenantId: string,
  secretId: string,
  page: { limit: number; offset: number },
): Promise<{ rows: EventRow[]; total: number }> {
  const mine = and(eq(secretEvents.tenantId, tenantId), eq(secretEvents.secretId, secretId));
  const rows = await tx
    .select()
    .from(secretEvents)
    .where(mine)
    .orderBy(desc(secretEvents.id))
    .limit(page.limit)
    .offset(page.offset);
  const [count] = await tx.select({ n: sql<number>`count(*)::int` }).from(secretEvents).where(mine);
  return { rows, total: count?.n ?? 0 };
}
