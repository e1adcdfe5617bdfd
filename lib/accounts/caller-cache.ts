import { hash, randomBytes } from "node:crypto";
import { once } from "@/lib/process";

/** Roles and keys may be cached this long, so that revocation works on every node within it (KEY-4). */
export const CACHE_MS = 5_000;
const MAX_FOUND = 20_000;
/** Apart from the found ones, so that guesses push nobody's valid key out. */
const MAX_UNKNOWN = 5_000;

interface Entry<T> {
  /** Of the monotonic clock: a jump of wall-clock time must not prolong a revoked key. */
  atMs: number;
  value: T | null;
}

/**
 * Remembers for 5 s what a credential stands for, that it stands for nothing included. Credentials are kept as hashes with
 * a salt of this process, in memory only. Concurrent look-ups of one credential are one.
 */
export class CallerCache<T> {
  readonly #salt = randomBytes(32).toString("base64");
  readonly #found = new Map<string, Entry<T>>();
  readonly #unknown = new Map<string, Entry<T>>();
  readonly #running = new Map<string, Promise<T | null>>();
  /** Grows when all is forgotten, so that a look-up begun before does not come back into the cache. */
  #era = 0;

  /** The value of `credential`, from memory or by `load`. A cached hit does no I/O. */
  get(credential: string, load: () => Promise<T | null>): Promise<T | null> | T | null {
    const key = hash("sha256", this.#salt + credential, "base64");
    const now = performance.now();
    const entry = this.#found.get(key) ?? this.#unknown.get(key);
    if (entry && now - entry.atMs < CACHE_MS) return entry.value;
    const running = this.#running.get(key);
    if (running) return running;
    const era = this.#era;
    const started = load()
      .then((value) => {
        if (era === this.#era) this.#keep(key, { atMs: now, value });
        return value;
      })
      .finally(() => {
        if (this.#running.get(key) === started) this.#running.delete(key);
      });
    this.#running.set(key, started);
    return started;
  }

  clear(): void {
    this.#era += 1;
    this.#found.clear();
    this.#unknown.clear();
    this.#running.clear();
  }

  #keep(key: string, entry: Entry<T>): void {
    this.#found.delete(key);
    this.#unknown.delete(key);
    const map = entry.value === null ? this.#unknown : this.#found;
    map.set(key, entry);
    if (map.size > (entry.value === null ? MAX_UNKNOWN : MAX_FOUND)) {
      const [oldest] = map.keys();
      if (oldest !== undefined) map.delete(oldest);
    }
  }
}

/** The process's cache of this name: "keys" or "sessions". */
export function callerCache<T>(name: "keys" | "sessions"): CallerCache<T> {
  return once(`caller-cache-${name}`, () => new CallerCache<T>());
}

/** After a session ended in this process. */
export function forgetSessions(): void {
  callerCache("sessions").clear();
}

/** After a change of keys or roles in this process: nobody here is known from before it. */
export function forgetCallers(): void {
  callerCache("keys").clear();
  callerCache("sessions").clear();
}
