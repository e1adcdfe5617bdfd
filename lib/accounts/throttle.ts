/**
 * Growing delays for guesses (LGN-1). A counter leaks: each `leakMs` forgives one try. Beyond `free` tries each further one
 * blocks for twice as long, up to `maxMs`; nothing is ever locked for good. Core.
 */
export interface ThrottlePolicy {
  free: number;
  leakMs: number;
  maxMs: number;
}

export interface Counter {
  failures: number;
  lastAtMs: number;
  blockedUntilMs: number | null;
}

const FIRST_DELAY_MS = 1_000;

/** How long the counter still blocks; 0 when it does not. */
export function blockedMs(counter: Counter, nowMs: number): number {
  return Math.max(0, (counter.blockedUntilMs ?? 0) - nowMs);
}

/** The counter after one more try. */
export function charge(counter: Counter, policy: ThrottlePolicy, nowMs: number): Counter {
  const forgiven = Math.floor(Math.max(0, nowMs - counter.lastAtMs) / policy.leakMs);
  const failures = Math.max(0, counter.failures - forgiven) + 1;
  const over = failures - policy.free;
  const delayMs = over > 0 ? Math.min(policy.maxMs, FIRST_DELAY_MS * 2 ** Math.min(30, over - 1)) : 0;
  return { failures, lastAtMs: nowMs, blockedUntilMs: delayMs > 0 ? nowMs + delayMs : null };
}

const MINUTE = 60_000;

export const POLICIES = {
  account: { free: 5, leakMs: 5 * MINUTE, maxMs: 15 * MINUTE },
  /** One address may stand for an office, so it gets more. */
  source: { free: 30, leakMs: 20_000, maxMs: 15 * MINUTE },
  /** Slows a flood spread over many addresses; short, because it meets everybody new. */
  global: { free: 500, leakMs: 100, maxMs: 5_000 },
  /** A device or source that signed in to this account before has a count of its own, which strangers cannot fill. */
  known: { free: 10, leakMs: MINUTE, maxMs: 5 * MINUTE },
  /** Values a person has shown: enough for a day's work, too few to carry a vault off by the screen (VAL-2). */
  reveal: { free: 30, leakMs: 20_000, maxMs: 5 * MINUTE },
  /** Issuers a person has looked up: enough to try what a form asks for, too few to knock at doors by way of us. */
  discovery: { free: 20, leakMs: 15_000, maxMs: 5 * MINUTE },
  /** Wrong passwords and keys at one endpoint from one address, and forged tokens: a proxy that does not say who asks stands for all its callers. */
  guard: { free: 20, leakMs: 3_000, maxMs: 60_000 },
  /** Webhooks a person has tested, or messages delivered again: each is a request of ours to somebody's server. */
  webhook: { free: 20, leakMs: 3_000, maxMs: MINUTE },
  /** Secrets a person has tested, saved or not: each is a connection of ours to an address that he chose. */
  test: { free: 20, leakMs: 3_000, maxMs: MINUTE },
  code: { free: 10, leakMs: 30_000, maxMs: 5 * MINUTE },
} as const satisfies Record<string, ThrottlePolicy>;
