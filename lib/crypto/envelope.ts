import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from "node:crypto";
import { DataKeys } from "@/lib/crypto/data-keys";
import {
  AT,
  type Blob,
  CIPHER,
  HEADER_BYTES,
  IDENTITY_BYTES,
  KEY_BYTES,
  lengthPrefixed,
  MAX_RECORD_BYTES,
  NONCE_BYTES,
  OVERHEAD_BYTES,
  parseBlob,
  TAG_BYTES,
  writeIdentity,
} from "@/lib/crypto/format";
import { type Keyring, KeyringError, type SealingKey } from "@/lib/crypto/keyring";
import { clearJson, Sensitive } from "@/lib/crypto/sensitive";
import { AppError } from "@/lib/errors";
import { installed, once } from "@/lib/process";

/**
 * Seals one value for one place and opens it there only (SECURITY CRY-1 to CRY-5). Each seal has its own random data key,
 * wrapped by the tenant's key; both encryptions authenticate the place and the header, so a copied, swapped, cut or edited blob opens
 * nowhere. Every failure is the same `integrity_failure`, whose cause says where, never what.
 */

/** Where a sealed value lives. A value sealed for one place opens at no other. */
export interface Place {
  tenantId: string;
  table: string;
  rowId: string;
  field: string;
  /** Grows with each new value of this field; 0 where a field has no generations. */
  generation: number;
}

/** The process's keyring. Throws when start-up has not installed one: `install("keyring", new Keyring(…))`. */
export function keyring(): Keyring {
  const ring = installed<Keyring>("keyring");
  if (!ring) throw new Error('There is no keyring in this process: start-up must install("keyring", …) first.');
  return ring;
}

/** Seals `plaintext` (a string as UTF-8) for `place`. Throws what the key store throws; `integrity_failure` when the tenant's key does not open. */
export async function seal(place: Place, plaintext: Buffer | string): Promise<Buffer> {
  return sealWith(await sealingKey(place), place, plaintext);
}

/** As `seal`, at once, or undefined when the tenant's key has to be fetched first. */
export function sealNow(place: Place, plaintext: Buffer | string): Buffer | undefined {
  const key = keyring().sealingKeyNow(place.tenantId);
  return key && sealWith(key, place, plaintext);
}

/** Opens what `seal` made for the same place. Throws `integrity_failure` for anything else, and what the key store throws. */
export async function open(place: Place, sealed: Buffer): Promise<Sensitive<Buffer>> {
  const blob = parseAt(place, sealed);
  const ring = keyring();
  let key: KeyObject;
  try {
    key = ring.keyNow(place.tenantId, blob.tenantKeyVersion) ?? (await ring.key(place.tenantId, blob.tenantKeyVersion));
  } catch (error) {
    if (error instanceof KeyringError) throw integrityFailure(place, error);
    throw error;
  }
  return openWith(key, place, blob);
}

/** As `open`, at once, or undefined when the tenant's key is not cached: then `open`. */
export function openNow(place: Place, sealed: Buffer): Sensitive<Buffer> | undefined {
  const blob = parseAt(place, sealed);
  let key: KeyObject | undefined;
  try {
    key = keyring().keyNow(place.tenantId, blob.tenantKeyVersion);
  } catch (error) {
    if (error instanceof KeyringError) throw integrityFailure(place, error);
    throw error;
  }
  return key && openWith(key, place, blob);
}

/**
 * Whether `sealed` is what was sealed for this place, without anybody getting the value: it is wiped as it comes out.
 * Throws what the key store throws.
 */
export async function isAuthentic(place: Place, sealed: Buffer): Promise<boolean> {
  try {
    (openNow(place, sealed) ?? (await open(place, sealed))).use((bytes) => bytes.fill(0));
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === "integrity_failure") return false;
    throw error;
  }
}

/** Seals a value as JSON, what is wrapped in `Sensitive` by its clear value. Throws `TypeError` for what JSON cannot hold (undefined, a function). */
export async function sealJson(place: Place, value: unknown): Promise<Buffer> {
  const text = clearJson(value);
  if (text === undefined) throw new TypeError("This value cannot be written as JSON.");
  return seal(place, text);
}

/** Opens what `sealJson` made. `T` is the caller's word for what was sealed there; it is authenticated, so it is what was written. */
export async function openJson<T>(place: Place, sealed: Buffer): Promise<Sensitive<T>> {
  return parseJson<T>(place, await open(place, sealed));
}

/** As `openJson`, at once, or undefined when the tenant's key is not cached. */
export function openJsonNow<T>(place: Place, sealed: Buffer): Sensitive<T> | undefined {
  const clear = openNow(place, sealed);
  return clear && parseJson<T>(place, clear);
}

function parseJson<T>(place: Place, clear: Sensitive<Buffer>): Sensitive<T> {
  return clear.use((bytes) => {
    try {
      return new Sensitive(JSON.parse(bytes.toString("utf8")) as T);
    } catch {
      // The parser's message quotes the text, so it is not kept as the cause.
      throw integrityFailure(place);
    } finally {
      bytes.fill(0);
    }
  });
}

async function sealingKey(place: Place): Promise<SealingKey> {
  const ring = keyring();
  try {
    return ring.sealingKeyNow(place.tenantId) ?? (await ring.sealingKey(place.tenantId));
  } catch (error) {
    if (error instanceof KeyringError) throw integrityFailure(place, error);
    throw error;
  }
}

function sealWith(tenantKey: SealingKey, place: Place, plaintext: Buffer | string): Buffer {
  const clear = typeof plaintext === "string" ? Buffer.from(plaintext, "utf8") : plaintext;
  if (clear.length > MAX_RECORD_BYTES) throw new RangeError("This value is too large to seal.");
  const where = placeBytes(place);
  const random = randomBytes(NONCE_BYTES + KEY_BYTES + NONCE_BYTES);
  const dataKey = random.subarray(NONCE_BYTES, NONCE_BYTES + KEY_BYTES);
  try {
    const blob = Buffer.allocUnsafe(OVERHEAD_BYTES + clear.length);
    writeIdentity(blob, tenantKey.kekId, tenantKey.version);
    random.copy(blob, AT.wrapNonce, 0, NONCE_BYTES);
    random.copy(blob, AT.nonce, NONCE_BYTES + KEY_BYTES);

    const wrapNonce = blob.subarray(AT.wrapNonce, AT.wrapped);
    const wrap = createCipheriv(CIPHER, tenantKey.key, wrapNonce, { authTagLength: TAG_BYTES });
    wrap.setAAD(wrapData(where, blob));
    wrap.update(dataKey).copy(blob, AT.wrapped);
    wrap.final();
    wrap.getAuthTag().copy(blob, AT.wrapTag);

    const record = createCipheriv(CIPHER, dataKey, blob.subarray(AT.nonce, AT.record), { authTagLength: TAG_BYTES });
    record.setAAD(recordData(where, blob));
    record.update(clear).copy(blob, AT.record);
    record.final();
    record.getAuthTag().copy(blob, AT.record + clear.length);
    return blob;
  } finally {
    random.fill(0);
    if (clear !== plaintext) clear.fill(0);
  }
}

const dataKeys = () => once("data-keys", () => new DataKeys());

function openWith(tenantKey: KeyObject, place: Place, blob: Blob): Sensitive<Buffer> {
  const where = placeBytes(place);
  const wrapped = blob.header.subarray(AT.wrapNonce, AT.nonce);
  let dataKey = dataKeys().get(tenantKey, wrapped);
  const known = dataKey !== undefined;
  try {
    if (dataKey === undefined) {
      const unwrap = createDecipheriv(CIPHER, tenantKey, blob.wrapNonce, { authTagLength: TAG_BYTES });
      unwrap.setAAD(wrapData(where, blob.header));
      unwrap.setAuthTag(blob.wrapTag);
      dataKey = unwrap.update(blob.wrappedKey);
      unwrap.final();
    }

    const record = createDecipheriv(CIPHER, dataKey, blob.nonce, { authTagLength: TAG_BYTES });
    record.setAAD(recordData(where, blob.header));
    record.setAuthTag(blob.tag);
    const clear = record.update(blob.ciphertext);
    record.final();
    if (!known) dataKeys().keep(tenantKey, wrapped, dataKey);
    return new Sensitive(clear);
  } catch (cause) {
    if (!known) dataKey?.fill(0);
    throw integrityFailure(place, cause);
  }
}

function parseAt(place: Place, sealed: Buffer): Blob {
  try {
    return parseBlob(sealed);
  } catch (cause) {
    throw integrityFailure(place, cause);
  }
}

/** Tenant, table, row, field and generation, so that no two places have the same bytes (CRY-2). */
function placeBytes(place: Place): Buffer {
  if (!Number.isSafeInteger(place.generation) || place.generation < 0)
    throw new RangeError("A generation is a whole number from 0.");
  return lengthPrefixed([place.tenantId, place.table, place.rowId, place.field, String(place.generation)]);
}

// The two labels keep the two uses apart; what follows has fixed lengths (header) or lengths of its own (place).
const WRAP_LABEL = Buffer.from("latchkey/data-key\0");
const RECORD_LABEL = Buffer.from("latchkey/record\0");

function wrapData(where: Buffer, header: Buffer): Buffer {
  return Buffer.concat([WRAP_LABEL, header.subarray(0, IDENTITY_BYTES), where]);
}

function recordData(where: Buffer, header: Buffer): Buffer {
  return Buffer.concat([RECORD_LABEL, header.subarray(0, HEADER_BYTES), where]);
}

/** The caller learns that it is damaged and who mends it; where it lies is for the log's cause chain only (LG-3). */
function integrityFailure(place: Place, cause?: unknown): AppError {
  const where = new Error(
    `${place.table} ${place.rowId} (${place.field}, tenant ${place.tenantId}, generation ${place.generation})`,
    { cause },
  );
  const detail =
    "The stored value fails its integrity check: it was changed or moved outside Latchkey, or the master key is another one.";
  return new AppError("integrity_failure", detail, {
    cause: where,
    problem: {
      code: "integrity_failure",
      title: "A stored value cannot be opened",
      detail,
      who: "admin",
      since: new Date().toISOString(),
    },
  });
}
