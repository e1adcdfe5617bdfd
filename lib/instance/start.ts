import { INSTANCE_TENANT } from "@/lib/access/scope";
import { type Actor, recordWith } from "@/lib/audit/record";
import { settings } from "@/lib/config";
import { inTenant, type Tx } from "@/lib/db/tx";
import * as store from "./store";

/** The actions under which a start's facts are recorded, and found again by the next one. */
export const EGRESS_ALLOW = "egress.allow";
export const KEY_OPEN = "key.open";

const STARTING: Actor = { kind: "system", name: "Latchkey's operator", via: "start" };

/**
 * Records what the operator decided and no request shows: an allow-list for outgoing calls that differs from the last one
 * recorded (SS-4), and other master keys than last time (AU-1). Committed before the process answers anything; a start that
 * changes neither writes nothing. Call it once per start, after `openKeyring`.
 *
 * @param keyIds ids of the configured master keys, the one that wraps first
 */
export async function recordStart(keyIds: readonly string[]): Promise<void> {
  const allowed = [...new Set(settings().egressAllow.map((entry) => entry.toLowerCase()))].sort();
  await inTenant(INSTANCE_TENANT, async (tx) => {
    await store.lockStart(tx);
    await recordIfNew(tx, EGRESS_ALLOW, "allow-list", allowed);
    await recordIfNew(tx, KEY_OPEN, "master-key", keyIds);
  });
}

/** Nothing recorded yet counts as the empty list. */
async function recordIfNew(tx: Tx, action: string, type: string, now: readonly string[]): Promise<void> {
  const before = listOf((await store.lastRecorded(tx, action))?.detail.entries);
  if (JSON.stringify(before) === JSON.stringify(now)) return;
  await recordWith(tx, STARTING, {
    tenantId: INSTANCE_TENANT,
    action,
    target: { type },
    detail: { entries: now, before, role: settings().role },
  });
}

export function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
