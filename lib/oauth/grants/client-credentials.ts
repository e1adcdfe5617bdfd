import * as oauth from "oauth4webapi";
import type { OAuthClient } from "@/lib/auth-clients/client";
import { splitScopes } from "@/lib/secret-types/names";
import { RESERVED_PARAMETERS } from "@/lib/secret-types/oauth2";
import { serverFor } from "../server-for";
import { askTokenEndpoint, type TokenAnswer } from "../token-endpoint";
import { askedAnew } from "./ask-anew";
import type { Held, OwnRequest } from "./grant";

/** Client credentials (RFC 6749 section 4.4): the client asks for itself, and asks again when the token runs out. */
export const grantType = "client_credentials";

/** Asks for a token. The secret's own parameters win over the client's; neither can replace one of the protocol's. */
export async function obtain(client: OAuthClient, own: OwnRequest, mayStillSend?: () => boolean): Promise<TokenAnswer> {
  const { server, client: party } = serverFor(client);
  const { resource, token_params, scope_separator } = client.options;
  const parameters = new URLSearchParams(resource ? { resource } : {});
  for (const [name, value] of Object.entries({ ...token_params, ...own.additionalParams }))
    if (!RESERVED_PARAMETERS.has(name)) parameters.set(name, value);
  const scopes = splitScopes(own.scope);
  if (scopes.length > 0) parameters.set("scope", scopes.join(scope_separator));
  const answer = await askTokenEndpoint(
    client,
    (auth, options) => oauth.clientCredentialsGrantRequest(server, party, auth, parameters, options),
    [],
    mayStillSend,
  );
  return blamedOnClient(client, askedAnew(answer));
}

/**
 * Nothing but the client is there to be refused. Once this version of it was accepted, a refusal is about what this secret
 * asks for and no other secret suffers.
 */
function blamedOnClient(client: OAuthClient, answer: TokenAnswer): TokenAnswer {
  if (answer.kind === "tokens" || answer.failure.kind !== "refused" || client.proven) return answer;
  return { kind: "failure", failure: { ...answer.failure, kind: "client", code: "client_rejected" } };
}

export function renewable(): boolean {
  return true;
}

export function renew(client: OAuthClient, { own }: Held, mayStillSend?: () => boolean): Promise<TokenAnswer> {
  if (!own) throw new Error("There is nothing to ask with.");
  return obtain(client, own, mayStillSend);
}

export const asksWithOwn = true;

export const refusal = {
  title: "The provider refuses this request",
  cure: "It accepts the auth client, so this is about the scopes or parameters of this secret. Correct them, or what the client may ask for at the provider.",
};
