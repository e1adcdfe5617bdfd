import { and, eq, inArray, type SQL, sql } from "drizzle-orm";
import { authClients } from "@/drizzle/schema/auth-clients";
import { secrets } from "@/drizzle/schema/secrets";
import type { WorkspaceScope } from "@/lib/access/scope";
import { containing } from "@/lib/db/like";
import type { Tx } from "@/lib/db/tx";
import type { GrantType } from "@/lib/secret-types/grant-types";
import { nameKey } from "@/lib/secret-types/names";
import { type SecretRow, toRow } from "./rows";

/** SQL of lists of secrets, and of what a list shows besides. */

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
    const like = containing(filter.search);
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

/** The rows of a page, or all that match. */
export async function listRows(
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
