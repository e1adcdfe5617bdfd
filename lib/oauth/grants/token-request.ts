import type { OAuthClient } from "@/lib/auth-clients/client";
import { askTokenEndpoint, type TokenAnswer, type TokenRequest } from "../token-endpoint";
import type { Witness } from "../witness";
import { addedParameters } from "./added-parameters";
import { askedAnew } from "./ask-anew";
import { blamedOnClient, blamedOnSecret } from "./blame";
import { refusal as clientRefusal } from "./client-credentials";
import { forbidden } from "./forbidden";
import type { Grant, Held, OwnRequest } from "./grant";
import { ownForm } from "./own-form";
import { addLogin, LOGIN_REFUSED, loginOf } from "./password";

/**
 * A token request as an endpoint of its own making wants it (seed 003): grant type and scope exactly as typed, with a user name
 * and password or with client ID and secret, as a form or as JSON. The answer needs `access_token`; when it runs out, the
 * request is made again.
 */
export const grantType = "token_request";

const asksWithLogin = (client: OAuthClient) => client.options.token_request_credentials === "username_password";

/** Without what proves the client; `scope` is never split or joined. */
function parametersOf(client: OAuthClient, own: OwnRequest): URLSearchParams {
  const parameters = addedParameters(client, own);
  if (asksWithLogin(client)) addLogin(parameters, own);
  if (client.options.token_request_grant_type) parameters.set("grant_type", client.options.token_request_grant_type);
  if (own.scope) parameters.set("scope", own.scope);
  return parameters;
}

export function requestOf(client: OAuthClient, own: OwnRequest): TokenRequest {
  return ownForm(client, parametersOf(client, own), client.options.token_request_format);
}

export async function obtain(
  client: OAuthClient,
  own: OwnRequest,
  mayStillSend?: () => boolean,
  witness?: Witness,
): Promise<TokenAnswer> {
  const refused = forbidden(client);
  if (refused) return refused;
  const answer = askedAnew(await askTokenEndpoint(client, requestOf(client, own), loginOf(own), mayStillSend, witness));
  return asksWithLogin(client) ? blamedOnSecret(client, answer) : blamedOnClient(client, answer);
}

export function renewable(): boolean {
  return true;
}

export function renew(
  client: OAuthClient,
  { own }: Held,
  mayStillSend?: () => boolean,
  witness?: Witness,
): Promise<TokenAnswer> {
  if (!own) throw new Error("There is nothing to ask with.");
  return obtain(client, own, mayStillSend, witness);
}

export const asksWithOwn = true;

export const refusal: Grant["refusal"] = (client) => (asksWithLogin(client) ? LOGIN_REFUSED : clientRefusal());
