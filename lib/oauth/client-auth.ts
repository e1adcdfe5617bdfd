import type { ClientAuth } from "oauth4webapi";
import type { OAuthClient } from "@/lib/auth-clients/client";

export type AuthMethod = "client_secret_basic" | "client_secret_post" | "none";

/**
 * Form-encoding inside HTTP Basic (RFC 6749 section 2.3.1): what must be encoded and nothing else, because some servers
 * refuse a value in which `-` or `_` was needlessly encoded and others demand the encoding of the rest (PROVIDERS).
 */
const basicPart = (text: string) => encodeURIComponent(text);

/** How this client proves itself at the token endpoint, as oauth4webapi takes it. */
export function clientAuth(client: OAuthClient, method: AuthMethod): ClientAuth {
  const id = client.options.client_id;
  const secret = client.clientSecret;
  return (_server, _client, body, headers) => {
    if (method === "client_secret_basic") {
      const pair = `${basicPart(id)}:${secret?.use(basicPart) ?? ""}`;
      headers.set("authorization", `Basic ${Buffer.from(pair, "utf8").toString("base64")}`);
      return;
    }
    // A request that holds a user name and password may go without saying which client asks.
    if (id !== "") body.set("client_id", id);
    if (method === "client_secret_post") secret?.use((value) => body.set("client_secret", value));
  };
}

/**
 * The method to begin with, and the one to try when the provider rejects the client. `auto` uses what was learned, then
 * what the provider's metadata names, then a secret in the body as the original platform sends it, then HTTP Basic.
 */
export function authMethods(client: OAuthClient): [AuthMethod, AuthMethod?] {
  const set = client.options.token_endpoint_auth_method;
  if (set !== "auto") return [set];
  if (client.clientSecret === null) return ["none"];
  if (client.learnedAuthMethod) return [client.learnedAuthMethod];
  const supported = client.options.auth_methods_supported;
  if (supported?.includes("client_secret_basic")) return ["client_secret_basic", "client_secret_post"];
  if (supported?.includes("client_secret_post")) return ["client_secret_post", "client_secret_basic"];
  return ["client_secret_post", "client_secret_basic"];
}
