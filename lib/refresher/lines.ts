import type { Lease } from "./world";

/**
 * Where leased secrets wait a moment for room at their provider, one line per tenant and auth client. A lease lasts 15 s and
 * the guard asks for 3 of them, so a second here costs nothing; giving a lease back and taking it again costs two writes.
 * Pure book-keeping, so that every provider and tenant gets its turn (I10).
 */

/**
 * A line holds this many at first, twice as many each time it was emptied quickly, half as many after somebody waited in
 * vain: about what its provider takes within `WAIT_MS`, whatever that is, so that no room stays empty and few wait in vain.
 */
const AT_FIRST = 64;
const SHORTEST = 16;
const LONGEST = 512;
/** Who waits longer is given back. */
export const WAIT_MS = 1_000;
/** A line whose last one waited longer is long enough already. */
const QUICK_MS = WAIT_MS / 3;

interface Waiting {
  lease: Lease;
  since: number;
}

interface Line {
  host: string;
  tenantId: string;
  waiting: Waiting[];
  capacity: number;
  /** Monotonic moment when somebody of it last entered. */
  servedAt: number;
}

export const pairOf = (lease: Lease) => lease.tenantId + lease.authClientId;

export class Lines {
  /** Round the map goes the turn: who was served moves to its end. */
  readonly #lines = new Map<string, Line>();
  #size = 0;

  /** How many wait in all. */
  get size(): number {
    return this.#size;
  }

  /** "elsewhere": others of this client still wait for the host that it had a moment ago. */
  join(lease: Lease, host: string, now: number, most: number = LONGEST): "in" | "full" | "elsewhere" {
    const pair = pairOf(lease);
    let line = this.#lines.get(pair);
    if (!line || line.host !== host) {
      if (line?.waiting.length) return "elsewhere";
      const { capacity = AT_FIRST } = line ?? {};
      line = { host, tenantId: lease.tenantId, waiting: [], capacity, servedAt: Number.NEGATIVE_INFINITY };
      this.#lines.set(pair, line);
    }
    if (line.waiting.length >= Math.min(line.capacity, most)) return "full";
    line.waiting.push({ lease, since: now });
    this.#size += 1;
    return "in";
  }

  /** Hosts that somebody waits for. */
  hosts(): Set<string> {
    const hosts = new Set<string>();
    for (const line of this.#lines.values()) if (line.waiting.length > 0) hosts.add(line.host);
    return hosts;
  }

  /** Whether another tenant waits for a host too. */
  othersWait(host: string, tenantId: string): boolean {
    for (const line of this.#lines.values())
      if (line.host === host && line.waiting.length > 0 && line.tenantId !== tenantId) return true;
    return false;
  }

  /**
   * Takes the next lease that `mayEnter`, the longest unserved line first.
   *
   * @param now monotonic
   * @param mayEnter asked at most once a line, and no more for a tenant after the answer "tenant" (it has its share)
   */
  next<T extends object>(
    host: string,
    now: number,
    mayEnter: (lease: Lease) => T | "tenant" | "line",
  ): { lease: Lease; given: T } | null {
    const refused = new Set<string>();
    for (const [pair, line] of this.#lines) {
      const [first] = line.waiting;
      if (line.host !== host || !first || refused.has(line.tenantId)) continue;
      const given = mayEnter(first.lease);
      if (given === "tenant") refused.add(line.tenantId);
      if (typeof given === "string") continue;
      const { lease, since } = line.waiting.shift() as Waiting;
      this.#size -= 1;
      line.servedAt = now;
      if (line.waiting.length === 0 && now - since < QUICK_MS) line.capacity = Math.min(LONGEST, line.capacity * 2);
      this.#lines.delete(pair);
      this.#lines.set(pair, line);
      return { lease, given };
    }
    return null;
  }

  /** Lines that hold enough: nothing more is claimed for them now. Half a line lasts while the other half is claimed. */
  enough(): string[] {
    return [...this.#lines].filter(([, line]) => line.waiting.length >= line.capacity / 2).map(([pair]) => pair);
  }

  /** Whether anybody of this client and tenant entered after `since` (monotonic): its provider does take calls. */
  isServed(pair: string, since: number): boolean {
    return (this.#lines.get(pair)?.servedAt ?? Number.NEGATIVE_INFINITY) > since;
  }

  /** Takes out who has waited in vain, or everybody of a host, or everybody. */
  leave(which: { waitedSince: number } | { host: string } | "everybody"): Lease[] {
    const gone: Lease[] = [];
    const since = typeof which === "object" && "waitedSince" in which ? which.waitedSince : Number.POSITIVE_INFINITY;
    for (const [pair, line] of this.#lines) {
      const leaves = (one: Waiting) =>
        which === "everybody" || ("host" in which ? line.host === which.host : one.since <= which.waitedSince);
      const before = line.waiting.length;
      gone.push(...line.waiting.filter(leaves).map((one) => one.lease));
      line.waiting = line.waiting.filter((one) => !leaves(one));
      if (line.waiting.length < before) line.capacity = Math.max(SHORTEST, line.capacity / 2);
      if (line.waiting.length === 0 && line.capacity <= AT_FIRST && line.servedAt <= since) this.#lines.delete(pair);
    }
    this.#size -= gone.length;
    return gone;
  }
}
