import type { OAuthClient } from "@/lib/auth-clients/client";
import { Sensitive } from "@/lib/crypto/sensitive";
import { splitScopes } from "@/lib/secret-types/names";
import { askTokenEndpoint, type TokenAnswer, type TokenRequest } from "../token-endpoint";
import type { Witness } from "../witness";
import { addedParameters } from "./added-parameters";
import { askedAnew } from "./ask-anew";
import { blamedOnSecret } from "./blame";
import { forbidden } from "./forbidden";
import type { Held, OwnRequest } from "./grant";
import { ownForm } from "./own-form";

/**
 * A person's user name and password (RFC 6749 section 4.3), asked with again when the token runs out. Legacy: RFC 9700 section
 * 2.4 says it must not be used, because the password goes through other hands than its owner's and no second factor fits in.
 */
export const grantType = "password";

export async function obtain(
  client: OAuthClient,
  own: OwnRequest,
  mayStillSend?: () => boolean,
  witness?: Witness,
): Promise<TokenAnswer> {
  const refused = forbidden(client);
  if (refused) return refused;
  return blamedOnSecret(
    client,
    askedAnew(await askTokenEndpoint(client, requestOf(client, own), loginOf(own), mayStillSend, witness)),
  );
}

export function requestOf(client: OAuthClient, own: OwnRequest): TokenRequest {
  const parameters = addedParameters(client, own);
  parameters.set("grant_type", grantType);
  addLogin(parameters, own);
  const scopes = splitScopes(own.scope);
  if (scopes.length > 0) parameters.set("scope", scopes.join(client.options.scope_separator));
  return ownForm(client, parameters);
}

/** What a provider's words must not repeat. */
export function loginOf({ login }: OwnRequest): Sensitive<string>[] {
  return login ? [login.password, new Sensitive(login.username)] : [];
}

/** Adds the secret's user name and password. */
export function addLogin(parameters: URLSearchParams, { login }: OwnRequest): void {
  if (!login) throw new Error("There is no user name to ask with.");
  parameters.set("username", login.username);
  login.password.use((clear) => parameters.set("password", clear));
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

export const refusal = () => LOGIN_REFUSED;

/** Also said of a token request with a user name. */
export const LOGIN_REFUSED = {
  title: "The provider refuses the user name and password",
  cure: "Enter the right ones in this secret. If they are right, look whether the account is locked or may not sign in this way, and get a token once that is mended.",
};
