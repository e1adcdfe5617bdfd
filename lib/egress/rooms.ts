import { once } from "@/lib/process";

/**
 * Room for requests that a person waits for: code exchange, discovery, revocation (SECURITY SS-9). A provider that hangs holds
 * so many connections of a process and no more, and one tenant half of them. Nobody waits for room: who finds none is told
 * so at once, because what hangs now will mostly still hang in a few seconds. (Refreshing has its own: lib/refresher/hosts.)
 */
export interface RoomLimits {
  /** Requests at once to one host. */
  perHost: number;
  /** Of them, one holder's. */
  perHolderAtHost: number;
  /** One holder's at all hosts. */
  perHolder: number;
}

const LIMITS: RoomLimits = { perHost: 32, perHolderAtHost: 16, perHolder: 64 };

export class Rooms {
  readonly #counts = new Map<string, number>();
  readonly #works = new Map<string, { leave(): void; stays: number }>();

  constructor(readonly limits: RoomLimits = LIMITS) {}

  /**
   * @param holder the tenant, or whoever else the request is for
   * @param work stays of the same name take one room together, because one of them at most will send anything
   * @returns ends the stay; null when there is no room
   */
  enter(url: string | URL, holder: string, work?: string): (() => void) | null {
    if (work === undefined) return this.#enter(url, holder);
    let shared = this.#works.get(work);
    if (!shared) {
      const leave = this.#enter(url, holder);
      if (!leave) return null;
      shared = { leave, stays: 0 };
      this.#works.set(work, shared);
    }
    const mine = shared;
    mine.stays += 1;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      mine.stays -= 1;
      if (mine.stays > 0) return;
      this.#works.delete(work);
      mine.leave();
    };
  }

  #enter(url: string | URL, holder: string): (() => void) | null {
    const { host } = typeof url === "string" ? new URL(url) : url;
    const places = [
      [`host ${host}`, this.limits.perHost],
      [`host ${host} holder ${holder}`, this.limits.perHolderAtHost],
      [`holder ${holder}`, this.limits.perHolder],
    ] as const;
    if (places.some(([place, limit]) => (this.#counts.get(place) ?? 0) >= limit)) return null;
    for (const [place] of places) this.#counts.set(place, (this.#counts.get(place) ?? 0) + 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      for (const [place] of places) {
        const now = (this.#counts.get(place) ?? 1) - 1;
        if (now > 0) this.#counts.set(place, now);
        else this.#counts.delete(place);
      }
    };
  }

  /** How many stay, for tests. */
  get size(): number {
    return this.#counts.size;
  }
}

/** This process's. */
export function rooms(): Rooms {
  return once("egress-rooms", () => new Rooms());
}
