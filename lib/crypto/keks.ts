import { createHash, createSecretKey, type KeyObject } from "node:crypto";
import { KEK_ID_BYTES, KEY_BYTES } from "@/lib/crypto/format";

/** Key-encryption keys as the operator gives them (`LATCHKEY_MASTER_KEY`): the first wraps, every one unwraps (CRY-6). */

/** One key-encryption key and the name its wraps carry. */
export interface Kek {
  /** First 8 bytes of SHA-256 over a label and the key: says which key, gives nothing away. */
  id: Buffer;
  idHex: string;
  key: KeyObject;
}

/** The operator's keys cannot be used. The message says which and why, never the value (CRY-9). */
export class KekError extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = "KekError";
  }
}

const ID_LABEL = "latchkey/kek-id/v1";
const MAKE_ONE = "Make one with: openssl rand -base64 32";

/**
 * Reads a comma list of base64 keys of exactly 32 bytes. The first is current, the others only decrypt.
 * Throws `KekError` for wrong length, broken base64, a repeated key, or a key that is plainly no key (all bytes equal, as in every
 * documented example; counting up or down; or only a few different bytes).
 */
export function parseKeks(text: string): [Kek, ...Kek[]] {
  const keks = text.split(",").map((part, index) => parseKek(part.trim(), index + 1));
  if (new Set(keks.map((kek) => kek.idHex)).size !== keks.length) throw new KekError("The same key is listed twice.");
  return keks as [Kek, ...Kek[]];
}

/** Makes a `Kek` of 32 raw bytes, checked as `parseKeks` checks them. `place` counts from 1 and is used in complaints. */
export function kekFromBytes(bytes: Buffer, place = 1): Kek {
  if (bytes.length !== KEY_BYTES)
    throw new KekError(`Key ${place} has ${bytes.length} bytes; exactly ${KEY_BYTES} are needed. ${MAKE_ONE}`);
  if (isWeak(bytes)) throw new KekError(`Key ${place} is an example or a pattern, not a random key. ${MAKE_ONE}`);
  const id = createHash("sha256").update(ID_LABEL).update(bytes).digest().subarray(0, KEK_ID_BYTES);
  return { id, idHex: id.toString("hex"), key: createSecretKey(bytes) };
}

function parseKek(text: string, place: number): Kek {
  if (text === "") throw new KekError(`Key ${place} is empty. ${MAKE_ONE}`);
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) throw new KekError(`Key ${place} is not base64. ${MAKE_ONE}`);
  const bytes = Buffer.from(text, "base64");
  try {
    const kek = kekFromBytes(bytes, place);
    const canonical = bytes.toString("base64").replace(/=+$/, "");
    if (canonical !== text.replace(/=+$/, "").replaceAll("-", "+").replaceAll("_", "/"))
      throw new KekError(`Key ${place} is not base64 of ${KEY_BYTES} bytes. ${MAKE_ONE}`);
    return kek;
  } finally {
    bytes.fill(0);
  }
}

/** 32 random bytes have 30 different values on average; fewer than 16 happens by chance less than once in 10^14 keys. */
function isWeak(bytes: Buffer): boolean {
  if (new Set(bytes).size < 16) return true;
  const step = ((bytes[1] as number) - (bytes[0] as number)) & 0xff;
  return bytes.every((byte, index) => index === 0 || ((byte - (bytes[index - 1] as number)) & 0xff) === step);
}
