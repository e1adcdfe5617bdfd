import { and, desc, eq, notInArray } from "drizzle-orm";
import { publishedKeys } from "@/drizzle/schema/secrets";
import { repeatable, type Tx } from "@/lib/db/tx";

export type PublishedKey = typeof publishedKeys.$inferSelect;
type NewKey = Pick<PublishedKey, "kid" | "use" | "n" | "e" | "bits">;

/** Current first, then the youngest. */
export async function publishedKeysOf(tx: Tx, tenantId: string, secretId: string): Promise<PublishedKey[]> {
  return tx
    .select()
    .from(publishedKeys)
    .where(and(eq(publishedKeys.tenantId, tenantId), eq(publishedKeys.secretId, secretId)))
    .orderBy(desc(publishedKeys.current), desc(publishedKeys.createdAt), publishedKeys.kid);
}

/** Makes these the secret's published keys, the first the current one; one that is published already keeps its date. */
export async function publishKeys(
  tx: Tx,
  place: { tenantId: string; secretId: string; workspaceId: string },
  keys: readonly NewKey[],
): Promise<void> {
  const { tenantId, secretId } = place;
  const kids = keys.map((key) => key.kid);
  await tx
    .delete(publishedKeys)
    .where(
      and(
        eq(publishedKeys.tenantId, tenantId),
        eq(publishedKeys.secretId, secretId),
        notInArray(publishedKeys.kid, kids),
      ),
    );
  for (const [at, key] of keys.entries())
    await tx
      .insert(publishedKeys)
      .values({ ...place, ...key, current: at === 0 })
      .onConflictDoUpdate({
        target: [publishedKeys.tenantId, publishedKeys.secretId, publishedKeys.kid],
        set: { current: at === 0 },
      });
}

/** All public keys of a workspace, for anybody who knows its id. */
export async function workspaceKeys(
  workspaceId: string,
): Promise<{ kid: string; use: string; n: string; e: string }[]> {
  const rows = await repeatable((sql) => sql`select * from latchkey_published_keys(${workspaceId})`);
  return rows.map(({ kid, use, n, e }) => ({ kid, use, n, e }));
}
