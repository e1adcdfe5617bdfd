import { randomBytes } from "node:crypto";

/**
 * The text of our API keys: `latchkey_<kind>_<id>_<secret>_<check>` (SECURITY KEY-1). The prefix and the check make a leaked key
 * recognisable to scanners almost without false hits, and let a mistyped one be refused without asking the database.
 */

/** `pat`: a person's key. `task`: a task identity's key. */
export type ApiKeyKind = "pat" | "task";

export interface ParsedApiKey {
  kind: ApiKeyKind;
  /** 24 hex characters: the key's row. */
  id: string;
}

const PREFIX = "latchkey_";
const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** 27 characters of base62 hold 160.7 random bits. */
const SECRET_CHARS = 27;
const CHECK_CHARS = 6;

/** The published pattern, for secret scanners. */
export const API_KEY_PATTERN = /\blatchkey_(pat|task)_([0-9a-f]{24})_[0-9A-Za-z]{27}_[0-9A-Za-z]{6}\b/;
const WHOLE = new RegExp(`^${API_KEY_PATTERN.source}$`);

/** A new key of this kind for the row `id` (24 hex characters). Shown once; only its MAC is stored. */
export function newApiKey(kind: ApiKeyKind, id: string): string {
  if (!/^[0-9a-f]{24}$/.test(id)) throw new TypeError("An API key's id is 24 hex characters.");
  const body = `${PREFIX}${kind}_${id}_${randomBase62(SECRET_CHARS)}`;
  return `${body}_${check(body)}`;
}

/**
 * Kind and id of a key of ours; `"malformed"` for a text with our prefix that is no key (refuse it without a look-up);
 * null for any other text, which is looked up as given, by its MAC.
 */
export function parseApiKey(text: string): ParsedApiKey | "malformed" | null {
  if (!text.startsWith(PREFIX)) return null;
  const match = WHOLE.exec(text);
  if (!match) return "malformed";
  const cut = text.length - CHECK_CHARS - 1;
  if (check(text.slice(0, cut)) !== text.slice(cut + 1)) return "malformed";
  return { kind: match[1] as ApiKeyKind, id: match[2] as string };
}

/** CRC32 (the one of zlib and PNG) as 6 characters of base62. Finds typing errors; it is no protection and need not be one. */
function check(text: string): string {
  let rest = crc32(text);
  let digits = "";
  for (let i = 0; i < CHECK_CHARS; i += 1) {
    digits = BASE62.charAt(rest % 62) + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

/** zlib.crc32 exists only from Node 22 on. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(text: string): number {
  let crc = 0xffffffff;
  for (const byte of Buffer.from(text, "utf8")) crc = (CRC_TABLE[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** Uniform characters: bytes from 248 up are thrown away, because 248 is the largest multiple of 62 in a byte. */
function randomBase62(length: number): string {
  let text = "";
  while (text.length < length)
    for (const byte of randomBytes(length)) if (byte < 248 && text.length < length) text += BASE62.charAt(byte % 62);
  return text;
}
