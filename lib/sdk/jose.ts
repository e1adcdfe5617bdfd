import type { Client, Resource } from "./client";

/** What is signed besides `iat` and `exp`, which Latchkey sets. */
export interface Claims {
  iss?: string;
  sub?: string;
  aud?: string | string[];
  jti?: string;
  /** Seconds since the epoch. */
  nbf?: number;
  /** Scopes with a space between them. */
  scope?: string;
  [claim: string]: unknown;
}

export interface SignOptions {
  /** Seconds; the secret's own unless said. */
  lifetime?: number;
  /** `typ` of the header; JWT unless said. */
  typ?: string;
}

/** What a token must hold beyond a good signature and a time that is not over. */
export interface VerifyOptions {
  issuer?: string;
  /** One of these is enough. */
  audience?: string | string[];
  subject?: string;
  /** All of these. */
  scope?: string | string[];
  typ?: string;
  /** Seconds since it was issued, at most. */
  lifetime?: number;
}

/**
 * Signed and encrypted tokens (RFC 7515, 7516, 7519) with the key of an `hs256` or `rs256` secret, which stays in Latchkey. Every failure
 * is a `LatchkeyError`; a token that is not good is 400 `token_refused`.
 *
 * @param idOf finds the id of a secret and calls with it
 */
export function joseCalls(
  client: Client,
  workspaceId: string,
  idOf: <T>(nameOrId: string, act: (secret: { id: string }) => Promise<T>) => Promise<T>,
) {
  const post = <Attributes>(nameOrId: string, what: string, body: object, repeatable: boolean): Promise<Attributes> =>
    idOf(nameOrId, async ({ id }) => {
      const path = `/v2/workspaces/${encodeURIComponent(workspaceId)}/secrets/${encodeURIComponent(id)}/jwt/${what}`;
      const { data } = await client.single<Resource<string, Attributes>>("POST", path, { body, repeatable });
      return data.attributes;
    });
  return {
    /** A signed token in compact form. */
    signJws: async (nameOrId: string, claims: Claims, options: SignOptions = {}) =>
      (await post<{ token: string }>(nameOrId, "sign", { claims, ...options }, true)).token,
    /** The claims of a token that is good in every respect asked for. */
    verifyJws: async (nameOrId: string, token: string, options: VerifyOptions = {}) =>
      (await post<{ claims: Claims & { iat?: number; exp?: number } }>(nameOrId, "verify", { token, ...options }, true))
        .claims,
    /** A text of at most 8 KB, encrypted for the key pair. */
    encryptJwe: async (nameOrId: string, plaintext: string) =>
      (await post<{ token: string }>(nameOrId, "encrypt", { plaintext }, true)).token,
    decryptJwe: async (nameOrId: string, token: string) =>
      (await post<{ plaintext: string }>(nameOrId, "decrypt", { token }, true)).plaintext,
  };
}
