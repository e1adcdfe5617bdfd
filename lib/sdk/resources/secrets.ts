import type { Problem } from "@/lib/errors";
import type { SecretTypeName } from "@/lib/secret-types";
import type { GrantType } from "@/lib/secret-types/grant-types";
import type { One, Resource } from "../client";

/** Secrets, and what is said of them. */

export type SecretType = SecretTypeName;

export type SecretStatus =
  | "unauthorized"
  | "fresh"
  | "refreshing"
  | "retrying"
  | "reauthorization_needed"
  | "paused"
  | "static";

/** Whether values are shown to people: after a recent sign-in, or never. */
export type RevealPolicy = "step_up" | "never";

/** The public half of a key pair. */
export interface PublicKey {
  /** RFC 7638 thumbprint. */
  kid: string;
  bits: number;
  /** The one that signs now; the others are published until they are retired. */
  current: boolean;
  created_at: string;
  /** SPKI. */
  pem: string;
  jwk: { kty: "RSA"; kid: string; alg: string; use: string; n: string; e: string };
}

export type AuthSecret = Resource<
  "auth-secret",
  {
    name: string;
    type: SecretType;
    state: "ready" | "error";
    error?: string;
    /** Never answered to a signed-in person (see `reveal`). */
    credentials?: Record<string, unknown>;
    /** How its tokens come about; null for other types than oauth2. */
    grant_type: GrantType | null;
    /** Null where nobody authorizes it in a browser. */
    redirect_uri: string | null;
    status: SecretStatus;
    expires_at: string | null;
    refresh_due_at: string | null;
    generation: number;
    scopes_requested: string[];
    scopes_granted: string[];
    has_access_token: boolean;
    has_refresh_token: boolean;
    fingerprint: string | null;
    refresh_fingerprint: string | null;
    lifetime_s: number | null;
    issued_at: string | null;
    next_attempt_at: string | null;
    /** Only in lists. */
    last_used_at?: string | null;
    created_at: string;
    updated_at: string;
    /** Where one secret is answered: members that are no secret, and of `headers` the names. Absent where its type has none. */
    visible?: Record<string, unknown>;
    /** Of an `rs256` secret where it is answered by itself, the current one first; published at `jwks_uri`. */
    public_keys?: PublicKey[];
    jwks_uri?: string;
    /** For those who may edit the secret. */
    additional_params?: Record<string, string> | null;
    problem: Problem | null;
    /** The secret's own policy. */
    reveal: RevealPolicy;
    /** The stricter of the secret's and its tenant's. */
    reveal_effective: RevealPolicy;
    /** Where requests with it may go; empty: nowhere. */
    allowed_hosts: string[];
  },
  {
    workspace?: One<"workspace">;
    user?: One<"user">;
    auth_client?: One<"auth-client">;
  }
>;

export type SecretEventName =
  | "created"
  | "authorized"
  | "refreshed"
  | "refresh_failed"
  | "refused"
  | "reauthorization_needed"
  | "revealed"
  | "forgotten"
  | "edited";

export type SecretEvent = Resource<
  "secret-event",
  {
    event: SecretEventName;
    at: string;
    /** A name, or an actor; null when Latchkey acted by itself. */
    actor: string | { kind: string; id: string | null; name: string | null } | null;
    generation: number | null;
    duration_ms: number | null;
    code: string | null;
    detail: string | null;
    next_attempt_at: string | null;
  }
>;

export type RedirectUri = Resource<"redirect-uri", { redirect_uri: string; secret_name: string }>;

/** Why the last attempt to authorize a secret ended without tokens. */
export type AuthorizationFailure = Resource<
  "authorization-failure",
  {
    code: string;
    title: string;
    detail: string;
    who: "you" | "admin" | "provider";
    /** What to do now, in one or two sentences. */
    cure: string | null;
    /** The provider's own words, untrusted text. */
    provider_said: string | null;
    redirect_uri: string | null;
    at: string;
  }
>;
