import * as oauth from "oauth4webapi";
import type { OAuthClient } from "@/lib/auth-clients/client";
import { Sensitive } from "@/lib/crypto/sensitive";
import { serverFor } from "../server-for";
import { askTokenEndpoint, type TokenAnswer } from "../token-endpoint";
import type { StoredTokens } from "../token-set";
import type { Held } from "./grant";
import { renewByRefreshToken } from "./refresh-token";

/** Authorization code with PKCE (RFC 6749 section 4.1, RFC 7636). */
export const grantType = "authorization_code";

export interface CodeExchange {
  /** The callback's parameters after oauth4webapi validated them. */
  parameters: URLSearchParams;
  redirectUri: string;
  /** Null only where the auth client switched PKCE off. */
  verifier: Sensitive<string> | null;
}

/** Redeems a code. Once: the attempt that carried it is consumed before this is called (OA-7). */
export function obtain(client: OAuthClient, exchange: CodeExchange): Promise<TokenAnswer> {
  const { server, client: party } = serverFor(client);
  const { resource, token_params } = client.options;
  const additionalParameters = new URLSearchParams({ ...(resource ? { resource } : {}), ...token_params });
  const code = new Sensitive(exchange.parameters.get("code") ?? "");
  const { verifier } = exchange;
  return askTokenEndpoint(
    client,
    (auth, options) =>
      oauth.authorizationCodeGrantRequest(
        server,
        party,
        auth,
        exchange.parameters,
        exchange.redirectUri,
        verifier?.reveal() ?? oauth.nopkce,
        {
          ...options,
          additionalParameters,
        },
      ),
    verifier ? [code, verifier] : [code],
  );
}

/** Renewable without a person when a refresh token came. */
export function renewable(tokens: StoredTokens): boolean {
  return tokens.refresh_token !== null;
}

export function renew(client: OAuthClient, { tokens }: Held, mayStillSend?: () => boolean): Promise<TokenAnswer> {
  if (!tokens?.refresh_token) throw new Error("Nothing to renew with: there is no refresh token.");
  return renewByRefreshToken(client, tokens.refresh_token, mayStillSend);
}

/** A refresh token says all there is to say. */
export const asksWithOwn = false;

export const refusal = () => ({
  title: "The provider refuses to renew this",
  cure: "Access was withdrawn or has lapsed; someone with an account there must grant it again.",
});
