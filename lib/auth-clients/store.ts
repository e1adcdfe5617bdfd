import { and, asc, eq, exists, inArray, isNotNull, notExists, or, type SQL, sql } from "drizzle-orm";
import { contracts, tenants, workspaces } from "@/drizzle/schema/accounts";
import { authClientComponents, authClientState, authClients, components } from "@/drizzle/schema/auth-clients";
import { GLOBAL, INSTANCE_TENANT, type Scope, scopeId } from "@/lib/access/scope";
import type { Tx } from "@/lib/db/tx";

/**
 * SQL of auth clients as such; what uses them and what the refresher learned have stores of their own. Every function sees what
 * the transaction's tenant may see.
 */

type StoredRow = typeof authClients.$inferSelect;

/** The transaction's own. */
const CURRENT_TENANT = sql<string>`current_setting('latchkey.tenant', true)`;

/** A client as stored, with its scope read from the columns. */
export interface ClientRow {
  tenantId: string;
  id: string;
  scope: Scope;
  type: string;
  name: string;
  options: Record<string, unknown>;
  sealed: Buffer;
  generation: number;
  version: number;
  secretName: string | null;
  createdAt: Date;
  updatedAt: Date;
}

/** What an answer needs besides the row. */
export interface ClientFacts {
  componentIds: string[];
  /** The refresher's verdict, when it is about the present version. */
  problem: Record<string, unknown> | null;
}

function toRow(row: StoredRow): ClientRow {
  return {
    tenantId: row.tenantId,
    id: row.id,
    scope: scopeOf(row),
    type: row.type,
    name: row.name,
    options: row.options,
    sealed: row.sealed,
    generation: row.generation,
    version: row.version,
    secretName: row.secretName,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
  };
}

function scopeOf(row: StoredRow): Scope {
  const { tenantId, contractId, workspaceId } = row;
  if (row.scopeKind === "global") return GLOBAL;
  if (row.scopeKind === "tenant") return { kind: "tenant", tenantId };
  if (row.scopeKind === "contract" && contractId) return { kind: "contract", tenantId, contractId };
  if (row.scopeKind === "workspace" && contractId && workspaceId)
    return { kind: "workspace", tenantId, contractId, workspaceId };
  throw new Error(`The auth client ${row.id} has no readable scope.`);
}

function scopeColumns(scope: Scope) {
  return {
    tenantId: scope.tenantId,
    scopeKind: scope.kind,
    contractId: scope.kind === "contract" || scope.kind === "workspace" ? scope.contractId : null,
    workspaceId: scope.kind === "workspace" ? scope.workspaceId : null,
  };
}

/** The scope's own clients and those of everything above it. */
function visibleFrom(scope: Scope): SQL | undefined {
  const levels: (SQL | undefined)[] = [
    and(eq(authClients.tenantId, INSTANCE_TENANT), eq(authClients.scopeKind, "global")),
  ];
  if (scope.kind !== "global")
    levels.push(and(eq(authClients.tenantId, scope.tenantId), eq(authClients.scopeKind, "tenant")));
  if (scope.kind === "contract" || scope.kind === "workspace")
    levels.push(
      and(
        eq(authClients.tenantId, scope.tenantId),
        eq(authClients.scopeKind, "contract"),
        eq(authClients.contractId, scope.contractId),
      ),
    );
  if (scope.kind === "workspace")
    levels.push(
      and(
        eq(authClients.tenantId, scope.tenantId),
        eq(authClients.scopeKind, "workspace"),
        eq(authClients.workspaceId, scope.workspaceId),
      ),
    );
  // Named beside the levels, so that the key's first column narrows the search.
  return and(inArray(authClients.tenantId, [scope.tenantId, INSTANCE_TENANT]), or(...levels));
}

export interface ClientFilter {
  /** Clients this component may use: those that name it, and those that name none. */
  componentId?: string;
  type?: string;
}

/** Every client visible from a scope, oldest first. */
export async function listClients(tx: Tx, scope: Scope, filter: ClientFilter): Promise<ClientRow[]> {
  const links = tx
    .select({ one: sql`1` })
    .from(authClientComponents)
    .where(
      and(
        eq(authClientComponents.tenantId, authClients.tenantId),
        eq(authClientComponents.authClientId, authClients.id),
      ),
    );
  const named = filter.componentId
    ? tx
        .select({ one: sql`1` })
        .from(authClientComponents)
        .where(
          and(
            eq(authClientComponents.tenantId, authClients.tenantId),
            eq(authClientComponents.authClientId, authClients.id),
            eq(authClientComponents.componentId, filter.componentId),
          ),
        )
    : null;
  const rows = await tx
    .select()
    .from(authClients)
    .where(
      and(
        visibleFrom(scope),
        named ? or(exists(named), notExists(links)) : undefined,
        filter.type ? eq(authClients.type, filter.type) : undefined,
      ),
    )
    .orderBy(asc(authClients.createdAt), asc(authClients.id));
  return rows.map(toRow);
}

/** One client of the given tenant, or null. */
export async function findClient(tx: Tx, tenantId: string, id: string): Promise<ClientRow | null> {
  const [row] = await tx
    .select()
    .from(authClients)
    .where(and(eq(authClients.tenantId, tenantId), eq(authClients.id, id)));
  return row ? toRow(row) : null;
}

/** One client if it is visible from the scope: its own, its contract's, its tenant's or global. */
export async function findVisibleClient(tx: Tx, scope: Scope, id: string): Promise<ClientRow | null> {
  const [row] = await tx
    .select()
    .from(authClients)
    .where(and(eq(authClients.id, id), visibleFrom(scope)));
  return row ? toRow(row) : null;
}

/** Those of these clients that the transaction's tenant may see: its own and global ones. */
export async function findClients(tx: Tx, ids: readonly string[]): Promise<ClientRow[]> {
  if (ids.length === 0) return [];
  const rows = await tx
    .select()
    .from(authClients)
    .where(
      and(
        or(eq(authClients.tenantId, CURRENT_TENANT), eq(authClients.tenantId, INSTANCE_TENANT)),
        inArray(authClients.id, [...ids]),
      ),
    );
  return rows.map(toRow);
}

/** Components and problem of each client, two statements for all of them. */
export async function factsOf(tx: Tx, rows: readonly ClientRow[]): Promise<Map<string, ClientFacts>> {
  const facts = new Map<string, ClientFacts>(rows.map((row) => [row.id, { componentIds: [], problem: null }]));
  if (rows.length === 0) return facts;
  const ids = rows.map((row) => row.id);
  const tenantIds = [...new Set(rows.map((row) => row.tenantId))];
  const links = await tx
    .select()
    .from(authClientComponents)
    .where(and(inArray(authClientComponents.tenantId, tenantIds), inArray(authClientComponents.authClientId, ids)))
    .orderBy(asc(authClientComponents.componentId));
  for (const link of links) facts.get(link.authClientId)?.componentIds.push(link.componentId);
  const states = await tx
    .select({
      id: authClientState.authClientId,
      problem: authClientState.problem,
      version: authClientState.problemVersion,
    })
    .from(authClientState)
    .where(
      and(
        inArray(authClientState.tenantId, tenantIds),
        inArray(authClientState.authClientId, ids),
        isNotNull(authClientState.problem),
      ),
    );
  const versions = new Map(rows.map((row) => [row.id, row.version]));
  for (const state of states) {
    const one = facts.get(state.id);
    if (one && state.version === versions.get(state.id)) one.problem = state.problem;
  }
  return facts;
}

export interface NewClient {
  id: string;
  scope: Scope;
  type: string;
  name: string;
  options: Record<string, unknown>;
  sealed: Buffer;
  secretName: string | null;
  createdBy: string;
}

export async function insertClient(tx: Tx, client: NewClient): Promise<ClientRow> {
  const [row] = await tx
    .insert(authClients)
    .values({
      ...scopeColumns(client.scope),
      id: client.id,
      type: client.type,
      name: client.name,
      options: client.options,
      sealed: client.sealed,
      secretName: client.secretName,
      createdBy: client.createdBy,
    })
    .returning();
  return toRow(row as StoredRow);
}

/** Replaces the client's components. */
export async function linkComponents(tx: Tx, client: ClientRow, componentIds: readonly string[]): Promise<void> {
  await tx
    .delete(authClientComponents)
    .where(and(eq(authClientComponents.tenantId, client.tenantId), eq(authClientComponents.authClientId, client.id)));
  if (componentIds.length > 0)
    await tx
      .insert(authClientComponents)
      .values(componentIds.map((componentId) => ({ tenantId: client.tenantId, authClientId: client.id, componentId })));
}

/** Keeps these components from being deleted until the end of the transaction; false when one is gone. */
export async function lockComponents(tx: Tx, tenantId: string, ids: readonly string[]): Promise<boolean> {
  if (ids.length === 0) return true;
  const rows = await tx
    .select({ id: components.id })
    .from(components)
    .where(and(eq(components.tenantId, tenantId), inArray(components.id, [...ids])))
    .orderBy(asc(components.id))
    .for("key share");
  return rows.length === ids.length;
}

export interface ClientChange {
  name: string;
  options: Record<string, unknown>;
  /** Both absent when the sealed part stays. */
  sealed?: Buffer;
  generation?: number;
}

/** Writes an edit of the version that was read, or nothing: null when somebody else was first. */
export async function updateClient(tx: Tx, read: ClientRow, change: ClientChange): Promise<ClientRow | null> {
  const [row] = await tx
    .update(authClients)
    .set({ ...change, version: read.version + 1, updatedAt: sql`now()` })
    .where(
      and(eq(authClients.tenantId, read.tenantId), eq(authClients.id, read.id), eq(authClients.version, read.version)),
    )
    .returning();
  return row ? toRow(row) : null;
}

export async function deleteClient(tx: Tx, tenantId: string, id: string): Promise<boolean> {
  const gone = await tx
    .delete(authClients)
    .where(and(eq(authClients.tenantId, tenantId), eq(authClients.id, id)))
    .returning({ id: authClients.id });
  await tx
    .delete(authClientComponents)
    .where(and(eq(authClientComponents.tenantId, tenantId), eq(authClientComponents.authClientId, id)));
  await tx
    .delete(authClientState)
    .where(and(eq(authClientState.tenantId, tenantId), eq(authClientState.authClientId, id)));
  return gone.length === 1;
}

/** The code that ends redirect names owned by this scope. */
export async function redirectCodeOf(tx: Tx, scope: Scope): Promise<string> {
  const id = scopeId(scope);
  const table = scope.kind === "workspace" ? workspaces : scope.kind === "contract" ? contracts : null;
  const [row] = table
    ? await tx
        .select({ code: table.redirectCode })
        .from(table)
        .where(and(eq(table.tenantId, scope.tenantId), eq(table.id, id)))
    : await tx.select({ code: tenants.redirectCode }).from(tenants).where(eq(tenants.tenantId, id));
  if (!row) throw new Error(`The ${scope.kind} ${id} has no redirect code.`);
  return row.code;
}
