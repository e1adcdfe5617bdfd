import { and, asc, eq, getTableColumns, inArray, or, type SQL } from "drizzle-orm";
import { contracts } from "@/drizzle/schema/accounts";
import { authClientComponents, authClients, components } from "@/drizzle/schema/auth-clients";
import type { Tx } from "@/lib/db/tx";

/** A component with the name of the contract that registered it. */
export type ComponentRow = typeof components.$inferSelect & { contractName: string };

function select(tx: Tx, where: SQL | undefined) {
  return tx
    .select({ ...getTableColumns(components), contractName: contracts.name })
    .from(components)
    .innerJoin(contracts, and(eq(contracts.tenantId, components.tenantId), eq(contracts.id, components.contractId)))
    .where(where);
}

export async function insertComponent(tx: Tx, row: typeof components.$inferInsert): Promise<ComponentRow> {
  await tx.insert(components).values(row);
  const made = await findComponent(tx, row.tenantId, row.id);
  if (!made) throw new Error("The component was not stored.");
  return made;
}

export async function findComponent(tx: Tx, tenantId: string, id: string): Promise<ComponentRow | null> {
  const [row] = await select(tx, and(eq(components.tenantId, tenantId), eq(components.id, id)));
  return row ?? null;
}

/** As `findComponent`; until the transaction ends nobody can begin to use or delete it. */
export async function lockComponent(tx: Tx, tenantId: string, id: string): Promise<ComponentRow | null> {
  const [row] = await select(tx, and(eq(components.tenantId, tenantId), eq(components.id, id))).for("update", {
    of: components,
  });
  return row ?? null;
}

/** Of these ids, the components of the tenant. */
export async function findComponents(tx: Tx, tenantId: string, ids: readonly string[]): Promise<ComponentRow[]> {
  if (ids.length === 0) return [];
  return select(tx, and(eq(components.tenantId, tenantId), inArray(components.id, [...ids])));
}

/** The contract's own and those the tenant shares, by name. `"tenant"`: all that the tenant shares. */
export async function listComponents(tx: Tx, tenantId: string, contractId: string): Promise<ComponentRow[]> {
  const usable = or(eq(components.contractId, contractId), inArray(components.access, ["tenant", "global"]));
  return select(tx, and(eq(components.tenantId, tenantId), usable)).orderBy(asc(components.name), asc(components.id));
}

/** The auth clients that name the component. */
export async function clientsUsing(tx: Tx, componentId: string): Promise<{ id: string; name: string }[]> {
  return tx
    .select({ id: authClients.id, name: authClients.name })
    .from(authClientComponents)
    .innerJoin(
      authClients,
      and(
        eq(authClients.tenantId, authClientComponents.tenantId),
        eq(authClients.id, authClientComponents.authClientId),
      ),
    )
    .where(eq(authClientComponents.componentId, componentId))
    .limit(20);
}

export async function deleteComponent(tx: Tx, tenantId: string, id: string): Promise<boolean> {
  const rows = await tx
    .delete(components)
    .where(and(eq(components.tenantId, tenantId), eq(components.id, id)))
    .returning({ id: components.id });
  return rows.length > 0;
}
