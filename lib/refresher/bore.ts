import type { Clock } from "@/lib/clock";

/** Answers kept in mind for each tenant and client: enough to know a limit of 15 a second that is counted by the minute. */
const KEPT = 1_000;
const MAX_PAIRS = 2_000;

/**
 * How many calls a second a provider bore before it said "slow down": what was accepted lately, over the time that took and
 * the time it now asks to be left alone, whichever stretch gives most. So "600 a minute" and "20 a second" are both
 * understood, whatever way they are counted.
 */
export class Bore {
  readonly #accepted = new Map<string, number[]>();
  /** Accepted although the provider had begun to refuse others: those were under way. */
  readonly #late = new Map<string, { until: number; waitMs: number; count: number }>();

  constructor(readonly clock: Clock) {}

  /** A token request of this tenant and client was accepted. */
  add(pair: string): void {
    const late = this.#late.get(pair);
    if (late && this.clock.monotonic() < late.until) {
      late.count += 1;
      return;
    }
    let times = this.#accepted.get(pair);
    if (!times) {
      times = [];
      this.#accepted.set(pair, times);
      const [oldest] = this.#accepted.keys();
      if (this.#accepted.size > MAX_PAIRS && oldest !== undefined) this.#accepted.delete(oldest);
    }
    times.push(this.clock.monotonic());
    if (times.length > 2 * KEPT) times.splice(0, KEPT);
  }

  /** Calls a second, and forgets them: of one episode each is counted once. */
  take(pair: string, waitMs: number): number {
    const times = this.#accepted.get(pair) ?? [];
    this.#accepted.delete(pair);
    const now = this.clock.monotonic();
    if (!this.#late.has(pair)) this.#late.set(pair, { until: now + waitMs, waitMs, count: 0 });
    let most = 0;
    for (let n = 1; n <= times.length; n++) {
      const since = now - (times[times.length - n] as number);
      most = Math.max(most, (n * 1000) / (since + waitMs));
    }
    return most;
  }

  /** What the last `take` did not know of yet, when the wait is over. */
  takeLate(pair: string): number {
    const late = this.#late.get(pair);
    if (!late || this.clock.monotonic() < late.until) return 0;
    this.#late.delete(pair);
    return (late.count * 1000) / late.waitMs;
  }
}
