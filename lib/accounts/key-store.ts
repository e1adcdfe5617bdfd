import { and, count, desc, eq, isNull } from "drizzle-orm";
import { apiKeys } from "@/drizzle/schema/accounts";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { inTenant, repeatable, type Tx } from "@/lib/db/tx";

export type ApiKeyRow = typeof apiKeys.$inferSelect;
export type NewApiKeyRow = typeof apiKeys.$inferInsert;

/** A key with its owner, as the named door latchkey_find_key shows it. */
export interface FoundKey {
  tenant_id: string;
  id: string;
  kind: "user" | "task";
  name: string;
  user_id: string | null;
  workspace_id: string | null;
  contract_id: string | null;
  permissions: string[] | null;
  workspace_ids: string[] | null;
  allowed_addresses: string[] | null;
  expires_at_ms: number | null;
  email: string | null;
  email_key: string | null;
  first_name: string | null;
  last_name: string | null;
}

export async function findKeyByMac(keyMac: string): Promise<FoundKey | null> {
  const [row] = await repeatable((sql) => sql<FoundKey[]>`select * from latchkey_find_key(${keyMac})`);
  return row ?? null;
}

export async function touchKey(tenantId: string, id: string, at: Date): Promise<void> {
  await inTenant(tenantId, async (tx) => {
    await tx
      .update(apiKeys)
      .set({ lastUsedAt: at })
      .where(and(eq(apiKeys.tenantId, tenantId), eq(apiKeys.id, id)));
  });
}

/** Sets exposed_at; false when it was set before or the key is gone. */
export async function markExposed(tx: Tx, tenantId: string, id: string, at: Date): Promise<boolean> {
  const rows = await tx
    .update(apiKeys)
    .set({ exposedAt: at })
    .where(and(eq(apiKeys.tenantId, tenantId), eq(apiKeys.id, id), isNull(apiKeys.exposedAt)))
    .returning({ id: apiKeys.id });
  return rows.length > 0;
}

export async function insertKey(tx: Tx, row: NewApiKeyRow): Promise<ApiKeyRow> {
  const [made] = await tx.insert(apiKeys).values(row).returning();
  if (!made) throw new Error("The key was not stored.");
  return made;
}

/** A person's key, which cannot be deleted until `tx` ends; null when it is gone. */
export async function lockKey(tx: Tx, id: string): Promise<ApiKeyRow | null> {
  const [row] = await tx
    .select()
    .from(apiKeys)
    .where(and(eq(apiKeys.tenantId, INSTANCE_TENANT), eq(apiKeys.id, id)))
    .for("key share");
  return row ?? null;
}

export async function countKeysOfUser(tx: Tx, tenantId: string, userId: string): Promise<number> {
  const [row] = await tx
    .select({ n: count() })
    .from(apiKeys)
    .where(and(eq(apiKeys.tenantId, tenantId), eq(apiKeys.userId, userId), eq(apiKeys.kind, "user")));
  return row?.n ?? 0;
}

/** Newest first. */
export async function listKeysOfUser(tx: Tx, tenantId: string, userId: string): Promise<ApiKeyRow[]> {
  return tx
    .select()
    .from(apiKeys)
    .where(and(eq(apiKeys.tenantId, tenantId), eq(apiKeys.userId, userId), eq(apiKeys.kind, "user")))
    .orderBy(desc(apiKeys.createdAt), desc(apiKeys.id));
}

/** Newest first. */
export async function listTaskKeys(tx: Tx, tenantId: string, workspaceId: string): Promise<ApiKeyRow[]> {
  return tx
    .select()
    .from(apiKeys)
    .where(and(eq(apiKeys.tenantId, tenantId), eq(apiKeys.workspaceId, workspaceId), eq(apiKeys.kind, "task")))
    .orderBy(desc(apiKeys.createdAt), desc(apiKeys.id));
}

export async function findUserKey(tx: Tx, tenantId: string, userId: string, id: string): Promise<ApiKeyRow | null> {
  const [row] = await tx
    .select()
    .from(apiKeys)
    .where(and(eq(apiKeys.tenantId, tenantId), eq(apiKeys.userId, userId), eq(apiKeys.id, id)));
  return row ?? null;
}

export async function deleteUserKey(tx: Tx, tenantId: string, userId: string, id: string): Promise<ApiKeyRow | null> {
  const [row] = await tx
    .delete(apiKeys)
    .where(
      and(eq(apiKeys.tenantId, tenantId), eq(apiKeys.userId, userId), eq(apiKeys.id, id), eq(apiKeys.kind, "user")),
    )
    .returning();
  return row ?? null;
}

export async function deleteTaskKey(
  tx: Tx,
  tenantId: string,
  workspaceId: string,
  id: string,
): Promise<ApiKeyRow | null> {
  const [row] = await tx
    .delete(apiKeys)
    .where(
      and(
        eq(apiKeys.tenantId, tenantId),
        eq(apiKeys.workspaceId, workspaceId),
        eq(apiKeys.id, id),
        eq(apiKeys.kind, "task"),
      ),
    )
    .returning();
  return row ?? null;
}
