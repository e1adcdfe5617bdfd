import { and, eq, gt, inArray, like, lt, notLike, sql } from "drizzle-orm";
import { signInFailures } from "@/drizzle/schema/accounts";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { blockedMs, type Counter, charge, type ThrottlePolicy } from "@/lib/accounts/throttle";
import { inTenant } from "@/lib/db/tx";

export interface Bucket {
  key: string;
  policy: ThrottlePolicy;
}

const DAY_MS = 86_400_000;
/** A device not seen for so long is a stranger again. */
export const KNOWN_MS = 90 * DAY_MS;
/** Keys that mark a known device or source begin with this; the rest is a keyed hash as in all keys. */
export const KNOWN_PREFIX = "known:";

/**
 * Counts one try in every bucket before it is made, so that parallel tries cannot pass together. When one of them blocks,
 * nothing is counted.
 *
 * @returns milliseconds to wait; 0: go on
 */
export async function chargeBuckets(buckets: readonly Bucket[], nowMs: number): Promise<number> {
  const keys = buckets.map((bucket) => bucket.key).sort();
  const now = new Date(nowMs);
  return inTenant(INSTANCE_TENANT, async (tx) => {
    await tx
      .insert(signInFailures)
      .values(keys.map((keyMac) => ({ tenantId: INSTANCE_TENANT, keyMac, failures: 0, lastAt: now })))
      .onConflictDoNothing();
    const rows = await tx
      .select()
      .from(signInFailures)
      .where(and(eq(signInFailures.tenantId, INSTANCE_TENANT), inArray(signInFailures.keyMac, keys)))
      .orderBy(signInFailures.keyMac)
      .for("update");
    const counters = new Map<string, Counter>(
      rows.map((row) => [
        row.keyMac,
        { failures: row.failures, lastAtMs: row.lastAt.getTime(), blockedUntilMs: row.blockedUntil?.getTime() ?? null },
      ]),
    );
    const waitMs = Math.max(0, ...[...counters.values()].map((counter) => blockedMs(counter, nowMs)));
    if (waitMs > 0) return waitMs;
    for (const { key, policy } of buckets) {
      const before = counters.get(key) ?? { failures: 0, lastAtMs: nowMs, blockedUntilMs: null };
      const after = charge(before, policy, nowMs);
      await tx
        .update(signInFailures)
        .set({
          failures: after.failures,
          lastAt: now,
          blockedUntil: after.blockedUntilMs === null ? null : new Date(after.blockedUntilMs),
        })
        .where(and(eq(signInFailures.tenantId, INSTANCE_TENANT), eq(signInFailures.keyMac, key)));
    }
    return 0;
  });
}

/** After a right answer: `clear` starts again from nothing, `refund` forgets this one try. */
export async function settleBuckets(clear: readonly string[], refund: readonly string[]): Promise<void> {
  await inTenant(INSTANCE_TENANT, async (tx) => {
    // In one order everywhere, so that two of these never wait for each other.
    for (const key of [...clear, ...refund].sort())
      await tx
        .update(signInFailures)
        .set(
          clear.includes(key)
            ? { failures: 0, blockedUntil: null }
            : { failures: sql`greatest(0, ${signInFailures.failures} - 1)` },
        )
        .where(and(eq(signInFailures.tenantId, INSTANCE_TENANT), eq(signInFailures.keyMac, key)));
  });
}

/** Those of `keys` that are remembered as known. */
export async function knownAmong(keys: readonly string[], nowMs: number): Promise<Set<string>> {
  if (keys.length === 0) return new Set();
  return inTenant(INSTANCE_TENANT, async (tx) => {
    const rows = await tx
      .select({ keyMac: signInFailures.keyMac })
      .from(signInFailures)
      .where(
        and(
          eq(signInFailures.tenantId, INSTANCE_TENANT),
          inArray(signInFailures.keyMac, [...keys]),
          gt(signInFailures.lastAt, new Date(nowMs - KNOWN_MS)),
        ),
      );
    return new Set(rows.map((row) => row.keyMac));
  });
}

export async function markKnown(keys: readonly string[], nowMs: number): Promise<void> {
  if (keys.length === 0) return;
  const now = new Date(nowMs);
  await inTenant(INSTANCE_TENANT, async (tx) => {
    await tx
      .insert(signInFailures)
      .values([...keys].sort().map((keyMac) => ({ tenantId: INSTANCE_TENANT, keyMac, failures: 0, lastAt: now })))
      .onConflictDoUpdate({
        target: [signInFailures.tenantId, signInFailures.keyMac],
        set: { failures: 0, lastAt: now, blockedUntil: null },
      });
  });
}

/** Forgets counters that no longer count and devices not seen for 90 days; how many. */
export async function pruneThrottle(nowMs: number): Promise<number> {
  const own = eq(signInFailures.tenantId, INSTANCE_TENANT);
  const isKnown = `${KNOWN_PREFIX}%`;
  return inTenant(INSTANCE_TENANT, async (tx) => {
    const counters = await tx
      .delete(signInFailures)
      .where(and(own, notLike(signInFailures.keyMac, isKnown), lt(signInFailures.lastAt, new Date(nowMs - DAY_MS))))
      .returning({ key: signInFailures.keyMac });
    const devices = await tx
      .delete(signInFailures)
      .where(and(own, like(signInFailures.keyMac, isKnown), lt(signInFailures.lastAt, new Date(nowMs - KNOWN_MS))))
      .returning({ key: signInFailures.keyMac });
    return counters.length + devices.length;
  });
}
