import type { Caller } from "@/lib/access/caller";
import { POLICIES } from "@/lib/accounts/throttle";
import { chargeBuckets } from "@/lib/accounts/throttle-store";
import { systemClock } from "@/lib/clock";
import { mac } from "@/lib/crypto/mac";

/**
 * Counts one value shown to a person (VAL-2), one issuer looked up, one delivery of a webhook asked for, or one secret tested, over all the person's sessions and keys, in the table that
 * sign-ins are counted in: restarts and further processes do not forget it.
 *
 * @returns milliseconds to wait; 0: it is counted, go on
 */
export function countFor(
  caller: Caller,
  what: "reveal" | "discovery" | "webhook" | "test",
  nowMs = systemClock.now(),
): Promise<number> {
  const key = mac("throttle", `${what}:${caller.userId ?? caller.id}`);
  return chargeBuckets([{ key, policy: POLICIES[what] }], nowMs);
}
