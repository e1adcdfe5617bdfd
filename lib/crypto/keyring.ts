import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from "node:crypto";
import {
  AES_256_GCM,
  CIPHER,
  FORMAT,
  isVersion,
  KEY_BYTES,
  lengthPrefixed,
  NONCE_BYTES,
  TAG_BYTES,
} from "@/lib/crypto/format";
import type { Kek } from "@/lib/crypto/keks";

/**
 * Tenant keys: one versioned key a tenant, wrapped by a key-encryption key and kept in the database; here unwrapped, cached, made on
 * first use and renewed before their nonce budget is spent (SECURITY CRY-1, CRY-5, CRY-6). Knows nothing of records.
 */

/** One stored version of a tenant's key. `wrapped` = nonce (12) + key (32) + tag (16). */
export interface TenantKeyRow {
  version: number;
  /** Hex id of the key-encryption key that wraps it now. */
  kekId: string;
  wrapped: Buffer;
}

/** Where tenant keys rest. */
export interface TenantKeyStore {
  /** All versions of one tenant, in any order; empty for a tenant that has none. */
  load(tenantId: string): Promise<TenantKeyRow[]>;
  /**
   * Adds one version. Must do nothing when (tenant, version) exists: whoever was first wins, and the caller loads again.
   * False when a living process lacks the key-encryption key that wraps it; then nothing was stored.
   */
  insert(tenantId: string, row: TenantKeyRow): Promise<boolean>;
  /** Adds `count` to the wraps reserved for this version, committed, and returns the total after that. */
  reserveWraps(tenantId: string, version: number, count: number): Promise<number>;
}

/** A tenant key that cannot be opened. The message names tenant, version and key id; never key bytes. */
export class KeyringError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "KeyringError";
  }

  /** By name, because Next and server.ts each hold their own copy of this class and share one keyring (lib/process.ts). */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Error && value.name === "KeyringError";
  }
}

/** A tenant key cannot be made: no key-encryption key of this process is known to every other one. */
export class KeksDifferError extends Error {
  constructor() {
    super("Another process of this database has none of this process's master keys, so no tenant key can be made.");
    this.name = "KeksDifferError";
  }
}

/** The key new records are wrapped with. */
export interface SealingKey {
  version: number;
  key: KeyObject;
  /** Id of the current key-encryption key, for the record's header. */
  kekId: Buffer;
}

/** How many wraps a process reserves at a time: one write to the database for so many sealed records. */
export const WRAP_BLOCK = 65_536;
/**
 * Random 96-bit nonces: a version wraps at most this many data keys, then the next version is made (CRY-5). Nothing is ever wrapped
 * past it, so the hard stop of 2^32 cannot be reached: if no next version can be stored, sealing fails.
 */
export const ROTATE_AT_WRAPS = 2 ** 31;

const CACHE_MS = 5 * 60_000;
const MAX_CACHED_TENANTS = 10_000;

interface CachedTenant {
  loadedAtMs: number;
  /** A version that did not open keeps its complaint, so that one broken row does not cost the tenant its other versions. */
  keys: Map<number, KeyObject | KeyringError>;
  newest: number;
}

export interface KeyringOptions {
  /** First current, the others only decrypt. */
  keks: readonly [Kek, ...Kek[]];
  store: TenantKeyStore;
  /** Called when a stored key needs a key-encryption key that is not here: may `adopt` others before it resolves. Never rejects. */
  renew?: () => Promise<void>;
  /** Milliseconds since the epoch. */
  nowMs?: () => number;
}

export class Keyring {
  #keks: Map<string, Kek>;
  #current: Kek;
  readonly #store: TenantKeyStore;
  readonly #renew: (() => Promise<void>) | undefined;
  readonly #nowMs: () => number;
  readonly #cache = new Map<string, CachedTenant>();
  readonly #loading = new Map<string, Promise<CachedTenant>>();
  readonly #preparing = new Map<string, Promise<void>>();
  /** Wraps this process may still make without asking, by tenant, for exactly one version. */
  readonly #reserved = new Map<string, { version: number; left: number }>();

  constructor(options: KeyringOptions) {
    this.#keks = new Map(options.keks.map((kek) => [kek.idHex, kek]));
    this.#current = options.keks[0];
    this.#store = options.store;
    this.#renew = options.renew;
    this.#nowMs = options.nowMs ?? Date.now;
  }

  /** Hex id of the key-encryption key that wraps what is made now. */
  get currentKekId(): string {
    return this.#current.idHex;
  }

  /** Hex ids of all of them, the one that wraps first. */
  get kekIds(): string[] {
    return [...this.#keks.keys()];
  }

  /** From now on these are the key-encryption keys. What is cached stays: tenant keys are the same under any of them. */
  adopt(keks: readonly [Kek, ...Kek[]]): void {
    this.#keks = new Map(keks.map((kek) => [kek.idHex, kek]));
    this.#current = keks[0];
  }

  /**
   * The key for one more wrap, counted against its budget, when that needs no waiting; otherwise undefined: then `sealingKey`.
   * Each call may be used for exactly one wrap.
   */
  sealingKeyNow(tenantId: string): SealingKey | undefined {
    const cached = this.#fresh(tenantId);
    const reserved = this.#reserved.get(tenantId);
    if (!cached || !reserved || reserved.left < 1 || reserved.version !== cached.newest) return undefined;
    const key = cached.keys.get(cached.newest);
    if (!key) return undefined;
    if (key instanceof KeyringError) throw key;
    reserved.left -= 1;
    return { version: cached.newest, key, kekId: this.#current.id };
  }

  /**
   * The key for one more wrap. Makes version 1 on a tenant's first use and the next version when the newest has spent its budget.
   * Throws `KeyringError` when the newest key does not open, and whatever the store throws.
   */
  async sealingKey(tenantId: string): Promise<SealingKey> {
    // Two rounds are enough unless others spend the whole block while this one waits its turn.
    for (;;) {
      const ready = this.sealingKeyNow(tenantId);
      if (ready) return ready;
      await coalesced(this.#preparing, tenantId, () => this.#prepare(tenantId));
    }
  }

  /** One version of a tenant's key if it is cached, else undefined: then `key`. Throws `KeyringError` for a version known to be broken. */
  keyNow(tenantId: string, version: number): KeyObject | undefined {
    const key = this.#fresh(tenantId)?.keys.get(version);
    if (key instanceof KeyringError) throw key;
    return key;
  }

  /** One version of a tenant's key. Throws `KeyringError` when it does not exist or does not open, and whatever the store throws. */
  async key(tenantId: string, version: number): Promise<KeyObject> {
    let cached = this.#fresh(tenantId) ?? (await this.#load(tenantId));
    if (!cached.keys.has(version)) {
      // Another process may have made this version after the cached look, or after the look that was already under way.
      await this.#loading.get(tenantId);
      cached = await this.#load(tenantId);
    }
    const key = cached.keys.get(version);
    if (!key) throw new KeyringError(`Tenant ${tenantId} has no key of version ${version}.`);
    if (key instanceof KeyringError) throw key;
    return key;
  }

  /** Forgets a tenant's keys, for a deleted tenant (crypto-shredding) and for tests. Other processes forget within 5 minutes. */
  forgetTenant(tenantId: string): void {
    this.#cache.delete(tenantId);
    this.#reserved.delete(tenantId);
  }

  /**
   * The same tenant key wrapped by the current key-encryption key, or null when it is so already; for the rotation job, which stores
   * it with a compare on the old `kekId`. Records stay as they are. Throws `KeyringError` when the row does not open.
   */
  rewrapTenantKey(tenantId: string, row: TenantKeyRow): TenantKeyRow | null {
    if (row.kekId === this.#current.idHex) return null;
    const clear = this.#unwrap(tenantId, row);
    try {
      return wrap(tenantId, row.version, clear, this.#current);
    } finally {
      clear.fill(0);
    }
  }

  #fresh(tenantId: string): CachedTenant | undefined {
    const cached = this.#cache.get(tenantId);
    return cached && this.#nowMs() - cached.loadedAtMs < CACHE_MS ? cached : undefined;
  }

  #load(tenantId: string): Promise<CachedTenant> {
    return coalesced(this.#loading, tenantId, async () => {
      const loadedAtMs = this.#nowMs();
      const rows = await this.#store.load(tenantId);
      if (rows.some((row) => !this.#keks.has(row.kekId))) await this.#renew?.();
      const keys = new Map<number, KeyObject | KeyringError>();
      for (const row of rows) keys.set(row.version, this.#open(tenantId, row));
      const cached = { loadedAtMs, keys, newest: Math.max(0, ...keys.keys()) };
      this.#cache.delete(tenantId);
      // A tenant without keys is not remembered: its first key may come from another process at any moment.
      if (cached.newest > 0) this.#cache.set(tenantId, cached);
      if (this.#cache.size > MAX_CACHED_TENANTS) {
        const [oldest] = this.#cache.keys();
        if (oldest !== undefined) this.forgetTenant(oldest);
      }
      return cached;
    });
  }

  /** Makes `sealingKeyNow` succeed: loads, makes a first or next version, reserves a block of wraps. */
  async #prepare(tenantId: string): Promise<void> {
    let cached = this.#fresh(tenantId) ?? (await this.#load(tenantId));
    if (cached.newest === 0) cached = await this.#addVersion(tenantId, 1);
    for (;;) {
      const version = cached.newest;
      const reserved = this.#reserved.get(tenantId);
      if (reserved && reserved.version === version && reserved.left > 0) return;
      const total = await this.#store.reserveWraps(tenantId, version, WRAP_BLOCK);
      if (total <= ROTATE_AT_WRAPS) {
        this.#reserved.set(tenantId, { version, left: WRAP_BLOCK });
        return;
      }
      cached = await this.#addVersion(tenantId, version + 1);
    }
  }

  /** Stores a new version and loads again: if another process stored it first, theirs is the one that comes back. */
  async #addVersion(tenantId: string, version: number): Promise<CachedTenant> {
    if (!isVersion(version)) throw new KeyringError(`Tenant ${tenantId} cannot have a key of version ${version}.`);
    const clear = randomBytes(KEY_BYTES);
    try {
      await this.#insert(tenantId, version, clear);
    } finally {
      clear.fill(0);
    }
    await this.#loading.get(tenantId);
    const cached = await this.#load(tenantId);
    if (cached.newest < version) throw new KeyringError(`The new key of tenant ${tenantId} was not stored.`);
    return cached;
  }

  /** Wraps it with the first of our key-encryption keys that every living process has (CRY-6). */
  async #insert(tenantId: string, version: number, clear: Buffer): Promise<void> {
    for (const kek of this.#keks.values())
      if (await this.#store.insert(tenantId, wrap(tenantId, version, clear, kek))) return;
    throw new KeksDifferError();
  }

  #open(tenantId: string, row: TenantKeyRow): KeyObject | KeyringError {
    try {
      const clear = this.#unwrap(tenantId, row);
      const key = createSecretKey(clear);
      clear.fill(0);
      return key;
    } catch (error) {
      if (error instanceof KeyringError) return error;
      throw error;
    }
  }

  #unwrap(tenantId: string, row: TenantKeyRow): Buffer {
    const name = `The key of tenant ${tenantId}, version ${row.version},`;
    const kek = this.#keks.get(row.kekId);
    if (!kek)
      throw new KeyringError(`${name} is wrapped by the key ${row.kekId}, which is not among the configured keys.`);
    if (!isVersion(row.version) || row.wrapped.length !== NONCE_BYTES + KEY_BYTES + TAG_BYTES)
      throw new KeyringError(`${name} is not a wrapped key.`);
    try {
      const decipher = createDecipheriv(CIPHER, kek.key, row.wrapped.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(wrapPlace(tenantId, row.version, kek.id));
      decipher.setAuthTag(row.wrapped.subarray(NONCE_BYTES + KEY_BYTES));
      return Buffer.concat([
        decipher.update(row.wrapped.subarray(NONCE_BYTES, NONCE_BYTES + KEY_BYTES)),
        decipher.final(),
      ]);
    } catch (cause) {
      throw new KeyringError(`${name} does not open with the key ${row.kekId}.`, { cause });
    }
  }
}

function wrap(tenantId: string, version: number, clear: Buffer, kek: Kek): TenantKeyRow {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, kek.key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(wrapPlace(tenantId, version, kek.id));
  const wrapped = Buffer.concat([nonce, cipher.update(clear), cipher.final(), cipher.getAuthTag()]);
  return { version, kekId: kek.idHex, wrapped };
}

/** Associated data of a tenant key's wrap: it opens only for this tenant, version and key-encryption key. */
function wrapPlace(tenantId: string, version: number, kekId: Buffer): Buffer {
  return lengthPrefixed(["latchkey/tenant-key", `${FORMAT}.${AES_256_GCM}`, tenantId, String(version), kekId]);
}

/** One `work` at a time for each key; whoever comes meanwhile gets the same promise. */
function coalesced<T>(under: Map<string, Promise<T>>, key: string, work: () => Promise<T>): Promise<T> {
  const running = under.get(key);
  if (running) return running;
  const started = work().finally(() => under.delete(key));
  under.set(key, started);
  return started;
}
