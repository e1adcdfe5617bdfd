/**
 * Time as an argument. Core: imports nothing.
 *
 * `now()` is wall-clock time in milliseconds since the epoch and serves only for what people and providers mean by
 * "expires at". `monotonic()` never jumps and serves for every lease, deadline and duration (REFRESH.md I12).
 */
export interface Clock {
  now(): number;
  monotonic(): number;
  /** Resolves after `ms`, or at once when `signal` aborts; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener("abort", done, { once: true });
    }),
};
