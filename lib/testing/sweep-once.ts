import { runAttempt } from "@/lib/refresher/ensure-fresh";
import { refresher } from "@/lib/refresher/live-world";
import type { OAuthWorld } from "./oauth-world";

/** One round of the sweep, probes included: leases what is due and runs it to its end. */
export async function sweepOnce(): Promise<number> {
  const { rows } = refresher().world;
  const leases = [...(await rows.claim(200, [])), ...(await rows.claimProbes())];
  await Promise.all(leases.map((lease) => runAttempt(lease, null)));
  return leases.length;
}

/** The secret's refresh is due, and nobody has asked for patience. */
export async function dueNow(world: OAuthWorld, secretId: string): Promise<void> {
  await world.patience(secretId);
  await world.database
    .owner`update token_state set refresh_due_at = now() - interval '1 s' where secret_id = ${secretId}`;
}
