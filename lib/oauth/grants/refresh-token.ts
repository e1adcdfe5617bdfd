import * as oauth from "oauth4webapi";
import type { OAuthClient } from "@/lib/auth-clients/client";
import type { Sensitive } from "@/lib/crypto/sensitive";
import { serverFor } from "../server-for";
import { askTokenEndpoint, type TokenAnswer } from "../token-endpoint";

/**
 * Presents a refresh token (RFC 6749 section 6). Exactly one presentation per call, apart from the second one after the
 * provider rejected the client's way of authenticating, which does not consume the token.
 */
export function renewByRefreshToken(
  client: OAuthClient,
  refreshToken: Sensitive<string>,
  mayStillSend?: () => boolean,
): Promise<TokenAnswer> {
  const { server, client: party } = serverFor(client, "refresh");
  const { resource, refresh_params } = client.options;
  const additionalParameters = new URLSearchParams();
  if (resource) additionalParameters.set("resource", resource);
  for (const [name, value] of Object.entries(refresh_params ?? {})) {
    // An empty value takes a parameter out: some servers refuse `resource` here (PROVIDERS).
    if (value === "") additionalParameters.delete(name);
    else additionalParameters.set(name, value);
  }
  return askTokenEndpoint(
    client,
    (auth, options) =>
      oauth.refreshTokenGrantRequest(server, party, auth, refreshToken.reveal(), { ...options, additionalParameters }),
    [refreshToken],
    mayStillSend,
  );
}
