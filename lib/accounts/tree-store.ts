import { and, asc, eq, inArray, sql } from "drizzle-orm";
import { contracts, memberships, tenants, workspaces } from "@/drizzle/schema/accounts";
import type { RevealPolicy } from "@/lib/access/reveal-policy";
import type { MembershipKind } from "@/lib/access/roles";
import { INSTANCE_TENANT, type Scope, scopeId } from "@/lib/access/scope";
import { inTenant, repeatable, type Tx } from "@/lib/db/tx";

/** The tree tenant > contract > workspace and who belongs to it. Each function expects `tx` in the tenant it names. */

export type TenantRow = typeof tenants.$inferSelect;
export type ContractRow = typeof contracts.$inferSelect;
export type WorkspaceRow = typeof workspaces.$inferSelect;

/** Lets the running transaction see another tenant from here on; for what makes a tenant and its first person together. */
export async function switchTenant(tx: Tx, tenantId: string): Promise<void> {
  await tx.execute(sql`select set_config('latchkey.tenant', ${tenantId}, true)`);
}

/** Makes concurrent first starts and set-ups wait for each other until the transaction ends. */
export async function lockFirstStart(tx: Tx): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(7425012)`);
}

export async function insertTenant(tx: Tx, row: typeof tenants.$inferInsert): Promise<void> {
  await tx.insert(tenants).values(row);
}

/** The instance's own row, made unless it is there: its code ends redirect URIs of global clients. */
export async function ensureInstanceTenant(redirectCode: string): Promise<void> {
  await inTenant(INSTANCE_TENANT, async (tx) => {
    await tx
      .insert(tenants)
      .values({ tenantId: INSTANCE_TENANT, name: "This Latchkey", redirectCode })
      .onConflictDoNothing();
  });
}

export async function insertContract(tx: Tx, row: typeof contracts.$inferInsert): Promise<ContractRow> {
  const [made] = await tx.insert(contracts).values(row).returning();
  if (!made) throw new Error("The contract was not stored.");
  return made;
}

export async function insertWorkspace(tx: Tx, row: typeof workspaces.$inferInsert): Promise<WorkspaceRow> {
  const [made] = await tx.insert(workspaces).values(row).returning();
  if (!made) throw new Error("The workspace was not stored.");
  return made;
}

export async function insertMembership(
  tx: Tx,
  row: { tenantId: string; scopeKind: MembershipKind; scopeId: string; userId: string; role: string },
): Promise<void> {
  await tx.insert(memberships).values(row);
}

/** The person's role exactly here, which cannot change or end until `tx` ends; null without one. */
export async function lockRole(
  tx: Tx,
  scope: Exclude<Scope, { kind: "global" }>,
  userId: string,
): Promise<string | null> {
  const [row] = await tx
    .select({ role: memberships.role })
    .from(memberships)
    .where(
      and(
        eq(memberships.tenantId, scope.tenantId),
        eq(memberships.scopeKind, scope.kind),
        eq(memberships.scopeId, scopeId(scope)),
        eq(memberships.userId, userId),
      ),
    )
    .for("share");
  return row?.role ?? null;
}

export async function findTenant(tx: Tx, tenantId: string): Promise<TenantRow | null> {
  const [row] = await tx.select().from(tenants).where(eq(tenants.tenantId, tenantId));
  return row ?? null;
}

/** As `findTenant`; nobody else changes the row until `tx` ends. */
export async function lockTenant(tx: Tx, tenantId: string): Promise<TenantRow | null> {
  const [row] = await tx.select().from(tenants).where(eq(tenants.tenantId, tenantId)).for("update");
  return row ?? null;
}

export async function setTenantReveal(tx: Tx, tenantId: string, reveal: RevealPolicy): Promise<void> {
  await tx.update(tenants).set({ reveal }).where(eq(tenants.tenantId, tenantId));
}

/** Every tenant but the instance itself, by name; through the named door latchkey_tenants, for who may know of all. */
export async function everyTenant(): Promise<TenantRow[]> {
  const rows = await repeatable(
    (sql) => sql<{ id: string; name: string; redirect_code: string; created_ms: number; reveal: RevealPolicy }[]>`
      select * from latchkey_tenants() order by name, id`,
  );
  return rows.map((row) => ({
    tenantId: row.id,
    name: row.name,
    redirectCode: row.redirect_code,
    createdAt: new Date(row.created_ms),
    reveal: row.reveal,
  }));
}

export async function findContract(tx: Tx, tenantId: string, id: string): Promise<ContractRow | null> {
  const [row] = await tx
    .select()
    .from(contracts)
    .where(and(eq(contracts.tenantId, tenantId), eq(contracts.id, id)));
  return row ?? null;
}

export async function findWorkspace(tx: Tx, tenantId: string, id: string): Promise<WorkspaceRow | null> {
  const [row] = await tx
    .select()
    .from(workspaces)
    .where(and(eq(workspaces.tenantId, tenantId), eq(workspaces.id, id)));
  return row ?? null;
}

/** By name, then id. */
export async function listContracts(tx: Tx, tenantId: string, ids: readonly string[]): Promise<ContractRow[]> {
  if (ids.length === 0) return [];
  return tx
    .select()
    .from(contracts)
    .where(and(eq(contracts.tenantId, tenantId), inArray(contracts.id, [...ids])))
    .orderBy(asc(contracts.name), asc(contracts.id));
}

/** Those named, and all of the contracts named. */
export async function listWorkspaces(
  tx: Tx,
  tenantId: string,
  which: { ids: readonly string[]; contractIds: readonly string[] },
): Promise<WorkspaceRow[]> {
  const byId = which.ids.length > 0 ? inArray(workspaces.id, [...which.ids]) : sql`false`;
  const byContract = which.contractIds.length > 0 ? inArray(workspaces.contractId, [...which.contractIds]) : sql`false`;
  return tx
    .select()
    .from(workspaces)
    .where(and(eq(workspaces.tenantId, tenantId), sql`(${byId} or ${byContract})`))
    .orderBy(asc(workspaces.name), asc(workspaces.id));
}

export async function renameWorkspace(
  tx: Tx,
  tenantId: string,
  id: string,
  name: string,
): Promise<WorkspaceRow | null> {
  const [row] = await tx
    .update(workspaces)
    .set({ name })
    .where(and(eq(workspaces.tenantId, tenantId), eq(workspaces.id, id)))
    .returning();
  return row ?? null;
}
