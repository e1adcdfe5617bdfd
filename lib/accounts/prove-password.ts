import ipaddr from "ipaddr.js";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { emailKey } from "@/lib/accounts/email-key";
import { POLICIES } from "@/lib/accounts/throttle";
import {
  type Bucket,
  chargeBuckets,
  KNOWN_PREFIX,
  knownAmong,
  markKnown,
  settleBuckets,
} from "@/lib/accounts/throttle-store";
import { type UserRow, updateUser, userByEmailKey } from "@/lib/accounts/user-store";
import { mac } from "@/lib/crypto/mac";
import { hashPassword, needsRehash, verifyNothing, verifyPassword } from "@/lib/crypto/password";
import { inTenant } from "@/lib/db/tx";
import { AppError } from "@/lib/errors";

export const MAX_PASSWORD_CHARS = 200;
const MAX_EMAIL_CHARS = 320;

export interface PasswordClaim {
  email: string;
  password: string;
  /** Where the claim comes from; null when not known. */
  ip: string | null;
  /** The random id of the browser's device cookie, when it has one. */
  device: string | null;
  /** The person is signed in already: strangers cannot get here, so only this person's own tries count. */
  signedInAs?: string;
}

/**
 * Checks a person's password. Every try is counted before it is made: by account, by source and by all together; a device or
 * source that signed in to this account before has its own count, so that no stranger can lock it out (LGN-1). Takes as long
 * for an account nobody has (LGN-3).
 *
 * @returns the person, or null when e-mail or password are wrong
 * @throws AppError throttled with `retryAfterS`
 */
export async function provePassword(claim: PasswordClaim): Promise<UserRow | null> {
  const nowMs = Date.now();
  const account = emailKey(claim.email.slice(0, MAX_EMAIL_CHARS));
  const known = knownKeys(account, claim);
  const buckets = await bucketsOf(account, claim, known, nowMs);
  const waitMs = await chargeBuckets(buckets, nowMs);
  if (waitMs > 0) throw tooMany(waitMs);

  const user = await userByEmailKey(account);
  const usable = claim.password.length <= MAX_PASSWORD_CHARS && claim.email.length <= MAX_EMAIL_CHARS;
  const right =
    usable && user?.passwordHash
      ? await verifyPassword(user.passwordHash, claim.password)
      : await verifyNothing(claim.password.slice(0, MAX_PASSWORD_CHARS));
  if (!right || !user?.passwordHash) return null;

  const shared = buckets.filter(({ policy }) => policy === POLICIES.source || policy === POLICIES.global);
  await settleBuckets(
    buckets.filter((bucket) => !shared.includes(bucket)).map(({ key }) => key),
    shared.map(({ key }) => key),
  );
  if (claim.signedInAs === undefined) await markKnown(known, Date.now());
  if (needsRehash(user.passwordHash)) {
    const passwordHash = await hashPassword(claim.password);
    await inTenant(INSTANCE_TENANT, (tx) => updateUser(tx, user.id, { passwordHash }));
  }
  return user;
}

export function tooMany(waitMs: number): AppError {
  const seconds = Math.ceil(waitMs / 1000);
  return new AppError("throttled", `Too many attempts. Try again in ${seconds} second${seconds === 1 ? "" : "s"}.`, {
    retryAfterS: seconds,
  });
}

/** The source as it is counted: an IPv4 address, or the 64-bit network of an IPv6 one, which one person holds whole. */
export function sourceOf(ip: string | null): string {
  if (ip === null || !ipaddr.isValid(ip)) return "unknown";
  const address = ipaddr.process(ip);
  return address.kind() === "ipv4"
    ? address.toString()
    : `${Buffer.from(address.toByteArray().slice(0, 8)).toString("hex")}/64`;
}

const throttleKey = (text: string) => mac("throttle", text);

function knownKeys(account: string, claim: PasswordClaim): string[] {
  const keys = [];
  if (claim.device) keys.push(`${KNOWN_PREFIX}${throttleKey(`device:${account}:${claim.device}`)}`);
  if (claim.ip) keys.push(`${KNOWN_PREFIX}${throttleKey(`from:${account}:${sourceOf(claim.ip)}`)}`);
  return keys;
}

async function bucketsOf(account: string, claim: PasswordClaim, known: string[], nowMs: number): Promise<Bucket[]> {
  if (claim.signedInAs !== undefined)
    return [{ key: throttleKey(`signed-in:${claim.signedInAs}`), policy: POLICIES.known }];
  const remembered = await knownAmong(known, nowMs);
  // The device before the source: an address may be shared with the stranger.
  const own = known.find((key) => remembered.has(key));
  if (own) return [{ key: own, policy: POLICIES.known }];
  return [
    { key: throttleKey(`account:${account}`), policy: POLICIES.account },
    { key: throttleKey(`source:${sourceOf(claim.ip)}`), policy: POLICIES.source },
    { key: throttleKey("global"), policy: POLICIES.global },
  ];
}

/** Counts a guess at a one-time code; @throws AppError throttled */
export async function countCodeGuess(ip: string | null): Promise<() => Promise<void>> {
  const buckets: Bucket[] = [
    { key: throttleKey(`code:${sourceOf(ip)}`), policy: POLICIES.code },
    { key: throttleKey("code-global"), policy: POLICIES.global },
  ];
  const waitMs = await chargeBuckets(buckets, Date.now());
  if (waitMs > 0) throw tooMany(waitMs);
  return () =>
    settleBuckets(
      [],
      buckets.map(({ key }) => key),
    );
}
