import type { KeyObject } from "node:crypto";
import { createPublicKey } from "node:crypto";
import {
  generateRsaKey,
  KeyRefused,
  privatePem,
  publicHalf,
  type RsaPublicKey,
  readRsaPrivateKey,
} from "@/lib/crypto/rsa-keys";
import { AppError } from "@/lib/errors";
import { DEFAULT_BITS, type KeyUse, type RsaBits } from "@/lib/secret-types/rs256";

/** What an rs256 secret holds, and how it comes to hold it: a pair given, generated or rotated. */

/** `credentials` of an rs256 secret as they are stored. */
export interface StoredKeyPair {
  /** PKCS#8 as PEM. */
  private_key: string;
  use: KeyUse;
  issuer?: string;
  audience?: string;
  subject?: string;
  lifetime?: number;
  /**
   * Earlier keys that were not retired yet, youngest first, as PEM: of a signing key the public half (the private one ends with the
   * rotation), of one that decrypts the private half, without which nothing could be read any more.
   */
  previous_keys?: { kid: string; key: string }[];
}

/** Each needs to be shown, published and tried. */
const MAX_PREVIOUS = 20;

/** @throws AppError throttled */
export async function newPrivateKey(bits: RsaBits = DEFAULT_BITS): Promise<KeyObject> {
  const made = await generateRsaKey(bits);
  if (made) return made;
  throw new AppError("throttled", "Many key pairs are being generated here just now. Try again shortly.", {
    retryAfterS: 5,
  });
}

/** @throws AppError invalid_attribute saying what is wrong with the key */
export function givenPrivateKey(text: string): KeyObject {
  try {
    return readRsaPrivateKey(text);
  } catch (error) {
    if (!(error instanceof KeyRefused)) throw error;
    throw new AppError("invalid_attribute", `The private key ${error.message}.`, {
      source: { pointer: "/data/attributes/credentials/private_key" },
    });
  }
}

/**
 * The values of an rs256 secret, ready to be stored.
 *
 * @param given checked by the type's schema; on a PATCH together with what it keeps
 * @param before what is stored already; null when the secret is new
 * @throws AppError invalid_attribute, throttled, conflict
 */
export async function completeKeyPair(
  given: Record<string, unknown>,
  before: StoredKeyPair | null,
): Promise<StoredKeyPair> {
  const {
    private_key,
    bits,
    use = "sign",
    previous_keys: _passedOver,
    ...claims
  } = given as {
    private_key?: string;
    bits?: RsaBits;
    use?: KeyUse;
    previous_keys?: unknown;
  };
  if (before && use !== before.use)
    throw new AppError("invalid_attribute", "What a key is for cannot be changed; add another secret.", {
      source: { pointer: "/data/attributes/credentials/use" },
    });
  const key = private_key === undefined ? await newPrivateKey(bits) : givenPrivateKey(private_key);
  if (!before) return { private_key: privatePem(key), use, ...claims };
  const { private_key: current, previous_keys } = withNextKey(before, key);
  return { private_key: current, use, ...claims, ...(previous_keys ? { previous_keys } : {}) };
}

/**
 * The pair with `key` as the one that is used from now on; the one before stays known until it is retired.
 *
 * @throws AppError conflict when too many wait to be retired, or the key was in use here before
 */
export function withNextKey(before: StoredKeyPair, key: KeyObject): StoredKeyPair {
  const next = privatePem(key);
  const { kid } = publicHalf(key);
  const old = readRsaPrivateKey(before.private_key);
  const { kid: oldKid } = publicHalf(old);
  if (kid === oldKid) return before;
  const { previous_keys: previous = [] } = before;
  if (previous.some((one) => one.kid === kid))
    throw new AppError("conflict", "This key was used here before and waits to be retired. Retire it first.");
  if (previous.length >= MAX_PREVIOUS)
    throw new AppError("conflict", `${MAX_PREVIOUS} earlier keys are still published. Retire some of them first.`);
  const kept = before.use === "encrypt" ? before.private_key : publicKeyPem(old);
  return { ...before, private_key: next, previous_keys: [{ kid: oldKid, key: kept }, ...previous] };
}

function publicKeyPem(key: KeyObject): string {
  return createPublicKey(key).export({ type: "spki", format: "pem" }).toString();
}

/** Every key of the pair, the current one first. */
export function publicKeysOf(pair: StoredKeyPair): (RsaPublicKey & { use: KeyUse })[] {
  const earlier = (pair.previous_keys ?? []).map(({ key }) => publicHalf(createPublicKey(key)));
  return [publicHalf(createPublicKey(pair.private_key)), ...earlier].map((key) => ({ ...key, use: pair.use }));
}
