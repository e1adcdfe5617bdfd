import { systemClock } from "@/lib/clock";
import { errorFields, log } from "@/lib/observability/log";
import { detached } from "@/lib/observability/trace";
import { attempt, holder } from "./attempt";
import { claim, type Lease, noteExpiring } from "./delivery-store";
import { gather } from "./gather";
import { LEASE_MS } from "./policy";

/** The worker's part: notes what no transaction tells, puts messages together, and delivers what is due. */

/** Attempts at once in this process: mostly waiting for receivers. */
const MOST_RUNNING = 64;
/** A tenant with so many of them is left out of the next claim, so that its slow receivers hold up no other's. */
const CROWDED = 8;
/** Claimed at a time. */
const CLAIM = 8;
const POLL_MS = 1_000;
const GATHER_EVERY_MS = 2_000;
const EXPIRING_EVERY_MS = 30_000;
/** Tokens noted at a time. */
const EXPIRING = 1_000;
/** A token without a refresh token is told of a day before it ends, or halfway where it lives shorter. */
const WARN_MS = 24 * 3_600_000;

export interface Deliveries {
  /** Stops claiming, then waits up to `drainMs` for attempts under way; others make the rest. */
  stop(drainMs: number): Promise<void>;
}

/** Starts delivering in this process. Any number of processes may do so at once. */
export function startDeliveries(): Deliveries {
  const stopping = new AbortController();
  const running = new Map<string, number>();
  const work = new Set<Promise<void>>();

  const start = (lease: Lease) => {
    running.set(lease.tenantId, (running.get(lease.tenantId) ?? 0) + 1);
    const one = detached(() => attempt(lease))
      .catch((error) =>
        log.warn("webhook attempt ended early; it is made again", { tenantId: lease.tenantId, ...errorFields(error) }),
      )
      .finally(() => {
        const left = (running.get(lease.tenantId) ?? 1) - 1;
        if (left > 0) running.set(lease.tenantId, left);
        else running.delete(lease.tenantId);
        work.delete(one);
      });
    work.add(one);
  };

  const deliver = async () => {
    for (let more = true; more && !stopping.signal.aborted; ) {
      const room = Math.min(MOST_RUNNING - work.size, CLAIM);
      const crowded = [...running].filter(([, count]) => count >= CROWDED).map(([tenantId]) => tenantId);
      const leases = room > 0 ? await claim(holder(), room, crowded, LEASE_MS) : [];
      for (const lease of leases) start(lease);
      more = leases.length === CLAIM;
    }
  };

  const loops = [
    repeat("webhook deliveries", POLL_MS, deliver, stopping.signal),
    repeat("webhook messages", GATHER_EVERY_MS, gather, stopping.signal),
    repeat(
      "webhook look at expiring tokens",
      EXPIRING_EVERY_MS,
      () => noteExpiring(EXPIRING, WARN_MS),
      stopping.signal,
    ),
  ];
  return {
    async stop(drainMs) {
      stopping.abort();
      await Promise.all(loops);
      await Promise.race([Promise.all(work), systemClock.sleep(drainMs)]);
    },
  };
}

async function repeat(
  what: string,
  everyMs: number,
  run: () => Promise<unknown>,
  stopping: AbortSignal,
): Promise<void> {
  while (!stopping.aborted) {
    try {
      await run();
    } catch (error) {
      log.warn(`${what} failed; trying again`, errorFields(error));
    }
    await systemClock.sleep(everyMs, stopping);
  }
}
