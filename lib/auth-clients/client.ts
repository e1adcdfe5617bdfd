import type { Scope } from "@/lib/access/scope";
import type { Sensitive } from "@/lib/crypto/sensitive";
import type { OAuth2Options } from "@/lib/secret-types/oauth2";

/** An oauth2 auth client, opened for use by the flow and the refresher. Never serialised. */
export interface OAuthClient {
  tenantId: string;
  id: string;
  name: string;
  scope: Scope;
  /** Bumped on every edit. */
  version: number;
  options: OAuth2Options;
  /** Null for a public client. */
  clientSecret: Sensitive<string> | null;
  /** The path segment of the shared redirect URI when `redirect_uri_per` is `client`. */
  secretName: string | null;
  /** What `token_endpoint_auth_method: auto` found out, once it did. */
  learnedAuthMethod: "client_secret_basic" | "client_secret_post" | "none" | null;
  /** The provider accepted a request of this version of the client before (last_ok_at is later than the last edit): tells a dead grant from a wrong request. */
  proven: boolean;
  /** The refresher's verdict on the client, when it is broken or paused and not edited since. */
  problem: Record<string, unknown> | null;
}
