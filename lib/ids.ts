import { randomBytes, randomUUID } from "node:crypto";

/**
 * A new identifier: 24 hex digits as the contract's examples show (CONTRACT section 1), the first 8 of them the time in
 * seconds so that new rows land together in an index, the other 16 random.
 */
export function newId(nowMs: number = Date.now()): string {
  return (
    Math.floor(nowMs / 1000)
      .toString(16)
      .padStart(8, "0") + randomBytes(8).toString("hex")
  );
}

/** True when `text` has the form of an identifier of ours. Anything else cannot name a row, so it is simply not found. */
export function isId(text: string): boolean {
  return /^[0-9a-f]{24}$/.test(text);
}

/** A request id, given back in every answer and found in every log line and audit entry of that request. */
export function newRequestId(): string {
  return randomUUID();
}

const CODE_ALPHABET = "abcdefghjkmnpqrstvwxyz0123456789"; // 32 letters: no i, l, o, u

/** 8 random characters that end a `secretName` in a redirect URI; fixed per workspace, contract, tenant or instance (API.md). */
export function newRedirectCode(): string {
  return Array.from(randomBytes(8), (byte) => CODE_ALPHABET[byte & 31]).join("");
}
