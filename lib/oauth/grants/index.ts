import type { OAuthClient } from "@/lib/auth-clients/client";
import type { TokenAnswer } from "../token-endpoint";
import type { StoredTokens } from "../token-set";
import * as authorizationCode from "./authorization-code";

/** What a grant can do once a token was obtained, so that the refresher never asks which grant it holds. */
export interface Grant {
  grantType: string;
  renewable(tokens: StoredTokens): boolean;
  /** @param mayStillSend asked just before the request is written; false: nothing is sent */
  renew(client: OAuthClient, tokens: StoredTokens, mayStillSend?: () => boolean): Promise<TokenAnswer>;
}

export const GRANTS: Readonly<Record<string, Grant>> = { authorization_code: authorizationCode };

export function grantOf(client: OAuthClient): Grant {
  const grant = GRANTS[client.options.grant_type];
  if (!grant) throw new Error(`No grant is known by the name ${client.options.grant_type}.`);
  return grant;
}
