import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from "node:crypto";
import { systemClock } from "@/lib/clock";
import { publicHalf } from "@/lib/crypto/rsa-keys";
import type { Sensitive } from "@/lib/crypto/sensitive";
import { AppError } from "@/lib/errors";
import { once } from "@/lib/process";
import { type Hs256Encoding, hs256Key, looksLikeKey } from "@/lib/secret-types/hs256";
import { RSA_ALGORITHMS } from "@/lib/secret-types/rs256";
import type { StoredKeyPair } from "@/lib/secrets/key-pair";

/** A secret's keys, ready to be used: each has one algorithm, and the token has no say in it (SECURITY JW-1). */

export type JwtAlgorithm = "HS256" | "RS256" | "RSA-OAEP-256";

/** What a secret says of tokens (lib/secret-types/jwt-claims). */
export interface JwtSettings {
  issuer?: string;
  audience?: string;
  subject?: string;
  lifetime?: number;
}

export interface JwtKey {
  /** Null for a shared secret, which has no name. */
  kid: string | null;
  /** Signs or decrypts; null of an earlier signing key. */
  own: KeyObject | null;
  /** Verifies or is encrypted for. */
  open: KeyObject;
}

export interface JwtKeys {
  alg: JwtAlgorithm;
  settings: JwtSettings;
  /** The current one first. */
  keys: readonly [JwtKey, ...JwtKey[]];
}

/** Opened keys are kept this long and no longer (SECURITY LG-4); the row that names their generation is read each time. */
const KEPT_MS = 30_000;
const MAX_KEPT = 500;

/**
 * The keys of a secret of type hs256 or rs256.
 *
 * @param row as it was read for this use
 * @param open opens its values; called unless the same generation was opened just now
 * @throws AppError bad_request for another type, integrity_failure
 */
export async function keysOf(
  row: { tenantId: string; id: string; type: string; generation: number },
  open: () => Promise<Sensitive<Record<string, unknown>>>,
): Promise<JwtKeys> {
  if (row.type !== "hs256" && row.type !== "rs256")
    throw new AppError("bad_request", `A secret of type ${row.type} has no key for tokens; hs256 and rs256 have.`);
  const kept = once("jwt-keys", () => new Map<string, { keys: JwtKeys; until: number }>());
  const name = `${row.tenantId} ${row.id} ${row.generation}`;
  const now = systemClock.now();
  const known = kept.get(name);
  if (known && known.until > now) return known.keys;
  const keys = (await open()).use(row.type === "hs256" ? sharedSecret : keyPair);
  kept.delete(name);
  for (const [other, { until }] of kept) if (until <= now || kept.size >= MAX_KEPT) kept.delete(other);
  kept.set(name, { keys, until: now + KEPT_MS });
  return keys;
}

function sharedSecret(values: Record<string, unknown>): JwtKeys {
  const {
    secret,
    encoding = "utf8",
    ...settings
  } = values as unknown as JwtSettings & {
    secret: string;
    encoding?: Hs256Encoding;
  };
  const bytes = looksLikeKey(secret) ? null : hs256Key(secret, encoding);
  // Refused when it was stored; whatever is there instead came another way.
  if (bytes === null || bytes.length < 32)
    throw new AppError("integrity_failure", "What is stored in this secret is no HS256 secret.");
  const key = createSecretKey(bytes);
  return { alg: "HS256", settings, keys: [{ kid: null, own: key, open: key }] };
}

function keyPair(values: Record<string, unknown>): JwtKeys {
  const { private_key, use, previous_keys = [], ...settings } = values as unknown as StoredKeyPair;
  const current = fromPrivate(private_key);
  const earlier = previous_keys.map(({ key }) => (use === "encrypt" ? fromPrivate(key) : fromPublic(key)));
  return { alg: RSA_ALGORITHMS[use].alg, settings, keys: [current, ...earlier] };
}

function fromPrivate(pem: string): JwtKey {
  return { ...fromPublic(pem), own: createPrivateKey(pem) };
}

function fromPublic(pem: string): JwtKey {
  const open = createPublicKey(pem);
  return { kid: publicHalf(open).kid, own: null, open };
}
