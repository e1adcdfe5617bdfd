import type { FailureKind } from "@/lib/oauth/failure";

/** Due when, how long to wait, give up when (REFRESH sections 6 and 7). Pure; randomness is an argument. Core. */

/** A lease is renewed every 5 s and lapses after 15: a crash is recovered inside every known grace window. */
export const LEASE_MS = 15_000;
export const HEARTBEAT_MS = 5_000;
/** The guard promises the lease for this long; what is not written to the socket by then is not sent. */
export const GUARD_MS = 3_000;
/** Waiters are told "slow" after this; the request goes on. */
export const SOFT_DEADLINE_MS = 20_000;
/** The lease ends; the socket stays open for a late landing. */
export const HARD_DEADLINE_MS = 90_000;
/** Between the first refusal and the look that may declare a grant dead. */
export const HOLD_OFF_MS = { min: 30_000, max: 60_000 };
export const PROBE_MS = 600_000;
export const SLOWEST_MS = 600_000;
/** Inside the smallest known grace, then backoff. */
const QUICK_MS = [1_000, 3_000, 8_000];
/** Calls per expiry before only one per ten minutes is left. */
export const EFFORT = 12;
/** After its access token has been dead for so long, a secret that still cannot be renewed is suspect. */
const GIVEN_UP_AFTER_MS = 24 * 3_600_000;
/** Then it is tried once in this time, for ever: a provider may come back after any time (I6). */
const GIVEN_UP_MS = 3_600_000;
/** A client that was told to slow down and had nothing accepted before may call this often, calls a second. */
export const PACE_LEAST = 0.02;
/** Slots are given out to processes so far ahead. */
export const PACE_AHEAD_MS = 250;
/** A provider that says "slow down" without saying for how long, or for no time at all. */
export const SHORTEST_WAIT_MS = 1_000;

/** The numbers that drizzle/refresher.sql holds as @NAME@. */
export const STATEMENT_NUMBERS: Readonly<Record<string, number>> = {
  LEASE_MS,
  GUARD_MS,
  PROBE_MS,
  SLOWEST_MS,
  EFFORT,
  PACE_LEAST,
  PACE_AHEAD_MS,
};

/**
 * How long before expiry a token is due: at least a minute more than `leadS`, up to ten minutes for long lives, never more
 * than half the lifetime, with up to a tenth of jitter so that tokens made together do not fall due together.
 */
export function leadMs(lifetimeS: number, leadS: number, random: number): number {
  const life = lifetimeS * 1000;
  const wanted = Math.max((leadS + 60) * 1000, Math.min(600_000, life * 0.2));
  return Math.min(wanted * (1 + 0.1 * random), life / 2);
}

/** How long to wait after the `failures`th failure in a row (1 is the first). */
export function retryDelayMs(kind: FailureKind, failures: number, retryAfterMs: number | null, random: number): number {
  const slow = failures >= EFFORT;
  const backoff = slow ? SLOWEST_MS : Math.max(1_000, random * Math.min(SLOWEST_MS, 2_000 * 2 ** failures));
  if (kind === "throttled") return Math.max(retryAfterMs ?? 0, backoff);
  const quick = kind === "unknown" ? QUICK_MS[failures - 1] : undefined;
  return Math.max(quick === undefined ? backoff : quick * (0.9 + 0.2 * random), retryAfterMs ?? 0);
}

/**
 * Whether the effort for this expiry is over: its calls are used up and the access token has been dead for a day.
 *
 * @param validForMs ms until the access token expires; null: never
 */
export function isGivenUp(failures: number, validForMs: number | null): boolean {
  return failures >= EFFORT && validForMs !== null && validForMs <= -GIVEN_UP_AFTER_MS;
}

/** How long a secret rests that was given up, with a tenth of jitter. */
export function givenUpDelayMs(retryAfterMs: number | null, random: number): number {
  return Math.max(retryAfterMs ?? 0, GIVEN_UP_MS * (1 + 0.1 * random));
}

export function holdOffMs(random: number): number {
  return HOLD_OFF_MS.min + random * (HOLD_OFF_MS.max - HOLD_OFF_MS.min);
}

/** `minimum_validity` above half the lifetime counts as half, so that no caller forces a refresh per read (API.md). */
export function cappedValidityMs(wantedMs: number, lifetimeS: number | null): { validityMs: number; capped: boolean } {
  const half = lifetimeS === null ? wantedMs : (lifetimeS * 1000) / 2;
  return wantedMs > half ? { validityMs: half, capped: true } : { validityMs: wantedMs, capped: false };
}
