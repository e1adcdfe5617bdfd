import type { Problem } from "@/lib/errors";
import type { GrantType } from "@/lib/secret-types/grant-types";
import type { Many, One, Resource } from "../client";

/** What an application is known as at a provider. */

export type AuthClientType = "oauth2" | "noauth" | "basic" | "api_key";

export type Visibility = "workspace" | "contract" | "tenant" | "global";

export interface AuthClientCredentials {
  client_id?: string;
  /** Sent on create and replace; never answered to a signed-in person. */
  client_secret?: string;
  auth_uri?: string;
  token_uri?: string;
  refresh_token_uri?: string;
  token_expires_in?: number;
  issuer?: string;
  grant_type?: GrantType;
  token_endpoint_auth_method?: "auto" | "client_secret_basic" | "client_secret_post" | "none";
  pkce?: "S256" | "off";
  scope_separator?: string;
  authorize_params?: Record<string, string>;
  token_params?: Record<string, string>;
  refresh_params?: Record<string, string>;
  revocation_uri?: string;
  resource?: string;
  redirect_uri_per?: "secret" | "client";
  token_request_credentials?: "username_password" | "client_id_secret";
  token_request_format?: "form" | "json";
  token_request_grant_type?: string;
  provider?: string;
  [further: string]: unknown;
}

export type AuthClient = Resource<
  "auth-client",
  {
    name: string;
    type: AuthClientType;
    /** Absent where the caller may see the client only, and always without `client_secret` for signed-in people. */
    credentials?: AuthClientCredentials;
    /** Host of the provider, for tiles and lists. */
    host?: string | null;
    /** oauth2 only: how the tokens of its secrets come about. */
    grant_type?: GrantType;
    /** Its secrets hold a user name and password to ask with; absent where they do not. */
    asks_with_login?: true;
    /** Present when `redirect_uri_per` is `client`. */
    redirect_uri?: string | null;
    visibility?: Visibility;
    /** Secrets using it, at or below the place it is looked at from. */
    used_by?: number;
    /** oauth2, for those who may see its credentials: whether a client secret is stored. */
    has_client_secret?: boolean;
    /** What keeps its secrets from being renewed; null when nothing does. */
    problem?: Problem | null;
    created_at?: string;
    updated_at?: string;
  },
  {
    components?: Many<"component">;
    workspace?: One<"workspace">;
    contract?: One<"contract">;
    tenant?: One<"tenant">;
  }
>;

export type Discovery = Resource<
  "discovery",
  {
    issuer: string;
    auth_uri: string | null;
    token_uri: string | null;
    revocation_uri: string | null;
    token_endpoint_auth_methods: string[] | null;
    code_challenge_methods: string[] | null;
    scopes_supported: string[] | null;
    iss_parameter: boolean | null;
  }
>;

/** A secret that uses a client. */
export type AuthClientUsage = Resource<
  "auth-client-usage",
  { name: string; workspace_name?: string | null },
  { workspace?: One<"workspace">; secret?: One<"auth-secret"> }
>;
