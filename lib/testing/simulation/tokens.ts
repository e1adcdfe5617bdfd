import { Sensitive } from "@/lib/crypto/sensitive";
import type { StoredTokens } from "@/lib/oauth/token-set";

/** A token set as the vault opens it. */
export function storedTokens(access: string, refresh: string | null): StoredTokens {
  return {
    access_token: new Sensitive(access),
    refresh_token: refresh === null ? null : new Sensitive(refresh),
    token_type: "Bearer",
    expires_in: null,
    scope: null,
    undefined_params: new Sensitive({}),
  };
}
