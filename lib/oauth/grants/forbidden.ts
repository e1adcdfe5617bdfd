import type { OAuthClient } from "@/lib/auth-clients/client";
import { settings } from "@/lib/config";
import { isPasswordGrant } from "@/lib/secret-types/oauth2";
import type { TokenAnswer } from "../token-endpoint";

/** Said where the operator forbids the password grant (OA-17). */
export const PASSWORD_GRANT_FORBIDDEN =
  "The operator of this installation forbids asking with a user name and password (LATCHKEY_PASSWORD_GRANT). Choose another grant.";

/** The answer in place of a request that the operator forbids; null when it may be sent. */
export function forbidden(client: OAuthClient): TokenAnswer | null {
  if (settings().passwordGrant === "allow" || !isPasswordGrant(client.options)) return null;
  return {
    kind: "failure",
    failure: {
      kind: "config",
      code: "request_rejected",
      title: "The password grant is forbidden here",
      detail: PASSWORD_GRANT_FORBIDDEN,
      oauthError: null,
      said: null,
      retryAfterMs: null,
      status: null,
    },
  };
}
