import { and, eq, sql } from "drizzle-orm";
import { tenantKeys } from "@/drizzle/schema/keys";
import { type Actor, recordWith } from "@/lib/audit/record";
import type { TenantKeyStore } from "@/lib/crypto/keyring";
import { keyDatabase } from "@/lib/db/client";
import { inTenant, type Tx } from "@/lib/db/tx";

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
    }),

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
