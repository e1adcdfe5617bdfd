import { and, arrayContains, asc, count, desc, eq, ilike, inArray, sql } from "drizzle-orm";
import { endpointChecks, endpoints } from "@/drizzle/schema/endpoints";
import { publishedKeys, secrets } from "@/drizzle/schema/secrets";
import type { WorkspaceScope } from "@/lib/access/scope";
import { jsonText } from "@/lib/db/json-text";
import { containing } from "@/lib/db/like";
import { repeatable, type Tx, violatedConstraint } from "@/lib/db/tx";
import { AppError } from "@/lib/errors";

/** The only file that knows the tables of endpoints. */

export type EndpointRow = typeof endpoints.$inferSelect;
export type CheckRow = typeof endpointChecks.$inferSelect;
type Editable = Pick<EndpointRow, "name" | "nameKey" | "openAccess" | "secretIds" | "scopes" | "issuer" | "audience">;

const here = ({ tenantId, workspaceId }: WorkspaceScope, id: string) =>
  and(eq(endpoints.tenantId, tenantId), eq(endpoints.workspaceId, workspaceId), eq(endpoints.id, id));

export async function insertEndpoint(
  tx: Tx,
  row: Partial<Editable> & Pick<EndpointRow, "tenantId" | "id" | "workspaceId" | "name" | "nameKey">,
): Promise<EndpointRow> {
  const [made] = await nameConflict(() => tx.insert(endpoints).values(row).returning());
  return made as EndpointRow;
}

export async function findEndpoint(tx: Tx, scope: WorkspaceScope, id: string): Promise<EndpointRow | null> {
  const [row] = await tx.select().from(endpoints).where(here(scope, id));
  return row ?? null;
}

/** As `findEndpoint`; nobody else changes it until the transaction ends. */
export async function lockEndpoint(tx: Tx, scope: WorkspaceScope, id: string): Promise<EndpointRow | null> {
  const [row] = await tx.select().from(endpoints).where(here(scope, id)).for("update");
  return row ?? null;
}

export interface EndpointFilter {
  /** A part of the name, in any case. */
  search?: string | undefined;
  /** The id of a secret that opens it. */
  secretId?: string | undefined;
}

/** By name. */
export async function listEndpoints(
  tx: Tx,
  { tenantId, workspaceId }: WorkspaceScope,
  { search, secretId }: EndpointFilter,
  page: { limit: number; offset: number },
): Promise<{ rows: EndpointRow[]; total: number }> {
  const where = and(
    eq(endpoints.tenantId, tenantId),
    eq(endpoints.workspaceId, workspaceId),
    search ? ilike(endpoints.name, containing(search)) : undefined,
    secretId === undefined ? undefined : arrayContains(endpoints.secretIds, [secretId]),
  );
  const rows = await tx
    .select()
    .from(endpoints)
    .where(where)
    .orderBy(asc(endpoints.nameKey), asc(endpoints.id))
    .limit(page.limit)
    .offset(page.offset);
  const [all] = await tx.select({ n: count() }).from(endpoints).where(where);
  return { rows, total: all?.n ?? 0 };
}

export async function updateEndpoint(
  tx: Tx,
  scope: WorkspaceScope,
  id: string,
  change: Partial<Editable>,
): Promise<EndpointRow> {
  const [row] = await nameConflict(() =>
    tx
      .update(endpoints)
      .set({ ...change, updatedAt: sql`now()` })
      .where(here(scope, id))
      .returning(),
  );
  return row as EndpointRow;
}

/** With its log; the audit trail stays. */
export async function deleteEndpoint(tx: Tx, scope: WorkspaceScope, id: string): Promise<EndpointRow | null> {
  const [row] = await tx.delete(endpoints).where(here(scope, id)).returning();
  if (row)
    await tx
      .delete(endpointChecks)
      .where(and(eq(endpointChecks.tenantId, scope.tenantId), eq(endpointChecks.endpointId, id)));
  return row ?? null;
}

async function nameConflict<T>(work: () => PromiseLike<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (violatedConstraint(error) !== "endpoints_name") throw error;
    throw new AppError(
      "conflict",
      "An endpoint of this name exists in the workspace already; names are compared without regard to case.",
      { source: { pointer: "/data/attributes/name" } },
    );
  }
}

/** What an endpoint shows of a secret that it names. */
export interface NamedSecret {
  id: string;
  name: string;
  type: string;
  /** Of a key pair: sign or encrypt. */
  use: string | null;
}

/** Of these ids, the secrets of the workspace. */
export async function namedSecrets(
  tx: Tx,
  { tenantId, workspaceId }: WorkspaceScope,
  ids: readonly string[],
): Promise<Map<string, NamedSecret>> {
  if (ids.length === 0) return new Map();
  const rows = await tx
    .select({ id: secrets.id, name: secrets.name, type: secrets.type, use: publishedKeys.use })
    .from(secrets)
    .leftJoin(
      publishedKeys,
      and(
        eq(publishedKeys.tenantId, secrets.tenantId),
        eq(publishedKeys.secretId, secrets.id),
        eq(publishedKeys.current, true),
      ),
    )
    .where(
      and(eq(secrets.tenantId, tenantId), eq(secrets.workspaceId, workspaceId), inArray(secrets.id, [...new Set(ids)])),
    );
  return new Map(rows.map((row) => [row.id, row]));
}

/** Newest first. */
export async function listChecks(
  tx: Tx,
  tenantId: string,
  endpointId: string,
  page: { limit: number; offset: number },
): Promise<{ rows: CheckRow[]; total: number }> {
  const where = and(eq(endpointChecks.tenantId, tenantId), eq(endpointChecks.endpointId, endpointId));
  const rows = await tx
    .select()
    .from(endpointChecks)
    .where(where)
    .orderBy(desc(endpointChecks.lastAt), desc(endpointChecks.id))
    .limit(page.limit)
    .offset(page.offset);
  const [all] = await tx.select({ n: count() }).from(endpointChecks).where(where);
  return { rows, total: all?.n ?? 0 };
}

/** Of each endpoint, and apart for openings and the rest. */
const KEPT_CHECKS = 100;

/** Writes rows of the log, of any tenants; those that are there already are counted further. */
export async function writeChecks(rows: readonly CheckRow[]): Promise<void> {
  const given = rows.map((row) => ({
    tenant_id: row.tenantId,
    endpoint_id: row.endpointId,
    id: row.id,
    outcome: row.outcome,
    reason: row.reason,
    secret_id: row.secretId,
    secret_name: row.secretName,
    address: row.address,
    count: row.count,
    first_at: row.firstAt.toISOString(),
    last_at: row.lastAt.toISOString(),
  }));
  await repeatable((sql) => sql`select latchkey_write_checks(${jsonText(given)}::text::jsonb, ${KEPT_CHECKS})`);
}

/** An endpoint as the guard needs it, whosever it is. */
export interface GuardedRow {
  tenantId: string;
  workspaceId: string;
  name: string;
  openAccess: boolean;
  scopes: string[];
  issuer: string | null;
  audience: string | null;
  /** Those that are still there. */
  secrets: { id: string; name: string; type: string; generation: number; sealed: Buffer }[];
}

export async function readGuarded(id: string): Promise<GuardedRow | null> {
  const rows = await repeatable((sql) => sql`select * from latchkey_read_endpoint(${id})`);
  const [first] = rows;
  if (!first) return null;
  return {
    tenantId: first.tenant_id,
    workspaceId: first.workspace_id,
    name: first.name,
    openAccess: first.open_access,
    scopes: first.scopes,
    issuer: first.issuer,
    audience: first.audience,
    secrets: rows.flatMap((row) =>
      row.secret_id === null
        ? []
        : [
            {
              id: row.secret_id,
              name: row.secret_name,
              type: row.type,
              generation: row.generation,
              sealed: row.sealed,
            },
          ],
    ),
  };
}
