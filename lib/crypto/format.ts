/**
 * The stored form of one sealed record (SECURITY CRY-3). Pure bytes; no keys, no cryptography.
 *
 * ```
 * offset  bytes
 *      0      2  magic "LK"
 *      2      1  format, 1
 *      3      1  algorithm, 1 = AES-256-GCM for the record and for the wrapped data key
 *      4      8  id of the key-encryption key in use when this was sealed
 *     12      4  version of the tenant key that wraps the data key, big endian, from 1
 *     16     12  nonce of the wrap
 *     28     48  wrapped data key: 32 bytes and a tag of 16
 *     76     12  nonce of the record
 *     88      n  record
 *   88+n     16  tag
 * ```
 *
 * The key-encryption key's id says which key was in use and is authenticated; after a rotation the tenant key's own row says which
 * key opens it today, so no record has to be rewritten (CRY-6).
 */

export const KEY_BYTES = 32;
export const NONCE_BYTES = 12;
/** Always given to node:crypto, which without it accepts a tag of 4 bytes (CRY-4). */
export const TAG_BYTES = 16;
export const KEK_ID_BYTES = 8;

export const FORMAT = 1;
export const AES_256_GCM = 1;
export const CIPHER = "aes-256-gcm";

const MAGIC_0 = 0x4c;
const MAGIC_1 = 0x4b;

/** Ends of the parts, in order. */
export const AT = {
  kekId: 4,
  version: 12,
  wrapNonce: 16,
  wrapped: 28,
  wrapTag: 60,
  nonce: 76,
  record: 88,
} as const;

/** The bytes that both encryptions authenticate: magic, format, algorithm, key ids. */
export const IDENTITY_BYTES = AT.wrapNonce;
/** Everything before the record. */
export const HEADER_BYTES = AT.record;
export const OVERHEAD_BYTES = HEADER_BYTES + TAG_BYTES;

/** Larger values are refused on both sides; secrets are far smaller (DO-1: 64 KB a value). */
export const MAX_RECORD_BYTES = 16 * 1024 * 1024;

/** A parsed blob: views into the given buffer, not copies. */
export interface Blob {
  /** `HEADER_BYTES` long; the associated data of the record contains all of it. */
  header: Buffer;
  kekId: Buffer;
  tenantKeyVersion: number;
  wrapNonce: Buffer;
  wrappedKey: Buffer;
  wrapTag: Buffer;
  nonce: Buffer;
  ciphertext: Buffer;
  tag: Buffer;
}

/** A blob that this format would not have written. The message names the part, never bytes of it. */
export class FormatError extends Error {
  constructor(what: string) {
    super(`Not a sealed value: ${what}.`);
    this.name = "FormatError";
  }
}

/** Writes magic, format, algorithm, key ids into the first `IDENTITY_BYTES` of `target`. */
export function writeIdentity(target: Buffer, kekId: Buffer, tenantKeyVersion: number): void {
  if (kekId.length !== KEK_ID_BYTES) throw new FormatError("the key id has the wrong length");
  if (!isVersion(tenantKeyVersion)) throw new FormatError("the tenant key's version is out of range");
  target[0] = MAGIC_0;
  target[1] = MAGIC_1;
  target[2] = FORMAT;
  target[3] = AES_256_GCM;
  kekId.copy(target, AT.kekId);
  target.writeUInt32BE(tenantKeyVersion, AT.version);
}

/** Splits a stored blob. Throws `FormatError` for anything `writeIdentity` and `seal` would not write; there is no fallback. */
export function parseBlob(blob: Buffer): Blob {
  if (blob.length < OVERHEAD_BYTES) throw new FormatError("it is too short");
  if (blob.length > OVERHEAD_BYTES + MAX_RECORD_BYTES) throw new FormatError("it is too long");
  if (blob[0] !== MAGIC_0 || blob[1] !== MAGIC_1) throw new FormatError("the magic bytes are missing");
  if (blob[2] !== FORMAT) throw new FormatError("the format is unknown");
  if (blob[3] !== AES_256_GCM) throw new FormatError("the algorithm is unknown");
  const tenantKeyVersion = blob.readUInt32BE(AT.version);
  if (!isVersion(tenantKeyVersion)) throw new FormatError("the tenant key's version is out of range");
  const end = blob.length - TAG_BYTES;
  return {
    header: blob.subarray(0, HEADER_BYTES),
    kekId: blob.subarray(AT.kekId, AT.version),
    tenantKeyVersion,
    wrapNonce: blob.subarray(AT.wrapNonce, AT.wrapped),
    wrappedKey: blob.subarray(AT.wrapped, AT.wrapTag),
    wrapTag: blob.subarray(AT.wrapTag, AT.nonce),
    nonce: blob.subarray(AT.nonce, AT.record),
    ciphertext: blob.subarray(AT.record, end),
    tag: blob.subarray(end),
  };
}

/** Tenant keys are numbered from 1 to what fits the header. */
export function isVersion(version: number): boolean {
  return Number.isInteger(version) && version >= 1 && version <= 0xffff_ffff;
}

/**
 * Joins parts so that no two different lists give the same bytes: each part is preceded by its length (u32, big endian).
 * Used for all associated data (CRY-2).
 */
export function lengthPrefixed(parts: readonly (string | Buffer)[]): Buffer {
  let size = 0;
  for (const part of parts) size += 4 + (typeof part === "string" ? Buffer.byteLength(part) : part.length);
  const joined = Buffer.allocUnsafe(size);
  let at = 0;
  for (const part of parts) {
    const length =
      typeof part === "string" ? joined.write(part, at + 4, "utf8") : part.copy(joined, at + 4, 0, part.length);
    joined.writeUInt32BE(length, at);
    at += 4 + length;
  }
  return joined;
}
