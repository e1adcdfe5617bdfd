import type { Token } from "./resources";

export type HeldToken = Token["attributes"];

/** Asked anew after this long even when the token lives on: it may have been replaced or taken back. */
const LONGEST_MS = 60_000;
const MOST = 200;

interface Entry {
  token: HeldToken;
  /** Of the monotonic clock: a jump of the wall clock makes no dead token live. */
  fromMs: number;
}

/** Access tokens of one program, in memory, never longer than they live. */
export class TokenCache {
  readonly #entries = new Map<string, Entry>();

  /** The token of a secret if it still lives for `minimumValidityS` seconds. */
  get(secretId: string, minimumValidityS: number): HeldToken | null {
    const entry = this.#entries.get(secretId);
    if (!entry) return null;
    const ageMs = performance.now() - entry.fromMs;
    const { valid_for } = entry.token;
    if (ageMs < LONGEST_MS && (valid_for === null || valid_for * 1000 - ageMs > minimumValidityS * 1000))
      return entry.token;
    this.#entries.delete(secretId);
    return null;
  }

  /** @param askedMs `performance.now()` before the token was asked for: `valid_for` counts from then at the earliest */
  set(secretId: string, token: HeldToken, askedMs: number): void {
    this.#entries.delete(secretId);
    this.#entries.set(secretId, { token, fromMs: askedMs });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > MOST && oldest !== undefined) this.#entries.delete(oldest);
  }

  forget(secretId: string): void {
    this.#entries.delete(secretId);
  }
}
