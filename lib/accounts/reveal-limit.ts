import type { Caller } from "@/lib/access/caller";
import { POLICIES } from "@/lib/accounts/throttle";
import { chargeBuckets } from "@/lib/accounts/throttle-store";
import { systemClock } from "@/lib/clock";
import { mac } from "@/lib/crypto/mac";

/**
 * Counts one value shown to a person, over all their sessions and keys, in the table that sign-ins are counted in: restarts
 * and further processes do not forget it (VAL-2).
 *
 * @returns milliseconds to wait; 0: it is counted, go on
 */
export function countReveal(caller: Caller, nowMs: number = systemClock.now()): Promise<number> {
  return chargeBuckets(
    [{ key: mac("throttle", `reveal:${caller.userId ?? caller.id}`), policy: POLICIES.reveal }],
    nowMs,
  );
}
