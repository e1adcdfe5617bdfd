import { z } from "zod";
import { requiredText } from "./free-form";
import { CLAIM_MEMBERS, claimFields, jwtClaims } from "./jwt-claims";
import type { SecretType } from "./secret-type";

export const KEY_USES = ["sign", "encrypt"] as const;
export type KeyUse = (typeof KEY_USES)[number];

/** The one algorithm of a key, by what it is for: a key never has two (SECURITY JW-1, JW-4; RFC 8725 section 3.1). */
export const RSA_ALGORITHMS = {
  sign: { alg: "RS256", use: "sig" },
  encrypt: { alg: "RSA-OAEP-256", use: "enc" },
} as const satisfies Record<KeyUse, { alg: string; use: string }>;

export type RsaBits = 2048 | 3072 | 4096;
/** SECURITY JW-4 advises it. */
export const DEFAULT_BITS: RsaBits = 3072;

export const keyBits = z
  .literal([2048, 3072, 4096, "2048", "3072", "4096"], "must be 2048, 3072 or 4096")
  .transform((bits) => Number(bits) as RsaBits);

/** An RSA key pair: signs and verifies tokens, or decrypts what anybody encrypted with its public half. */
export const rs256 = {
  name: "rs256",
  label: "RS256 key pair",
  summary: "A private key; its public half is published.",
  needsClient: false,
  client: null,
  credentials: z
    .strictObject({
      /** PEM (PKCS#8, PKCS#1) or a JWK, as text or object; absent: a pair is generated. Read on the server. */
      private_key: z
        .union(
          [requiredText, z.record(z.string().max(20), z.unknown()).transform((jwk) => JSON.stringify(jwk))],
          "must be PEM, or a JWK",
        )
        .optional(),
      /** Of a pair that is generated. */
      bits: keyBits.optional(),
      use: z.enum(KEY_USES, "must be sign or encrypt").optional(),
      ...jwtClaims,
      /** Older keys, as they were read; they change by rotation only, and what is sent here is passed over. */
      previous_keys: z.unknown().optional(),
    })
    .refine((given) => given.private_key === undefined || given.bits === undefined, {
      path: ["bits"],
      error: "is for a pair that is generated; the private key given has its own",
    }),
  // `bits` is no secret either, and not kept: the public key says it.
  visible: ["use", "bits", ...CLAIM_MEMBERS],
  kept: ["private_key", "use"],
  fields: [
    {
      name: "use",
      label: "Used to",
      kind: "select",
      options: [
        { value: "sign", label: "Sign and verify tokens (RS256)" },
        { value: "encrypt", label: "Encrypt and decrypt (RSA-OAEP-256 with A256GCM)" },
      ],
      initial: "sign",
      help: "One key does one of the two. It cannot be changed later.",
      required: false,
      onlyNew: true,
    },
    {
      name: "private_key",
      label: "Private key",
      kind: "multiline",
      placeholder: "-----BEGIN PRIVATE KEY-----",
      help: "PEM (PKCS#8 or PKCS#1) or a JWK. Left empty, a new pair is generated on the server.",
      required: false,
    },
    {
      name: "bits",
      label: "Size of a new pair",
      kind: "select",
      options: [
        { value: "", label: "3072 bits (advised)" },
        { value: "2048", label: "2048 bits" },
        { value: "4096", label: "4096 bits" },
      ],
      required: false,
      onlyNew: true,
    },
    ...claimFields,
  ],
  injects: ({ token }) => [["authorization", `Bearer ${String(token)}`]],
  opens: "token",
} satisfies SecretType;
