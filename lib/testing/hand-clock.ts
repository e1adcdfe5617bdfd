import type { Clock } from "@/lib/clock";

/** Time that moves on its own as always, and leaps when told to; sleepers whose time has come wake with the leap. */
export class HandClock implements Clock {
  #leapt = 0;
  #sleepers: { at: number; wake: () => void }[] = [];

  now(): number {
    return Date.now() + this.#leapt;
  }

  monotonic(): number {
    return performance.now() + this.#leapt;
  }

  /** Only a leap, or the signal, ends it. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      this.#sleepers.push({ at: this.#leapt + ms, wake: resolve });
      signal?.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  after(ms: number, run: () => void): () => void {
    const sleeper = { at: this.#leapt + ms, wake: run };
    this.#sleepers.push(sleeper);
    return () => {
      this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
    };
  }

  leap(ms: number): void {
    this.#leapt += ms;
    const due = this.#sleepers.filter((sleeper) => sleeper.at <= this.#leapt);
    this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.at > this.#leapt);
    for (const sleeper of due) sleeper.wake();
  }
}
