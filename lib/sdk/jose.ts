import type { JwtOrder, JwtWanted, secretCalls } from "./secrets";

type Using = <T>(nameOrId: string, act: (secret: { id: string }) => Promise<T>) => Promise<T>;

/**
 * Signed and encrypted tokens (RFC 7515, 7516, 7519) with the key of an `hs256` or `rs256` secret, which stays in Latchkey. Every failure
 * is a `LatchkeyError`; a token that is not good is 400 `token_refused`.
 */
export function joseCalls(secrets: ReturnType<typeof secretCalls>, workspaceId: string, using: Using) {
  return {
    /** A signed token in compact form. `iat` and `exp` are Latchkey's to set. */
    signJws: (nameOrId: string, claims: JwtOrder["claims"], options: Omit<JwtOrder, "claims"> = {}): Promise<string> =>
      using(
        nameOrId,
        async ({ id }) => (await secrets.signJwt(workspaceId, id, { claims, ...options })).data.attributes.token,
      ),
    /** The claims of a token that is good in every respect asked for. */
    verifyJws: (nameOrId: string, token: string, wanted: JwtWanted = {}) =>
      using(
        nameOrId,
        async ({ id }) => (await secrets.verifyJwt(workspaceId, id, token, wanted)).data.attributes.claims,
      ),
    /** A text of at most 8 KB that is no token, signed, in compact form. */
    signPayload: (nameOrId: string, payload: string, typ?: string): Promise<string> =>
      using(
        nameOrId,
        async ({ id }) => (await secrets.signPayload(workspaceId, id, payload, typ)).data.attributes.token,
      ),
    /** The text of what was signed so. */
    verifyPayload: (nameOrId: string, token: string): Promise<string> =>
      using(nameOrId, async ({ id }) => (await secrets.verifyPayload(workspaceId, id, token)).data.attributes.payload),
    /** A text of at most 8 KB, encrypted for the key pair. */
    encryptJwe: (nameOrId: string, plaintext: string): Promise<string> =>
      using(nameOrId, async ({ id }) => (await secrets.encryptJwe(workspaceId, id, plaintext)).data.attributes.token),
    decryptJwe: (nameOrId: string, token: string): Promise<string> =>
      using(nameOrId, async ({ id }) => (await secrets.decryptJwe(workspaceId, id, token)).data.attributes.plaintext),
  };
}
