import { sourceOf, tooMany } from "@/lib/accounts/prove-password";
import { blockedMs, type Counter, charge, POLICIES } from "@/lib/accounts/throttle";
import { chargeBuckets } from "@/lib/accounts/throttle-store";
import { systemClock } from "@/lib/clock";
import { mac } from "@/lib/crypto/mac";
import { once } from "@/lib/process";

/**
 * Guesses at the passwords and keys of one endpoint, by the address they come from (SECURITY JW-7, DO-3). Only wrong ones are counted, here and
 * in the table that sign-ins are counted in, so that other processes know and a restart does not forget; right ones cost nothing. While an
 * address is blocked nothing it brings is compared, so that a block is no place to go on guessing.
 *
 * Tokens that nobody here signed are counted by themselves and after they were verified: a signature cannot be guessed, so a right token passes
 * whatever else comes from its address. One that was signed here and has ended, or is for somebody else, is not counted.
 */

const MOST_KEPT = 20_000;

const guessers = () => once("inbound-guessers", () => new Map<string, Counter>());

/** @returns what names the address to `countGuess` @throws AppError throttled */
export const mayGuess = (endpointId: string, ip: string | null): string => unblocked(`${endpointId} ${sourceOf(ip)}`);

/** The same for tokens that nobody here signed. */
export const maySendForged = (endpointId: string, ip: string | null): string =>
  unblocked(`${endpointId} tokens ${sourceOf(ip)}`);

function unblocked(key: string): string {
  const known = guessers().get(key);
  const waitMs = known ? blockedMs(known, systemClock.now()) : 0;
  if (waitMs > 0) throw tooMany(waitMs);
  return key;
}

/** Counts a wrong guess, here at once. @throws AppError throttled where other processes have counted too many */
export async function countGuess(key: string): Promise<void> {
  const all = guessers();
  const now = systemClock.now();
  const counter = charge(all.get(key) ?? { failures: 0, lastAtMs: now, blockedUntilMs: null }, POLICIES.guard, now);
  all.delete(key);
  all.set(key, counter);
  if (all.size > MOST_KEPT) {
    const [oldest] = all.keys();
    if (oldest !== undefined) all.delete(oldest);
  }
  const waitMs = await chargeBuckets([{ key: mac("throttle", `inbound:${key}`), policy: POLICIES.guard }], now);
  if (waitMs === 0) return;
  counter.blockedUntilMs = Math.max(counter.blockedUntilMs ?? 0, now + waitMs);
  throw tooMany(waitMs);
}
