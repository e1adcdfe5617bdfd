import { LatchkeyError } from "./errors";

export interface RetryOptions {
  /** Attempts after the first. */
  retries: number;
  /** Whether the call may be made again although nobody knows what became of the one before. */
  repeatable: boolean;
  signal?: AbortSignal | undefined;
}

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Makes a call again when it failed for a reason that passes: too many calls (429, which did nothing), and for repeatable calls no
 * answer, 502, 503 and 504. Pauses double and are spread out at random; a `Retry-After` is kept, and one of more than 5 s is for the
 * caller to wait. What a person or a provider must mend (409, 424) is never asked again.
 *
 * @throws whatever the last attempt threw; the abort of `signal`
 */
export async function withRetries<T>(
  call: () => Promise<T>,
  { retries, repeatable, signal }: RetryOptions,
): Promise<T> {
  for (let failed = 0; ; failed++)
    try {
      return await call();
    } catch (error) {
      if (failed >= retries || !passes(error, repeatable)) throw error;
      const askedMs = (error.retryAfterS ?? 0) * 1000;
      if (askedMs > LONGEST_PAUSE_MS) throw error;
      await pause(Math.max(askedMs, Math.random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failed)), signal);
    }
}

function passes(error: unknown, repeatable: boolean): error is LatchkeyError {
  if (!(error instanceof LatchkeyError)) return false;
  if (error.status === 429) return true;
  if (error.status === 0) return repeatable && error.code !== "malformed";
  return repeatable && [502, 503, 504].includes(error.status);
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const end = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end);
      resolve();
    }, ms);
    signal?.addEventListener("abort", end, { once: true });
  });
}
