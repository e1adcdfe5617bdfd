import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type JsonWebKey,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { promisify } from "node:util";
import { once } from "@/lib/process";
import type { RsaBits } from "@/lib/secret-types/rs256";

/** RSA key pairs: made here, or read from what people have (RFC 8017, RFC 7517, RFC 7468). */

/** SECURITY JW-4: at least 2048 bits. More than 8192 make every use slower than anybody needs. */
const MIN_BITS = 2048;
const MAX_BITS = 8192;
const MIN_EXPONENT = 65_537n;

/** The public half, as it is shown and published. */
export interface RsaPublicKey {
  /** RFC 7638 thumbprint (SHA-256, base64url). */
  kid: string;
  bits: number;
  /** base64url, without leading zeros. */
  n: string;
  e: string;
}

/** Why a text is no usable private key: words that follow the name of the field. */
export class KeyRefused extends Error {
  override readonly name = "KeyRefused";
}

const generate = promisify(generateKeyPair);
/** Generations that may wait in this process; each is seconds of one core (SECURITY DO-6). */
const MAX_WAITING = 20;

/**
 * A new key pair, made outside the main thread, one after another.
 *
 * @returns the private half, or null when too many are being made already
 */
export async function generateRsaKey(bits: RsaBits): Promise<KeyObject | null> {
  const line = once("rsa-generation", () => ({ waiting: 0, last: Promise.resolve() }));
  if (line.waiting >= MAX_WAITING) return null;
  line.waiting++;
  const made = line.last.then(() => generate("rsa", { modulusLength: bits, publicExponent: 65_537 }));
  line.last = made.then(
    () => undefined,
    () => undefined,
  );
  try {
    return (await made).privateKey;
  } finally {
    line.waiting--;
  }
}

/**
 * Reads a private key as PEM (PKCS#8 or PKCS#1, other blocks around it passed over) or as the JSON text of a JWK.
 *
 * @throws KeyRefused saying what it is instead, or what is wrong with it; never with a part of the text
 */
export function readRsaPrivateKey(text: string): KeyObject {
  const trimmed = text.trim();
  const key = trimmed.startsWith("{") ? fromJwk(trimmed) : fromPem(trimmed);
  if (key.asymmetricKeyType !== "rsa")
    throw new KeyRefused(`must be an RSA key; this one is of type ${key.asymmetricKeyType ?? "unknown"}`);
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < MIN_BITS)
    throw new KeyRefused(`has ${modulusLength} bits; RSA keys need at least ${MIN_BITS}, better 3072`);
  if (modulusLength > MAX_BITS) throw new KeyRefused(`has ${modulusLength} bits; at most ${MAX_BITS} are taken`);
  if (publicExponent < MIN_EXPONENT) throw new KeyRefused("has a public exponent below 65537, which is too weak");
  if (!halvesMatch(key)) throw new KeyRefused("has two halves that do not belong together");
  return key;
}

function fromPem(text: string): KeyObject {
  // As it stands in a JSON file or an environment variable: \n as two characters.
  const pem = text.includes("\n") ? text : text.replaceAll("\\r", "").replaceAll("\\n", "\n");
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type:\s*4,ENCRYPTED/.test(pem))
    throw new KeyRefused(
      "is protected by a passphrase; take that away first (openssl pkcs8 -topk8 -nocrypt -in key.pem -out plain.pem)",
    );
  const begin = /-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----/.exec(pem);
  if (!begin) {
    if (/-----BEGIN (?:RSA )?PUBLIC KEY-----/.test(pem))
      throw new KeyRefused("is only the public half; the private key is needed");
    if (/-----BEGIN (?:TRUSTED )?CERTIFICATE-----/.test(pem))
      throw new KeyRefused("is a certificate, which holds only the public half; the private key is needed");
    if (/^(ssh-|ecdsa-)/.test(pem)) throw new KeyRefused("is an SSH public key; a private key in PEM form is needed");
    throw new KeyRefused(
      "must be a private key as PEM (beginning with -----BEGIN PRIVATE KEY----- or -----BEGIN RSA PRIVATE KEY-----) or as a JWK",
    );
  }
  const [opening, label] = begin;
  if (label === "OPENSSH PRIVATE KEY")
    throw new KeyRefused("is in OpenSSH's own form; turn it into PEM first (ssh-keygen -p -m PKCS8 -f key)");
  const rest = pem.slice(begin.index);
  const closing = `-----END ${label}-----`;
  const end = rest.indexOf(closing);
  if (end < 0) throw new KeyRefused(`is cut off: the line ${closing} is missing`);
  const body = rest.slice(opening.length, end).trim();
  try {
    return createPrivateKey({ key: `${opening}\n${body}\n${closing}\n`, format: "pem" });
  } catch {
    throw new KeyRefused("is damaged or incomplete: what stands between its first and last line is no key");
  }
}

function fromJwk(text: string): KeyObject {
  let jwk: JsonWebKey & { keys?: unknown };
  try {
    jwk = JSON.parse(text);
  } catch {
    throw new KeyRefused("begins like a JWK but is no JSON; perhaps it is cut off");
  }
  if (Array.isArray(jwk.keys)) throw new KeyRefused("is a set of keys; give one key of it");
  if (jwk.kty !== "RSA") throw new KeyRefused('must be an RSA key ("kty": "RSA")');
  if (typeof jwk.d !== "string") throw new KeyRefused("is only the public half; the private key is needed");
  for (const member of ["n", "e", "p", "q", "dp", "dq", "qi"] as const)
    if (typeof jwk[member] !== "string") throw new KeyRefused(`is incomplete: its member ${member} is missing`);
  try {
    return createPrivateKey({ key: jwk, format: "jwk" });
  } catch {
    throw new KeyRefused("is a JWK whose members are no RSA key");
  }
}

/** The private half signs what the public half accepts. */
function halvesMatch(key: KeyObject): boolean {
  const sample = Buffer.from("latchkey");
  try {
    return verify("sha256", sample, createPublicKey(key), sign("sha256", sample, key));
  } catch {
    return false;
  }
}

/** PKCS#8 as PEM: how a private key is stored. */
export function privatePem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

/** The public half of either half. */
export function publicHalf(key: KeyObject): RsaPublicKey {
  const open = key.type === "public" ? key : createPublicKey(key);
  const { n, e } = open.export({ format: "jwk" }) as { n: string; e: string };
  const kid = createHash("sha256")
    .update(JSON.stringify({ e, kty: "RSA", n }))
    .digest("base64url");
  return { kid, bits: open.asymmetricKeyDetails?.modulusLength ?? 0, n, e };
}
