import { openOAuthClient } from "@/lib/auth-clients/service";
import { revoke } from "@/lib/oauth/revocation";
import type { StoredTokens } from "@/lib/oauth/token-set";
import { log } from "@/lib/observability/log";

export interface Revocable {
  authClientTenantId: string;
  authClientId: string;
  tenantId: string;
  secretId: string;
  tokens: StoredTokens;
}

/** Revokes at the provider what was just forgotten here (RFC 7009). Best effort: it is gone here either way. */
export async function revokeTokens(what: Revocable): Promise<"revoked" | "unsupported" | "failed"> {
  const client = await openOAuthClient(what.authClientTenantId, what.authClientId);
  if (!client) return "unsupported";
  const { refresh_token, access_token } = what.tokens;
  const outcome = await revoke(
    client,
    {
      value: refresh_token ?? access_token,
      hint: refresh_token === null ? "access_token" : "refresh_token",
    },
    what.tenantId,
  );
  if (outcome === "failed") log.warn("revocation failed", { secretId: what.secretId, authClientId: client.id });
  return outcome;
}
