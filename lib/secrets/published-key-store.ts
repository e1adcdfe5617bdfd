import { and, desc, eq, ne, notInArray, sql } from "drizzle-orm";
import { publishedKeys } from "@/drizzle/schema/secrets";
import { repeatable, type Tx } from "@/lib/db/tx";
import { AppError } from "@/lib/errors";

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

/**
 * Makes these the secret's published keys, the first the current one; one that is published already keeps its date.
 *
 * @throws AppError invalid_attribute when another secret of the tenant has one of them for the other use (JW-4)
 */
export async function publishKeys(
  tx: Tx,
  place: { tenantId: string; secretId: string; workspaceId: string },
  keys: readonly NewKey[],
): Promise<void> {
  const { tenantId, secretId } = place;
  const kids = keys.map((key) => key.kid);
  await refuseOtherUse(tx, tenantId, keys);
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

/** Asked under a lock for each key, so that two who add the same one at once are asked one after the other. */
async function refuseOtherUse(tx: Tx, tenantId: string, keys: readonly NewKey[]): Promise<void> {
  for (const { kid, use } of [...keys].sort((a, b) => (a.kid < b.kid ? -1 : 1))) {
    await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`key ${tenantId} ${kid}`}, 0))`);
    const [other] = await tx
      .select({ use: publishedKeys.use })
      .from(publishedKeys)
      .where(and(eq(publishedKeys.tenantId, tenantId), eq(publishedKeys.kid, kid), ne(publishedKeys.use, use)))
      .limit(1);
    if (other)
      throw new AppError(
        "invalid_attribute",
        `The private key belongs to another secret already, to ${other.use}; one key never does both. Use another key, or let one be generated.`,
        { source: { pointer: "/data/attributes/credentials/private_key" } },
      );
  }
}

/** All public keys of a workspace, for anybody who knows its id. */
export async function workspaceKeys(
  workspaceId: string,
): Promise<{ kid: string; use: string; n: string; e: string }[]> {
  const rows = await repeatable((query) => query`select * from latchkey_published_keys(${workspaceId})`);
  return rows.map(({ kid, use, n, e }) => ({ kid, use, n, e }));
}
