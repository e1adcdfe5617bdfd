import type { Clock } from "@/lib/clock";

/** Answers kept in mind for each tenant and client: enough to know a limit of 15 a second that is counted by the minute. */
const KEPT = 1_000;
const MAX_PAIRS = 2_000;

/** Somebody was told to slow down. All times are monotonic. */
interface Episode {
  /** The first call of it that was refused, when it was asked and when that was read. */
  askedAt: number;
  heardAt: number;
  waitMs: number;
  /** When each call was asked that was accepted before. */
  accepted: number[];
  /** Of how many of them, and how many calls a second, was told already. */
  counted: number;
  told: number;
}

/**
 * How many calls a second a provider bore before it said "slow down": what was accepted lately, over the time that took and
 * the time it now asks to be left alone, whichever stretch gives most. So "600 a minute" and "20 a second" are both
 * understood, whatever way they are counted. What counts is when each call was asked, never when its answer was read: a slow
 * provider, and a process that stands still, would otherwise look like one that bears nothing.
 */
export class Bore {
  readonly #accepted = new Map<string, number[]>();
  readonly #episodes = new Map<string, Episode>();

  constructor(readonly clock: Clock) {}

  /** A token request of this tenant and client was accepted. */
  add(pair: string, askedAt: number): void {
    const episode = this.#episodes.get(pair);
    const times = episode && askedAt < episode.heardAt ? episode.accepted : entry(this.#accepted, pair, () => []);
    times.push(askedAt);
    if (times.length > 2 * KEPT) times.splice(0, KEPT);
  }

  /** This tenant and client were told to slow down. @returns calls a second; each is told once */
  take(pair: string, askedAt: number, waitMs: number): number {
    const heardAt = this.clock.monotonic();
    const last = this.#episodes.get(pair);
    if (!last || heardAt >= last.heardAt + last.waitMs) {
      const accepted = this.#accepted.get(pair) ?? [];
      this.#accepted.delete(pair);
      this.#episodes.delete(pair);
      entry(this.#episodes, pair, () => ({ askedAt, heardAt, waitMs, accepted, counted: 0, told: 0 }));
    }
    return this.takeLate(pair);
  }

  /** What was not known yet when that was told: calls that were under way, whenever their answers are read. */
  takeLate(pair: string): number {
    const episode = this.#episodes.get(pair);
    if (!episode || episode.accepted.length === episode.counted) return 0;
    const { accepted, askedAt, waitMs, told } = episode;
    accepted.sort((a, b) => a - b);
    episode.counted = accepted.length;
    for (let n = 1; n <= accepted.length; n++) {
      const since = Math.max(0, askedAt - (accepted[accepted.length - n] as number));
      episode.told = Math.max(episode.told, (n * 1000) / (since + waitMs));
    }
    return episode.told - told;
  }
}

/** The entry of `key`, made when there is none; the oldest goes when there are too many. */
function entry<T>(map: Map<string, T>, key: string, make: () => T): T {
  const found = map.get(key);
  if (found) return found;
  const made = make();
  map.set(key, made);
  const [oldest] = map.keys();
  if (map.size > MAX_PAIRS && oldest !== undefined) map.delete(oldest);
  return made;
}
