import { z } from "zod";
import type { Resource } from "@/lib/http/json-api";
import { lifetime, MAX_LIFETIME_S } from "@/lib/secret-types/jwt-claims";
import { MAX_TOKEN, type SignedJwt, type VerifiedJwt, type verifyPayload } from "./jwt";

/** Tokens of hs256 and rs256 secrets on the wire, in and out: plain JSON bodies, as of the other calls that use a secret. */

const MAX_TEXT = 8 * 1024;

const claimText = z.string("must be text").min(1, "must not be empty").max(500, "must have 500 characters at most");
const oneOrMore = z.union(
  [claimText, z.array(claimText).min(1, "must name one at least").max(20, "must name 20 at most")],
  "must be text, or a list of texts",
);
const typ = claimText.max(100, "must have 100 characters at most");

/** `iat` and `exp` are Latchkey's to say. */
const claims = z
  .looseObject({
    iss: claimText.optional(),
    sub: claimText.optional(),
    aud: oneOrMore.optional(),
    jti: claimText.optional(),
    nbf: z.number("must be a time in whole seconds").int("must be a time in whole seconds").optional(),
    scope: z.string("must be text, scopes with a space between them").optional(),
    iat: z.never("is set to the time of signing").optional(),
    exp: z.never("follows from lifetime").optional(),
  })
  .refine((given) => JSON.stringify(given).length <= MAX_TEXT, "must be 8 KB at most");

const text = z.string("must be text").refine((given) => Buffer.byteLength(given) <= MAX_TEXT, "must be 8 KB at most");

/** `POST …/jwt/sign` */
export const signBody = z
  .strictObject({
    claims: claims.optional(),
    /** Instead of claims: a text that is signed as it is. */
    payload: text.optional(),
    /** Seconds; at most a year. */
    lifetime: lifetime.optional(),
    typ: typ.optional(),
  })
  .superRefine((given, context) => {
    if (given.payload === undefined) return;
    for (const name of ["claims", "lifetime"] as const)
      if (given[name] !== undefined)
        context.addIssue({ code: "custom", path: [name], message: "must not be given together with payload" });
  });

const token = z
  .string("must be a token in compact form")
  .min(1, "must be a token in compact form")
  .max(MAX_TOKEN, "must be 16 KB at most");

/** `POST …/jwt/verify` */
export const verifyBody = z
  .strictObject({
    token,
    /** True: it holds a text and no claims, so none can be asked of it. */
    payload: z.boolean("must be true or false").default(false),
    issuer: claimText.optional(),
    /** One of these is enough. */
    audience: oneOrMore.optional(),
    subject: claimText.optional(),
    /** All of these; a text has spaces between them. */
    scope: z
      .union([claimText.transform((words) => words.split(" ").filter(Boolean)), z.array(claimText).max(50)])
      .optional(),
    typ: typ.optional(),
    /** Seconds since it was issued, at most. */
    lifetime: z.number().int("must be whole seconds").min(1, "must be 1 second or more").max(MAX_LIFETIME_S).optional(),
  })
  .superRefine(({ token: _token, payload, ...wanted }, context) => {
    for (const [name, value] of payload ? Object.entries(wanted) : [])
      if (value !== undefined)
        context.addIssue({ code: "custom", path: [name], message: "must not be given together with payload" });
  });

/** `POST …/jwt/encrypt` */
export const encryptBody = z.strictObject({
  plaintext: text,
});

/** `POST …/jwt/decrypt` */
export const decryptBody = z.strictObject({ token });

export type SignBody = z.infer<typeof signBody>;
export type VerifyBody = z.infer<typeof verifyBody>;

export function toSigned(secretId: string, { token: signed, alg, kid, expiresAt }: SignedJwt): Resource {
  return { id: secretId, type: "jwt", attributes: { token: signed, alg, kid, expires_at: expiresAt } };
}

export function toSignedPayload(secretId: string, signed: Omit<SignedJwt, "expiresAt">): Resource {
  return { id: secretId, type: "jws", attributes: signed };
}

export function toPayload(secretId: string, verified: Awaited<ReturnType<typeof verifyPayload>>): Resource {
  return { id: secretId, type: "payload", attributes: verified };
}

export function toVerified(secretId: string, { claims: said, alg, kid }: VerifiedJwt): Resource {
  return { id: secretId, type: "claims", attributes: { claims: said, alg, kid } };
}

export function toEncrypted(secretId: string, made: { token: string; kid: string | null }): Resource {
  return { id: secretId, type: "jwe", attributes: made };
}

export function toDecrypted(secretId: string, read: { plaintext: string; kid: string | null }): Resource {
  return { id: secretId, type: "plaintext", attributes: read };
}
