import { and, eq, sql } from "drizzle-orm";
import { tenantKeys } from "@/drizzle/schema/keys";
import { type Actor, recordWith } from "@/lib/audit/record";
import { type Keyring, KeyringError, type TenantKeyStore } from "@/lib/crypto/keyring";
import { database, keyDatabase } from "@/lib/db/client";
import { jsonText } from "@/lib/db/json-text";
import { inTenant, sqlState, type Tx } from "@/lib/db/tx";
import { errorFields, log } from "@/lib/observability/log";

/** Sealing happens inside transactions, so keys have a connection of their own (`keyDatabase`). */
const withKeys = <T>(tenantId: string, work: (tx: Tx) => Promise<T>) => inTenant(tenantId, work, keyDatabase);

const KEYRING: Actor = { kind: "system", name: "Latchkey", via: "keyring" };

/** Tenant keys at rest, in the table tenant_keys. Each call is a transaction of its own. */
export const tenantKeyStore: TenantKeyStore = {
  load: (tenantId) =>
    withKeys(tenantId, (tx) =>
      tx
        .select({ version: tenantKeys.version, kekId: tenantKeys.kekId, wrapped: tenantKeys.wrapped })
        .from(tenantKeys)
        .where(eq(tenantKeys.tenantId, tenantId)),
    ),

  insert: (tenantId, row) =>
    knownToAll(() =>
      withKeys(tenantId, async (tx) => {
        const [made] = await tx
          .insert(tenantKeys)
          .values({ tenantId, ...row })
          .onConflictDoNothing()
          .returning({ version: tenantKeys.version });
        // A key is not made without its entry (AU-1), which commits before anything is sealed with it.
        if (made)
          await recordWith(tx, KEYRING, {
            tenantId,
            action: "key.create",
            target: { type: "tenant-key", name: `version ${row.version}` },
            detail: { master_key: row.kekId },
          });
        return true;
      }),
    ).then((stored) => stored ?? false),

  reserveWraps: (tenantId, version, count) =>
    withKeys(tenantId, async (tx) => {
      const [row] = await tx
        .update(tenantKeys)
        .set({ wraps: sql`${tenantKeys.wraps} + ${count}` })
        .where(and(eq(tenantKeys.tenantId, tenantId), eq(tenantKeys.version, version)))
        .returning({ wraps: tenantKeys.wraps });
      if (!row) throw new Error(`Tenant ${tenantId} has no key of version ${version} in the database.`);
      return row.wraps;
    }),
};

/** What drizzle/keys.sql says of a master key that a living process lacks, or does not wrap with yet. */
const NOT_EVERYWHERE = "LK001";

async function knownToAll<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (sqlState(error) === NOT_EVERYWHERE) return null;
    throw error;
  }
}

/** Place in the order of tenant keys. */
export type TenantKeyMark = readonly [tenantId: string, version: number];

/** Before all of them. */
export const FIRST_MARK: TenantKeyMark = ["", 0];

/**
 * Rewraps the next tenant keys after `from` that the ring's current master key does not wrap, in one transaction with an entry for
 * each (AU-1). What another process works on is passed over; what does not open is left as it is and told to the log.
 *
 * @returns how many were rewrapped and where to go on, null at the end; null when some living process does not wrap with that key yet
 */
export async function renewWraps(
  ring: Keyring,
  from: TenantKeyMark,
  limit: number,
): Promise<{ renewed: number; next: TenantKeyMark | null } | null> {
  const [tenantId, version] = from;
  return knownToAll(() =>
    database().transaction(async (tx) => {
      const rows = await tx.execute<{ tenant_id: string; version: number; kek_id: string; wrapped: Buffer }>(sql`
        select * from latchkey_wraps_to_renew(${ring.currentKekId}, ${tenantId}, ${version}, ${limit})`);
      const last = rows.at(-1);
      if (!last) return { renewed: 0, next: null };
      const renewed = rows.flatMap((row) => {
        try {
          const made = ring.rewrapTenantKey(row.tenant_id, {
            version: row.version,
            kekId: row.kek_id,
            wrapped: row.wrapped,
          });
          return made ? [{ ...made, tenantId: row.tenant_id, before: row.kek_id }] : [];
        } catch (error) {
          if (!(error instanceof KeyringError)) throw error;
          log.error("tenant_key_unreadable", errorFields(error));
          return [];
        }
      });
      const given = renewed.map((row) => ({
        tenant_id: row.tenantId,
        version: row.version,
        before: row.before,
        kek_id: row.kekId,
        wrapped: row.wrapped.toString("base64"),
      }));
      const [done] = await tx.execute<{ n: number }>(
        sql`select latchkey_renew_wraps(${jsonText(given)}::text::jsonb) as n`,
      );
      return { renewed: done?.n ?? 0, next: [last.tenant_id, last.version] as const };
    }),
  );
}
