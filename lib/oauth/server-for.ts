import type { AuthorizationServer, Client } from "oauth4webapi";
import type { OAuthClient } from "@/lib/auth-clients/client";

/** Stands for "no issuer known"; never compared with anything. */
const NO_ISSUER = "https://issuer.invalid";

/** An auth client as oauth4webapi's server and client objects. `endpoint` picks which URL token requests go to. */
export function serverFor(
  client: OAuthClient,
  endpoint: "token" | "refresh" = "token",
): { server: AuthorizationServer; client: Client } {
  const { options } = client;
  return {
    server: {
      issuer: options.issuer ?? NO_ISSUER,
      authorization_endpoint: options.auth_uri,
      token_endpoint: endpoint === "refresh" ? options.refresh_token_uri : options.token_uri,
      revocation_endpoint: options.revocation_uri,
      authorization_response_iss_parameter_supported: options.iss_parameter,
    },
    client: { client_id: options.client_id },
  };
}

/** The host whose health, room and circuit a token request depends on. */
export function tokenHost(client: OAuthClient): string {
  return new URL(client.options.refresh_token_uri).host;
}
