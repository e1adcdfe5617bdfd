import type { OAuthClient } from "@/lib/auth-clients/client";
import { RESERVED_PARAMETERS } from "@/lib/secret-types/oauth2";
import type { OwnRequest } from "./grant";

/** Parameters that people added to a token request. The secret's own win over the client's; none replaces one of the protocol's. */
export function addedParameters(client: OAuthClient, own: OwnRequest): URLSearchParams {
  const { resource, token_params } = client.options;
  const parameters = new URLSearchParams(resource ? { resource } : {});
  for (const [name, value] of Object.entries({ ...token_params, ...own.additionalParams }))
    if (!RESERVED_PARAMETERS.has(name)) parameters.set(name, value);
  return parameters;
}
