import type { OAuthClient } from "@/lib/auth-clients/client";
import type { GrantType } from "@/lib/secret-types/grant-types";
import * as authorizationCode from "./authorization-code";
import * as clientCredentials from "./client-credentials";
import type { Grant } from "./grant";
import * as password from "./password";
import * as tokenRequest from "./token-request";

export const GRANTS: Readonly<Record<GrantType, Grant>> = {
  authorization_code: authorizationCode,
  client_credentials: clientCredentials,
  password,
  token_request: tokenRequest,
};

export function grantOf(client: OAuthClient): Grant {
  return GRANTS[client.options.grant_type];
}
