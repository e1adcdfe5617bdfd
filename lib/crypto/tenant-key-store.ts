import { and, eq, sql } from "drizzle-orm";
import { tenantKeys } from "@/drizzle/schema/keys";
import type { TenantKeyStore } from "@/lib/crypto/keyring";
import { inTenant } from "@/lib/db/tx";

/** Tenant keys at rest, in the table tenant_keys. Each call is a transaction of its own. */
export const tenantKeyStore: TenantKeyStore = {
  load: (tenantId) =>
    inTenant(tenantId, (tx) =>
      tx
        .select({ version: tenantKeys.version, kekId: tenantKeys.kekId, wrapped: tenantKeys.wrapped })
        .from(tenantKeys)
        .where(eq(tenantKeys.tenantId, tenantId)),
    ),

  insert: (tenantId, row) =>
    inTenant(tenantId, async (tx) => {
      await tx
        .insert(tenantKeys)
        .values({ tenantId, ...row })
        .onConflictDoNothing();
    }),

  reserveWraps: (tenantId, version, count) =>
    inTenant(tenantId, async (tx) => {
      const [row] = await tx
        .update(tenantKeys)
        .set({ wraps: sql`${tenantKeys.wraps} + ${count}` })
        .where(and(eq(tenantKeys.tenantId, tenantId), eq(tenantKeys.version, version)))
        .returning({ wraps: tenantKeys.wraps });
      if (!row) throw new Error(`Tenant ${tenantId} has no key of version ${version} in the database.`);
      return row.wraps;
    }),
};
