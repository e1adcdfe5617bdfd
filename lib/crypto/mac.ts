import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import { install, installed } from "@/lib/process";

/**
 * Keyed hashes of values that are looked up or compared but never needed again in clear (SECURITY KEY-2, VAL-5, CRY-12).
 * One instance key; each purpose has its own subkey, so a hash made for one purpose says nothing about another.
 */

export type MacPurpose =
  | "api-key"
  | "state"
  | "browser"
  | "fingerprint"
  | "guard"
  | "refresh-token"
  | "one-time-code"
  | "session"
  | "statement"
  | "throttle";

interface MacKeys {
  instanceKey: Buffer;
  subkeys: Map<string, Buffer>;
}

const NAME = "macKeys";
const KEY_BYTES = 32;
const FINGERPRINT_CHARS = 16;

/** Gives this process the instance's MAC key (32 bytes or more, random). Throws for a shorter one. */
export function installMacKey(key: Buffer): void {
  if (key.length < KEY_BYTES) throw new Error(`The MAC key needs ${KEY_BYTES} bytes or more.`);
  install<MacKeys>(NAME, { instanceKey: Buffer.from(key), subkeys: new Map() });
}

/** HMAC-SHA-256 of `text` (UTF-8) under the purpose's subkey, 64 hex characters. */
export function mac(purpose: MacPurpose, text: string): string {
  return createHmac("sha256", subkey(`latchkey/mac/v1/${purpose}`))
    .update(text, "utf8")
    .digest("hex");
}

/** Whether two MACs are equal, in time that depends only on their lengths. */
export function sameMac(a: string, b: string): boolean {
  const left = Buffer.from(a, "utf8");
  const right = Buffer.from(b, "utf8");
  return left.length === right.length && timingSafeEqual(left, right);
}

/** A secret for one use inside this instance, such as next-auth's cookie secret: 43 base64url characters, the same in every process. */
export function derivedSecret(purpose: string): string {
  return subkey(`latchkey/secret/v1/${purpose}`).toString("base64url");
}

/** What people may see of a token to tell two apart: 16 hex characters that differ between tenants for equal tokens (VAL-5). */
export function fingerprint(tenantId: string, token: string): string {
  return mac("fingerprint", `${tenantId.length}:${tenantId}:${token}`).slice(0, FINGERPRINT_CHARS);
}

function subkey(info: string): Buffer {
  const keys = installed<MacKeys>(NAME);
  if (!keys) throw new Error("There is no MAC key in this process: start-up must call installMacKey first.");
  let key = keys.subkeys.get(info);
  if (!key) {
    key = Buffer.from(hkdfSync("sha256", keys.instanceKey, Buffer.alloc(0), info, KEY_BYTES));
    keys.subkeys.set(info, key);
  }
  return key;
}
