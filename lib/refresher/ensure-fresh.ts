import { metrics } from "@/lib/observability/metrics";
import { inSpan } from "@/lib/observability/trace";
import type { TicketResult } from "./hosts";
import { causeOf, type Freshened, type Refresher, refresher } from "./live-world";
import { refreshOne } from "./refresh-one";
import type { Lease, Outcome, Want, World } from "./world";

/** The on-demand entrance to the same path as the sweep: win the lease and refresh, or wait for whoever has it. */

export interface Target {
  tenantId: string;
  secretId: string;
  authClientTenantId: string;
  authClientId: string;
}

/** What the row says now; enough to know whether waiting still makes sense. */
export interface RowView {
  generation: number;
  /** Ms of life left by the database's clock; null: no expiry. */
  validForMs: number | null;
  leased: boolean;
  /** It can be refreshed at all, and not only after a pause that a provider asked for. */
  attemptable: boolean;
}

export type { Freshened };

/** Without a notification, the row is looked at this often. */
const POLL_MS = 250;

/**
 * Runs a leased attempt and lets everybody in this process wait for it; the entry always goes when the attempt ends.
 *
 * @param heard called when the provider has answered with tokens, before they are landed
 */
export function runAttempt(
  lease: Lease,
  actor: string | null,
  heard?: () => void,
  self: Refresher = refresher(),
): Promise<Outcome> {
  const { running } = self;
  const { tenantId, secretId, generation } = lease;
  const fields = () => ({
    "latchkey.tenant_id": tenantId,
    "latchkey.secret_id": secretId,
    "latchkey.generation": generation,
    "latchkey.refresh.cause": causeOf(lease),
  });
  const attempt = inSpan("refresh", { kind: "internal", fields }, async (span) => {
    const outcome = await refreshOne(self.world, lease, actor, heard);
    span.set({
      "latchkey.refresh.outcome": outcome.kind,
      ...(outcome.kind === "failed" ? { "error.type": outcome.code } : {}),
    });
    if (outcome.kind === "failed" && outcome.code === "throttled") self.paces.note(lease);
    return outcome;
  }).finally(() => {
    if (running.get(lease.secretId) === attempt) running.delete(lease.secretId);
  });
  running.set(lease.secretId, attempt);
  return attempt;
}

/**
 * Resolves when no attempt of this process is under way, whoever it was started for, and no late answer waits to be landed;
 * at the latest after `drainMs`. For shutdown, in every role: a token received must not die with the process (REFRESH I2).
 */
export async function drainRefreshes(drainMs: number, self: Refresher = refresher()): Promise<void> {
  const { world, background, running } = self;
  const over = new AbortController();
  const all = async () => {
    while (running.size + background.size > 0) await Promise.allSettled([...running.values(), ...background]);
  };
  await Promise.race([all(), world.clock.sleep(drainMs, over.signal)]);
  over.abort();
}

/**
 * Sees to it that the secret is as fresh as `want` says: at most one provider call for any number of callers in any number
 * of processes. Waits up to `waitMs`, then answers `slow` while the refresh goes on.
 *
 * @param look reads the row; called before and while waiting
 */
export async function ensureFresh(
  target: Target,
  want: Want,
  options: { waitMs: number; actor: string | null; look(): Promise<RowView | null> },
  self: Refresher = refresher(),
): Promise<Freshened> {
  const { waiters } = self;
  const key = `${target.secretId} ${want.validityMs} ${want.generation} ${want.insist}`;
  let shared = waiters.get(key);
  if (!shared) {
    shared = freshen(self, target, want, options).finally(() => waiters.delete(key));
    waiters.set(key, shared);
  }
  const over = new AbortController();
  const slow = self.world.clock.sleep(options.waitMs, over.signal).then(() => ({ kind: "slow" }) as const);
  try {
    return await Promise.race([shared, slow]);
  } finally {
    over.abort();
  }
}

/** The longest anybody may wait (API.md `wait`); the shared work behind several waiters ends by then too. */
const LONGEST_WAIT_MS = 25_000;

async function freshen(
  self: Refresher,
  target: Target,
  want: Want,
  options: { actor: string | null; look(): Promise<RowView | null> },
): Promise<Freshened> {
  const { world } = self;
  const until = world.clock.monotonic() + LONGEST_WAIT_MS;
  const changed = changeSignal(world, target.secretId);
  /** Monotonic; since when somebody else's attempt is waited for. */
  let waitedFrom: number | null = null;
  let triedAgain = false;
  try {
    for (;;) {
      const mine = self.running.get(target.secretId);
      if (mine) {
        waitedFrom ??= world.clock.monotonic();
        return await mine;
      }
      const row = await options.look();
      if (!row || satisfied(row, want)) return { kind: "superseded" };
      if (!row.leased) {
        if (!row.attemptable && !want.insist) return { kind: "not_now" };
        const came = await attemptOnce(self, target, until, options.actor, () => world.rows.acquire(target, want));
        if (came) return came;
        // Somebody else was quicker, or the row rests. Look again to tell which.
        const again = await options.look();
        if (!again || satisfied(again, want)) return { kind: "superseded" };
        // Given back meanwhile, by a sweep that has to wait for its slot: then it is ours to try, once more.
        const givenBack = want.insist && again.attemptable && !triedAgain;
        if (!again.leased && !givenBack) return { kind: "not_now" };
        triedAgain ||= !again.leased;
      }
      if (world.clock.monotonic() >= until) return { kind: "slow" };
      waitedFrom ??= world.clock.monotonic();
      await changed.next(POLL_MS);
    }
  } finally {
    if (waitedFrom !== null) metrics().leaseWait.observe((world.clock.monotonic() - waitedFrom) / 1000);
    changed.end();
  }
}

/**
 * One attempt, when its provider has room and its pace lets it.
 *
 * @param take leases the row, or does not
 * @returns null when the row could not be leased
 */
export async function attemptOnce(
  self: Refresher,
  target: Target,
  until: number,
  actor: string | null,
  take: () => Promise<Lease | null>,
): Promise<Freshened | null> {
  const { world, hosts, paces } = self;
  const client = await world.clients.open(target.authClientTenantId, target.authClientId);
  if (!client) return { kind: "not_now" };
  const entry = await hosts.enter(world.provider.host(client), target.tenantId, until - world.clock.monotonic());
  if (entry.kind === "open") return { kind: "closed", retryAfterMs: entry.retryAfterMs };
  if (entry.kind === "full") return { kind: "slow" };
  let result: TicketResult = "unused";
  try {
    const turn = await paces.turn(target, until);
    if (turn.kind === "blocked") return { kind: "closed", retryAfterMs: turn.retryAfterMs, throttled: true };
    if (turn.kind === "full") return { kind: "slow" };
    const lease = await take();
    if (!lease) return null;
    // The provider has done its part then; what is left is between us and the database.
    const outcome = await runAttempt(lease, actor, () => entry.ticket.leave("answered"), self);
    result = ticketResult(outcome);
    return outcome;
  } finally {
    entry.ticket.leave(result);
  }
}

function satisfied(row: RowView, want: Want): boolean {
  if (want.generation !== null && row.generation === want.generation) return false;
  return row.validForMs === null || row.validForMs > Math.max(0, want.validityMs);
}

/** What an attempt says about the provider's health: only an answer that was not understood, or none, counts against it. */
export function ticketResult(outcome: Outcome): TicketResult {
  if (outcome.kind === "landed") return "answered";
  if (outcome.kind === "superseded") return "unused";
  if (outcome.code === "provider_unreachable" || outcome.code === "provider_failing") return "silent";
  if (outcome.code === "throttled") return "throttled";
  return NOTHING_SENT.has(outcome.code) ? "unused" : "answered";
}

const NOTHING_SENT = new Set(["paused", "integrity_failure", "egress_blocked"]);

function changeSignal(world: World, secretId: string): { next(ms: number): Promise<void>; end(): void } {
  let wake: (() => void) | null = null;
  const end = world.onChange(secretId, () => wake?.());
  return {
    next: async (ms) => {
      const over = new AbortController();
      const change = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await Promise.race([change, world.clock.sleep(ms, over.signal)]);
      over.abort();
      wake = null;
    },
    end,
  };
}
