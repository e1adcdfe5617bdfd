import type { Clock } from "@/lib/clock";

/** A part of a provider's rate, as the database gave it out: slots for calls, or how long there are none. */
export interface Slots {
  granted: number;
  /** Until the first of them, or with none granted until it makes sense to ask again. */
  startMs: number;
  /** 0: there is no pace (any more). */
  everyMs: number;
  /** The provider wants to be left alone for so long. */
  blockedMs: number;
}

export interface Paced {
  tenantId: string;
  authClientId: string;
}

/** How many slots are asked for at once; the database gives those of the next moment. */
const ASK = 64;
/** A slot that was not used by then is let go, so that a pause is not followed by a rush. */
const STALE_MS = 500;
/** Nobody waits longer without asking again: what a provider asked for may end at once, when its client is pointed elsewhere. */
const AGAIN_MS = 1_000;

interface Pace {
  /** Monotonic, ascending. */
  slots: number[];
  asking: boolean;
  waking: boolean;
}

/**
 * How fast a tenant may ask with a client whose provider said "slow down" (REFRESH section 6, "per-IdP slowdown"). The pace
 * itself is a row of the database, shared by all processes (latchkey_pace_take); here is only who has one, and the slots that
 * were taken ahead. Whoever was never told to slow down passes with a look into a map.
 */
export class Paces {
  readonly #paces = new Map<string, Pace>();

  constructor(
    readonly clock: Clock,
    readonly take: (who: Paced, max: number) => Promise<Slots>,
    readonly reportTrouble: (error: unknown) => void,
  ) {}

  /** This tenant's client was told to slow down, here or in another process: slots of before are void. */
  note(who: Paced): void {
    const pace = this.#paces.get(keyOf(who));
    if (pace) pace.slots = [];
    else this.#paces.set(keyOf(who), { slots: [], asking: false, waking: false });
  }

  isPaced(who: Paced): boolean {
    return this.#paces.has(keyOf(who));
  }

  /** True: there is room for a call now (then `spend` it). False: `ready` is called when it is worth asking again. */
  hasSlot(who: Paced, ready: () => void): boolean {
    const pace = this.#paces.get(keyOf(who));
    if (!pace) return true;
    const now = this.clock.monotonic();
    while (pace.slots[0] !== undefined && pace.slots[0] < now - STALE_MS) pace.slots.shift();
    const [next] = pace.slots;
    if (next === undefined) this.#ask(who, pace, ready);
    else if (next <= now) return true;
    else this.#wake(pace, next - now, ready);
    return false;
  }

  spend(who: Paced): void {
    this.#paces.get(keyOf(who))?.slots.shift();
  }

  /** Waits for the turn of one call: `go`, or `full` when it would not come before `until` (monotonic). */
  async turn(
    who: Paced,
    until: number,
  ): Promise<{ kind: "go" } | { kind: "full" } | { kind: "blocked"; retryAfterMs: number }> {
    while (this.#paces.has(keyOf(who))) {
      const slots = await this.#taken(who, 1);
      if (slots.blockedMs > 0) return { kind: "blocked", retryAfterMs: slots.blockedMs };
      if (this.clock.monotonic() + slots.startMs >= until) return { kind: "full" };
      if (slots.startMs > 0) await this.clock.sleep(slots.startMs);
      if (slots.granted > 0) break;
    }
    return { kind: "go" };
  }

  async #taken(who: Paced, max: number): Promise<Slots> {
    const slots = await this.take(who, max);
    if (slots.granted > 0 && slots.everyMs === 0) this.#paces.delete(keyOf(who));
    return slots;
  }

  #ask(who: Paced, pace: Pace, ready: () => void): void {
    if (pace.asking || pace.waking) return;
    pace.asking = true;
    this.#taken(who, ASK).then(
      ({ granted, startMs, everyMs, blockedMs }) => {
        pace.asking = false;
        const first = this.clock.monotonic() + startMs;
        pace.slots = everyMs === 0 ? [] : Array.from({ length: granted }, (_, n) => first + n * everyMs);
        this.#wake(pace, Math.min(Math.max(startMs, blockedMs), AGAIN_MS), ready);
      },
      (error) => {
        pace.asking = false;
        this.reportTrouble(error);
        this.#wake(pace, AGAIN_MS, ready);
      },
    );
  }

  #wake(pace: Pace, afterMs: number, ready: () => void): void {
    if (pace.waking) return;
    if (afterMs <= 0) {
      ready();
      return;
    }
    pace.waking = true;
    void this.clock.sleep(afterMs).then(() => {
      pace.waking = false;
      ready();
    });
  }
}

const keyOf = (who: Paced) => who.tenantId + who.authClientId;
