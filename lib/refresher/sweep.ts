import { errorFields, log } from "@/lib/observability/log";
import { drainRefreshes, isRunningHere, runAttempt, ticketResult } from "./ensure-fresh";
import { HOST_LIMIT } from "./hosts";
import { type Refresher, refresher } from "./live-world";
import type { Lease } from "./world";

/** Claims what is due and refreshes it with bounded concurrency; a full or closed provider is passed over, never waited for. */

export const MAX_RUNNING = 256;
const CLAIM = 200;
const IDLE_MS = 500;
const PROBE_EVERY_MS = 5_000;
/** How long a (tenant, client) without room stays out of the claim. */
const PASS_OVER_MS = 250;

export interface Sweep {
  /** Stops claiming, then waits up to `drainMs` for what is under way. */
  stop(drainMs: number): Promise<void>;
}

export function startSweep(): Sweep {
  const self = refresher();
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  const passedOver = new Map<string, number>();
  const loop = run(self, stopping.signal, running, passedOver);
  return {
    stop: async (drainMs) => {
      stopping.abort();
      await loop;
      await drainRefreshes(drainMs);
    },
  };
}

async function run(
  self: Refresher,
  signal: AbortSignal,
  running: Set<Promise<void>>,
  passedOver: Map<string, number>,
): Promise<void> {
  const { clock, rows } = self.world;
  let probedAt = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    let found = 0;
    try {
      const now = clock.monotonic();
      for (const [pair, until] of passedOver) if (until <= now) passedOver.delete(pair);
      const room = Math.min(CLAIM, MAX_RUNNING - running.size);
      if (room > 0) {
        const leases = await rows.claim(room, [...passedOver.keys()]);
        found = leases.length;
        place(self, leases, running, passedOver);
      }
      if (now - probedAt >= PROBE_EVERY_MS) {
        probedAt = now;
        place(self, await rows.claimProbes(), running, passedOver);
      }
    } catch (error) {
      log.warn("sweep failed; trying again", errorFields(error));
      await clock.sleep(IDLE_MS, signal);
    }
    if (signal.aborted) return;
    if (running.size >= MAX_RUNNING) await Promise.race([...running, clock.sleep(IDLE_MS, signal)]);
    else if (found === 0) await clock.sleep(running.size > 0 ? 20 : IDLE_MS, signal);
  }
}

function place(self: Refresher, leases: Lease[], running: Set<Promise<void>>, passedOver: Map<string, number>): void {
  const tenants = new Set(leases.map((lease) => lease.tenantId));
  const share = tenants.size > 1 ? HOST_LIMIT / 2 : HOST_LIMIT;
  for (const lease of leases) {
    const work = attempt(self, lease, share, passedOver)
      .catch((error) => log.error("refresh attempt failed", { secretId: lease.secretId, ...errorFields(error) }))
      .finally(() => running.delete(work));
    running.add(work);
  }
}

async function attempt(self: Refresher, lease: Lease, share: number, passedOver: Map<string, number>): Promise<void> {
  const { world, hosts } = self;
  if (isRunningHere(lease.secretId)) return world.rows.release(lease);
  const client = await world.clients.open(lease.authClientTenantId, lease.authClientId);
  if (!client) {
    await runAttempt(lease, null); // says on the secret what is wrong
    return;
  }
  if (client.problem && !lease.probing) {
    // Known here only, for a few seconds yet: its repair has not come round, or its trouble is newer than this claim.
    passedOver.set(lease.tenantId + lease.authClientId, world.clock.monotonic() + PASS_OVER_MS);
    return world.rows.release(lease);
  }
  const entry = hosts.tryEnter(world.provider.host(client), lease.tenantId, share);
  if (entry.kind !== "in") {
    const restMs = entry.kind === "open" ? Math.min(entry.retryAfterMs, 5_000) : PASS_OVER_MS;
    passedOver.set(lease.tenantId + lease.authClientId, world.clock.monotonic() + restMs);
    return world.rows.release(lease);
  }
  let result: ReturnType<typeof ticketResult> = "unused";
  try {
    result = ticketResult(await runAttempt(lease, null));
  } finally {
    entry.ticket.leave(result);
  }
}
