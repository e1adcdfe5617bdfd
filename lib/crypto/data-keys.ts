import type { KeyObject } from "node:crypto";

/**
 * Data keys opened lately, so that a secret that is read often costs one decryption a read instead of two (LG-4: at most five
 * minutes). Keyed by the wrapped bytes, which no two values share; the record's own associated data still binds every opening
 * to its place (CRY-2).
 */

const MAX_AGE_MS = 5 * 60_000;
const MAX_KEYS = 4_096;

interface Entry {
  key: Buffer;
  /** What unwrapped it: without that key, or with another, it is not known. */
  tenantKey: KeyObject;
  /** By a monotonic clock, ms. */
  until: number;
}

export class DataKeys {
  readonly #entries = new Map<string, Entry>();
  readonly #now: () => number;

  /** @param now a monotonic clock, ms */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** The key that `tenantKey` was seen to unwrap from `wrapped`, or undefined. It stays the cache's: copy nothing, wipe nothing. */
  get(tenantKey: KeyObject, wrapped: Buffer): Buffer | undefined {
    const name = wrapped.toString("latin1");
    const entry = this.#entries.get(name);
    if (!entry) return undefined;
    if (entry.tenantKey === tenantKey && entry.until > this.#now()) return entry.key;
    this.#drop(name, entry);
    return undefined;
  }

  /** Takes over `key`, which `tenantKey` unwrapped; wipes it when its time is over or room is needed. */
  keep(tenantKey: KeyObject, wrapped: Buffer, key: Buffer): void {
    const name = wrapped.toString("latin1");
    const before = this.#entries.get(name);
    if (before) this.#drop(name, before);
    this.#entries.set(name, { key, tenantKey, until: this.#now() + MAX_AGE_MS });
    for (const [oldest, entry] of this.#entries) {
      if (this.#entries.size <= MAX_KEYS && entry.until > this.#now()) break;
      this.#drop(oldest, entry);
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  #drop(name: string, entry: Entry): void {
    this.#entries.delete(name);
    entry.key.fill(0);
  }
}
