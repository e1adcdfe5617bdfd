import { and, eq } from "drizzle-orm";
import { tenants, users } from "@/drizzle/schema/accounts";
import { instanceValues, tenantKeys } from "@/drizzle/schema/keys";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { inTenant } from "@/lib/db/tx";

/** The sealed value of this name, or null. */
export async function readInstanceValue(name: string): Promise<Buffer | null> {
  return inTenant(INSTANCE_TENANT, async (tx) => {
    const [row] = await tx
      .select({ sealed: instanceValues.sealed })
      .from(instanceValues)
      .where(and(eq(instanceValues.tenantId, INSTANCE_TENANT), eq(instanceValues.name, name)));
    return row?.sealed ?? null;
  });
}

/** Stores the value unless another process was first. */
export async function insertInstanceValue(name: string, sealed: Buffer): Promise<void> {
  await inTenant(INSTANCE_TENANT, async (tx) => {
    await tx.insert(instanceValues).values({ tenantId: INSTANCE_TENANT, name, sealed }).onConflictDoNothing();
  });
}

/** What the instance has already; the instance's key is made before anything else, so nothing else exists without it. */
export async function instanceHoldings(): Promise<{ keys: boolean; data: boolean }> {
  return inTenant(INSTANCE_TENANT, async (tx) => {
    const [key] = await tx.select({ v: tenantKeys.version }).from(tenantKeys).limit(1);
    const [value] = await tx.select({ v: instanceValues.name }).from(instanceValues).limit(1);
    const [user] = await tx.select({ v: users.id }).from(users).limit(1);
    const [tenant] = await tx.select({ v: tenants.tenantId }).from(tenants).limit(1);
    return { keys: Boolean(key), data: Boolean(value ?? user ?? tenant) };
  });
}
