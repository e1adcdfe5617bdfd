import { z } from "zod";
import { requiredText } from "./free-form";
import { CLAIM_MEMBERS, claimFields, jwtClaims } from "./jwt-claims";
import type { SecretType } from "./secret-type";

/** SECURITY JW-4; RFC 7518 section 3.2 asks for as much as the hash has. */
const MIN_BYTES = 32;

export const HS256_ENCODINGS = ["utf8", "base64url"] as const;
export type Hs256Encoding = (typeof HS256_ENCODINGS)[number];

/**
 * The key's bytes.
 *
 * @returns null when the text is not what its encoding says
 */
export function hs256Key(secret: string, encoding: Hs256Encoding): Uint8Array | null {
  if (encoding === "utf8") return new TextEncoder().encode(secret);
  if (!/^[A-Za-z0-9_-]+={0,2}$/.test(secret)) return null;
  try {
    const binary = atob(secret.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, ""));
    return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}

/**
 * Whether the text is a key of another kind: PEM, a JWK, or DER in base64. A public key taken as a shared secret would let
 * everybody sign (SECURITY JW-1; CVE-2023-48223).
 */
export function looksLikeKey(secret: string): boolean {
  if (/-----BEGIN /.test(secret) || /^\s*(ssh-|ecdsa-)/.test(secret) || /^\s*\{[\s\S]*"kty"/.test(secret)) return true;
  const bare = secret.replaceAll(/\s+/g, "").replaceAll("+", "-").replaceAll("/", "_");
  return isDer(hs256Key(bare, "base64url"));
}

/** A SEQUENCE as long as the whole, longer than 127 bytes, that begins with a SEQUENCE or an INTEGER: SPKI, PKCS#1, PKCS#8. */
function isDer(bytes: Uint8Array | null): boolean {
  if (bytes === null || bytes[0] !== 0x30) return false;
  const [, form = 0, high = 0, low = 0] = bytes;
  const [head, length] = form === 0x81 ? [3, high] : form === 0x82 ? [4, high * 256 + low] : [0, -1];
  const first = bytes[head];
  return length === bytes.length - head && (first === 0x30 || first === 0x02);
}

/** A secret that two sides share: HMAC with SHA-256 over JSON web tokens (RFC 7518 section 3.2). */
export const hs256 = {
  name: "hs256",
  label: "HS256 secret",
  summary: "A shared secret that signs and verifies tokens.",
  needsClient: false,
  client: null,
  credentials: z
    .strictObject({
      secret: requiredText,
      encoding: z.enum(HS256_ENCODINGS, "must be utf8 or base64url").optional(),
      ...jwtClaims,
    })
    .superRefine(({ secret, encoding = "utf8" }, context) => {
      const say = (message: string) => context.addIssue({ code: "custom", path: ["secret"], message });
      const key = hs256Key(secret, encoding);
      if (looksLikeKey(secret)) say("is a key of another kind (PEM, JWK or DER), which others may know; generate one");
      else if (key === null) say("is not base64url, as its encoding says");
      else if (key.length < MIN_BYTES)
        say(`has ${key.length} byte${key.length === 1 ? "" : "s"}; HS256 needs at least ${MIN_BYTES}. Generate one`);
    }),
  visible: ["encoding", ...CLAIM_MEMBERS],
  kept: ["secret"],
  fields: [
    { name: "secret", label: "Secret", kind: "secret", generate: "hs256", help: "At least 32 bytes.", required: true },
    {
      name: "encoding",
      label: "Encoding",
      kind: "select",
      options: [
        { value: "utf8", label: "Text, as it stands" },
        { value: "base64url", label: "base64url, decoded first" },
      ],
      initial: "utf8",
      help: "How the other side turns the secret into bytes.",
      required: false,
    },
    ...claimFields,
  ],
  injects: ({ token }) => [["authorization", `Bearer ${String(token)}`]],
  opens: "token",
} satisfies SecretType;
