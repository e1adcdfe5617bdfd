import {
  CompactEncrypt,
  CompactSign,
  compactDecrypt,
  compactVerify,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  jwtVerify,
  type ProtectedHeaderParameters,
  SignJWT,
} from "jose";
import { AppError } from "@/lib/errors";
import { DEFAULT_LIFETIME_S } from "@/lib/secret-types/jwt-claims";
import type { JwtAlgorithm, JwtKey, JwtKeys } from "./jwt-keys";

/**
 * JSON web tokens with a secret's keys (RFC 7515, 7516, 7519, 8725; SECURITY JW-1 to JW-5). The key decides the algorithm, the
 * secret and the caller decide the claims; of the token's own header only `kid` is looked at, among the secret's own keys.
 */

/** JW-5; also of what is signed here, so that what one door makes the other takes. */
export const MAX_TOKEN = 16 * 1024;
/** JW-3: clocks differ. */
const SKEW_S = 30;

export interface SignedJwt {
  token: string;
  alg: JwtAlgorithm;
  kid: string | null;
  /** ISO time. */
  expiresAt: string;
}

/**
 * Signs claims. `iss`, `aud` and `sub` come from the secret where the claims do not say them; `iat` and `exp` are set here.
 *
 * @param nowMs the time of signing
 * @param lifetimeS seconds until `exp`; absent: the secret's own, else five minutes
 * @throws AppError bad_request for a key that encrypts, invalid_attribute for a token of more than 16 KB
 */
export async function signJwt(
  keys: JwtKeys,
  claims: JWTPayload,
  { nowMs, lifetimeS, typ = "JWT" }: { nowMs: number; lifetimeS?: number; typ?: string },
): Promise<SignedJwt> {
  const { alg, settings } = keys;
  const { kid, own } = signing(keys);
  const iat = Math.floor(nowMs / 1000);
  const exp = iat + (lifetimeS ?? settings.lifetime ?? DEFAULT_LIFETIME_S);
  const { issuer, audience, subject } = settings;
  const defaults = {
    ...(issuer === undefined ? {} : { iss: issuer }),
    ...(audience === undefined ? {} : { aud: audience }),
    ...(subject === undefined ? {} : { sub: subject }),
  };
  const token = await new SignJWT({ ...defaults, ...claims, iat, exp })
    .setProtectedHeader({ alg, typ, ...(kid === null ? {} : { kid }) })
    .sign(own);
  if (token.length > MAX_TOKEN)
    throw new AppError("invalid_attribute", "The token would be larger than 16 KB; say less in its claims.", {
      source: { pointer: "/claims" },
    });
  return { token, alg, kid, expiresAt: new Date(exp * 1000).toISOString() };
}

/** The key that signs now. @throws AppError bad_request for one that decrypts */
function signing({ alg, keys: [{ kid, own }] }: JwtKeys): { kid: string | null; own: NonNullable<JwtKey["own"]> } {
  if (alg === "RSA-OAEP-256" || own === null)
    throw new AppError("bad_request", "This key decrypts; it does not sign. Use a secret whose key is for signing.");
  return { kid, own };
}

/** Members by which a payload is a token's claims to somebody (RFC 7519 section 4.1, RFC 8693 section 4.2). */
const CLAIM_NAMES = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "scope", "scp", "client_id", "azp", "act", "cnf"];

/** Whether who takes the text for claims finds any: a decoder passes over a byte order mark, so it is passed over here. */
function readsAsClaims(text: string): boolean {
  let read: unknown;
  try {
    read = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch {
    return false;
  }
  return typeof read === "object" && read !== null && CLAIM_NAMES.some((name) => Object.hasOwn(read, name));
}

/**
 * Signs a text that is no token (RFC 7515). Claims are refused: without `exp` nothing would end them.
 *
 * @throws AppError bad_request for a key that decrypts; invalid_attribute
 */
export async function signPayload(keys: JwtKeys, payload: string, typ = "JOSE"): Promise<Omit<SignedJwt, "expiresAt">> {
  const { kid, own } = signing(keys);
  if (readsAsClaims(payload))
    throw new AppError(
      "invalid_attribute",
      "This reads as the claims of a token; send it as claims, so that it ends.",
      {
        source: { pointer: "/payload" },
      },
    );
  if (/jwt/i.test(typ))
    throw new AppError("invalid_attribute", "A signed text is no JWT; send claims for one.", {
      source: { pointer: "/typ" },
    });
  const token = await new CompactSign(new TextEncoder().encode(payload))
    .setProtectedHeader({ alg: keys.alg, typ, ...(kid === null ? {} : { kid }) })
    .sign(own);
  return { token, alg: keys.alg, kid };
}

/**
 * The text of what `signPayload` signed, here or elsewhere.
 *
 * @throws AppError bad_request for a key that encrypts; token_refused with the reason, also of a token that has claims
 */
export async function verifyPayload(
  keys: JwtKeys,
  token: string,
): Promise<{ payload: string; kid: string | null; alg: JwtAlgorithm }> {
  for (const key of verifying(keys, token))
    try {
      const verified = await compactVerify(token, key.open, { algorithms: [keys.alg] });
      const payload = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(verified.payload);
      if (readsAsClaims(payload)) throw refused("has claims; verify it as what it is");
      return { payload, kid: key.kid, alg: keys.alg };
    } catch (error) {
      if (error instanceof TypeError) throw refused("holds no text");
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw asRefusal(error);
    }
  throw refused("is not signed by this secret", FOREIGN);
}

/** What a token must say. What is absent is as the secret has it; what that does not have, is not asked. */
export interface WantedClaims {
  issuer?: string;
  audience?: string | string[];
  subject?: string;
  /** All of these, each as a whole word. */
  scope?: readonly string[];
  typ?: string;
  /** Seconds since `iat` at most. */
  lifetime?: number;
}

export interface VerifiedJwt {
  claims: JWTPayload;
  kid: string | null;
  alg: JwtAlgorithm;
}

/**
 * Verifies a token: signed by one of the secret's keys with that key's algorithm, not expired (`exp` is required), valid already, and
 * saying what is wanted.
 *
 * @throws AppError bad_request for a key that encrypts; token_refused with the reason
 */
export async function verifyJwt(
  keys: JwtKeys,
  token: string,
  wanted: WantedClaims,
  nowMs: number,
): Promise<VerifiedJwt> {
  const { alg, settings } = keys;
  const candidates = verifying(keys, token);
  const options = {
    algorithms: [alg],
    issuer: wanted.issuer ?? settings.issuer,
    audience: wanted.audience ?? settings.audience,
    subject: wanted.subject ?? settings.subject,
    ...(wanted.typ === undefined ? {} : { typ: wanted.typ }),
    ...(wanted.lifetime === undefined ? {} : { maxTokenAge: wanted.lifetime }),
    requiredClaims: ["exp"],
    clockTolerance: SKEW_S,
    currentDate: new Date(nowMs),
  };
  let failure: AppError | null = null;
  for (const key of candidates)
    try {
      const { payload } = await jwtVerify(token, key.open, options);
      requireScope(payload, wanted.scope ?? []);
      return { claims: payload, kid: key.kid, alg };
    } catch (error) {
      if (error instanceof errors.JWSSignatureVerificationFailed) continue;
      failure = asRefusal(error);
      break;
    }
  // Made only here: good tokens are many, and an error notes its stack.
  throw failure ?? refused("is not signed by this secret", FOREIGN);
}

/** The keys that may have signed the token. @throws AppError bad_request for keys that decrypt; token_refused by its header */
function verifying({ alg, keys }: JwtKeys, token: string): readonly JwtKey[] {
  if (alg === "RSA-OAEP-256")
    throw new AppError("bad_request", "This key decrypts; it does not verify. Use a secret whose key is for signing.");
  const header = headerOf(token, 3);
  if (header.alg !== alg) throw refused(`is not signed with ${alg}, the algorithm of this secret`, FOREIGN);
  if (header.crit !== undefined) throw refused("asks for extensions (crit) that are not known here");
  return chosen(keys, header);
}

/** JW-2: `kid` chooses among the secret's own keys; a name that none of them has opens nothing. */
function chosen(keys: readonly JwtKey[], { kid }: ProtectedHeaderParameters): readonly JwtKey[] {
  if (kid === undefined || keys.every((key) => key.kid === null)) return keys;
  const named = keys.filter((key) => key.kid === kid);
  if (named.length === 0) throw refused("names a key (kid) that this secret does not have", FOREIGN);
  return named;
}

/** @param parts 3 of a signed token, 5 of an encrypted one */
function headerOf(token: string, parts: 3 | 5): ProtectedHeaderParameters {
  // Decoders pass over blanks and the like; then one token would have many forms.
  if (!/^[\w-]+(?:\.[\w-]*)+$/.test(token) || token.split(".").length !== parts) throw refused(NO_TOKEN[parts]);
  try {
    return decodeProtectedHeader(token);
  } catch {
    throw refused(NO_TOKEN[parts]);
  }
}

const NO_TOKEN = {
  3: "is no signed token in compact form, three parts with dots between them",
  5: "is no encrypted token in compact form, five parts with dots between them",
} as const;

/** Whole words of `scope` (RFC 8693 section 4.2), or of `scp`, which some issuers send as a list. */
export function scopesOf(claims: JWTPayload): unknown[] {
  const { scope, scp } = claims as { scope?: unknown; scp?: unknown };
  return [scope, scp].flatMap((given) =>
    Array.isArray(given) ? given : typeof given === "string" ? given.split(" ") : [],
  );
}

function requireScope(claims: JWTPayload, wanted: readonly string[]): void {
  const has = new Set(scopesOf(claims));
  const missing = wanted.filter((word) => !has.has(word));
  if (missing.length > 0) throw refused(`does not have the scope ${missing.join(" ")}`);
}

function asRefusal(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof errors.JWTExpired)
    return refused(error.claim === "iat" ? "is older than it may be" : "has expired", SIGNED);
  if (error instanceof errors.JWTClaimValidationFailed)
    return refused(
      CLAIMS[error.claim]?.[error.reason] ?? CLAIMS[error.claim]?.any ?? "does not say what is asked of it",
      SIGNED,
    );
  if (error instanceof errors.JOSEError) return refused("is malformed");
  throw error;
}

const CLAIMS: Record<string, Record<string, string>> = {
  exp: { any: "does not say when it expires (exp)" },
  nbf: { any: "is not valid yet (nbf)" },
  iat: { any: "does not say when it was issued, or says a time to come (iat)" },
  iss: { any: "is of another issuer (iss)" },
  aud: { any: "is for another audience (aud)" },
  sub: { any: "is of another subject (sub)" },
  typ: { any: "is of another type (typ)" },
};

const refused = (why: string, cause?: Error) =>
  new AppError("token_refused", `The token ${why}.`, { source: { pointer: "/token" }, cause });

const FOREIGN = new Error("another key's");
const SIGNED = new Error("this key's");

/** Whether a token was refused because another key signed it: it may be another secret's. */
export const isAnothers = (error: AppError): boolean => error.cause === FOREIGN;

/** Whether a token was refused by its claims although the secret's own key signed it. */
export const isSigned = (error: AppError): boolean => error.cause === SIGNED;

/**
 * Encrypts a text so that only this secret can read it: RSA-OAEP-256 with A256GCM, compact.
 *
 * @throws AppError bad_request for a key that signs
 */
export async function encryptJwe(keys: JwtKeys, plaintext: string): Promise<{ token: string; kid: string | null }> {
  const [key] = decrypting(keys);
  const token = await new CompactEncrypt(new TextEncoder().encode(plaintext))
    .setProtectedHeader({ alg: keys.alg, enc: CONTENT, ...(key.kid === null ? {} : { kid: key.kid }) })
    .encrypt(key.open);
  return { token, kid: key.kid };
}

const CONTENT = "A256GCM";

/**
 * Decrypts what was encrypted for this secret, by anybody who has its public key. Why it cannot is not told apart: that would
 * help who guesses.
 *
 * @throws AppError bad_request for a key that signs; token_refused
 */
export async function decryptJwe(keys: JwtKeys, token: string): Promise<{ plaintext: string; kid: string | null }> {
  const own = decrypting(keys);
  const header = headerOf(token, 5);
  // Before any work that the token could make expensive (JW-5).
  if (header.alg !== keys.alg || header.enc !== CONTENT)
    throw refused(`is not encrypted with ${keys.alg} and ${CONTENT}, the only way taken here`);
  if (header.crit !== undefined || "zip" in header) throw refused("is compressed or asks for extensions (zip, crit)");
  for (const key of chosen(own, header))
    try {
      const { plaintext } = await compactDecrypt(token, key.own as NonNullable<JwtKey["own"]>, {
        keyManagementAlgorithms: [keys.alg],
        contentEncryptionAlgorithms: [CONTENT],
      });
      return { plaintext: new TextDecoder("utf-8", { fatal: true }).decode(plaintext), kid: key.kid };
    } catch (error) {
      if (error instanceof TypeError) throw refused("holds no text");
      if (!(error instanceof errors.JOSEError)) throw error;
    }
  throw refused("cannot be decrypted with this secret");
}

/** JW-4: a key that signs never decrypts. */
function decrypting({ alg, keys }: JwtKeys): JwtKeys["keys"] {
  if (alg === "RSA-OAEP-256") return keys;
  throw new AppError("bad_request", "This key signs; it does not encrypt. Use an rs256 secret whose use is encrypt.");
}
