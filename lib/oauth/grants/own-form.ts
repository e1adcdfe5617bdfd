import * as oauth from "oauth4webapi";
import type { OAuthClient } from "@/lib/auth-clients/client";
import type { customFetch } from "@/lib/egress/safe-fetch";
import { serverFor } from "../server-for";
import type { TokenRequest } from "../token-endpoint";

/**
 * A token request of these parameters, as a form or as JSON, with the client's proof added where there is one. For requests that
 * oauth4webapi does not make: without a client, or in JSON.
 */
export function ownForm(
  client: OAuthClient,
  parameters: URLSearchParams,
  format: "form" | "json" = "form",
): TokenRequest {
  const { server, client: party } = serverFor(client);
  return async (auth, options) => {
    const body = new URLSearchParams(parameters);
    const headers = new Headers({
      accept: "application/json",
      "content-type": format === "json" ? "application/json" : "application/x-www-form-urlencoded;charset=UTF-8",
    });
    await auth(server, party, body, headers);
    const send = options[oauth.customFetch] as ReturnType<typeof customFetch>;
    return send(client.options.token_uri, {
      method: "POST",
      headers,
      body: format === "json" ? JSON.stringify(Object.fromEntries(body)) : body,
    });
  };
}
