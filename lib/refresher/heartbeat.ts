import { LEASE_MS } from "./policy";
import type { Lease } from "./world";

/** The leases a process keeps alive. Whoever owns it calls `beat` every HEARTBEAT_MS. */
export class Heartbeat {
  readonly #held = new Map<string, Lease>();

  /**
   * @param monotonic the process's clock that never jumps
   * @param renew prolongs leases in the row store; answers the attempts whose lease it still found
   */
  constructor(
    readonly monotonic: () => number,
    readonly renew: (leases: readonly Lease[]) => Promise<readonly string[]>,
  ) {}

  hold(lease: Lease): void {
    this.#held.set(lease.attempt, lease);
  }

  drop(lease: Lease): void {
    this.#held.delete(lease.attempt);
  }

  /** Rejects as `renew` does: the next beat comes before a lease lapses twice over, and a lapsed one is caught by the guard. */
  async beat(): Promise<void> {
    if (this.#held.size === 0) return;
    const beatAt = this.monotonic();
    for (const attempt of await this.renew([...this.#held.values()])) {
      const lease = this.#held.get(attempt);
      if (lease) lease.heldUntil = beatAt + LEASE_MS;
    }
  }
}
