import { createPublicKey } from "node:crypto";
import { settings } from "@/lib/config";
import { isId } from "@/lib/ids";
import { type KeyUse, RSA_ALGORITHMS } from "@/lib/secret-types/rs256";
import { workspaceKeys } from "./published-key-store";

/** Public keys as others read them (RFC 7517). */

/** A public key of a workspace's JWK set. */
export interface PublicJwk {
  kty: "RSA";
  kid: string;
  alg: string;
  use: string;
  n: string;
  e: string;
}

interface PublicKey {
  kid: string;
  use: string;
  n: string;
  e: string;
}

export function toJwk({ kid, use, n, e }: PublicKey): PublicJwk {
  return { kty: "RSA", kid, ...RSA_ALGORITHMS[use as KeyUse], n, e };
}

/** SPKI as PEM. */
export function spkiPem({ n, e }: Pick<PublicKey, "n" | "e">): string {
  const key = createPublicKey({ key: { kty: "RSA", n, e }, format: "jwk" });
  return key.export({ type: "spki", format: "pem" }).toString();
}

/** Where a workspace's public keys are published. */
export function jwksUri(workspaceId: string): string {
  return `${settings().url}/.well-known/jwks/${workspaceId}.json`;
}

/**
 * The public keys of a workspace, for anybody. A workspace without any, one that does not exist and a name that is none look
 * alike.
 *
 * @param file `<workspaceId>.json`
 */
export async function publishedJwks(file: string): Promise<{ keys: PublicJwk[] }> {
  const workspaceId = /^(.*)\.json$/.exec(file)?.[1] ?? "";
  return { keys: isId(workspaceId) ? (await workspaceKeys(workspaceId)).map(toJwk) : [] };
}
