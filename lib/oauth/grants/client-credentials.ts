import * as oauth from "oauth4webapi";
import type { OAuthClient } from "@/lib/auth-clients/client";
import { splitScopes } from "@/lib/secret-types/names";
import { serverFor } from "../server-for";
import { askTokenEndpoint, type TokenAnswer } from "../token-endpoint";
import type { Witness } from "../witness";
import { addedParameters } from "./added-parameters";
import { askedAnew } from "./ask-anew";
import { blamedOnClient } from "./blame";
import type { Held, OwnRequest } from "./grant";

/** Client credentials (RFC 6749 section 4.4): the client asks for itself, and asks again when the token runs out. */
export const grantType = "client_credentials";

export async function obtain(
  client: OAuthClient,
  own: OwnRequest,
  mayStillSend?: () => boolean,
  witness?: Witness,
): Promise<TokenAnswer> {
  const { server, client: party } = serverFor(client);
  const parameters = addedParameters(client, own);
  const scopes = splitScopes(own.scope);
  if (scopes.length > 0) parameters.set("scope", scopes.join(client.options.scope_separator));
  const answer = await askTokenEndpoint(
    client,
    (auth, options) => oauth.clientCredentialsGrantRequest(server, party, auth, parameters, options),
    [],
    mayStillSend,
    witness,
  );
  return blamedOnClient(client, askedAnew(answer));
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

export const refusal = () => ({
  title: "The provider refuses this request",
  cure: "It accepts the auth client, so this is about the scopes or parameters of this secret. Correct them, or what the client may ask for at the provider.",
});
