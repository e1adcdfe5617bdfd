import { Sensitive } from "@/lib/crypto/sensitive";
import { inTenant } from "@/lib/db/tx";
import type { OwnRequest } from "@/lib/oauth/grants/grant";
import { openExtras } from "./opened";
import { authorizableSecret } from "./store";

/**
 * What a secret itself says in a token request; null when it is gone.
 *
 * @throws AppError integrity_failure
 */
export async function readOwnRequest(tenantId: string, secretId: string): Promise<OwnRequest | null> {
  const secret = await inTenant(tenantId, (tx) => authorizableSecret(tx, tenantId, secretId));
  if (!secret) return null;
  const extras = await openExtras(secret);
  return extras.use(({ additional_params, login }) => ({
    scope: secret.scope,
    additionalParams: additional_params,
    login: login ? { username: login.username, password: new Sensitive(login.password) } : null,
  }));
}
