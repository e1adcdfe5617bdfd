import type { Problem } from "@/lib/errors";
import type { SecretTypeName } from "@/lib/secret-types";
import type { GrantType } from "@/lib/secret-types/grant-types";
import type { WebhookEvent } from "@/lib/webhooks/events";
import type { Resource } from "./client";

/** The wire's resources (CONTRACT.md sections 2 and 3, API.md). Times are ISO texts, lengths whole seconds unless named otherwise. */

type One<Type extends string> = { data: { id: string; type: Type } | null };
type Many<Type extends string> = { data: { id: string; type: Type }[] };

export type AuthClientType = "oauth2" | "noauth" | "basic" | "api_key";
export type SecretType = SecretTypeName;
export type Visibility = "workspace" | "contract" | "tenant" | "global";
export type { GrantType, Problem };

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

/** Whom a proxy lets through to a program that Latchkey guards. */
export type Endpoint = Resource<
  "endpoint",
  {
    name: string;
    /** Everybody may pass. */
    open_access: boolean;
    /** What a token must have. */
    scopes: string[];
    /** What a token must say; null: as its secret has it. */
    issuer: string | null;
    audience: string | null;
    /** What the proxy asks. */
    check_url: string;
    /** The secrets that open it; of one that was deleted only the id is left. */
    opened_by: { id: string; name: string | null; type: SecretType | null }[];
    /** What keeps callers out although nobody meant to. */
    problem: { code: "no_secrets" | "secrets_deleted"; title: string; detail: string } | null;
    created_at: string;
    updated_at: string;
  },
  { workspace?: One<"workspace">; secrets?: Many<"auth-secret"> }
>;

/** Like checks of a minute. */
export type EndpointCheck = Resource<
  "endpoint-check",
  {
    outcome: "opened" | "refused" | "failed";
    /** A sentence; null where a secret opened it. */
    reason: string | null;
    secret: { id: string; name: string | null } | null;
    /** Null: not known, or one of too many to tell apart. */
    address: string | null;
    count: number;
    first_at: string;
    last_at: string;
  }
>;

/** Why a token is older than asked for, while it still serves. */
export interface RefreshTrouble {
  outcome: "failed" | "slow" | "paused" | "too_short";
  code: string | null;
  detail: string | null;
  next_attempt_at: string | null;
}

export type Token = Resource<
  "token",
  {
    access_token: string;
    token_type: string;
    expires_at: string | null;
    /** Seconds; null means no expiry. */
    valid_for: number | null;
    generation: number;
    fingerprint: string;
    scope: string | null;
  }
>;

export type Authorization = Resource<"authorization", { url: string; redirect_uri: string; expires_at: string }>;
export type RevealedValue = Resource<"value", { field: string; value: string }>;
export type SignedJwt = Resource<"jwt", { token: string; alg: string; kid: string | null; expires_at: string }>;
export type SignedPayload = Resource<"jws", { token: string; alg: string; kid: string | null }>;
export type VerifiedPayload = Resource<"payload", { payload: string; alg: string; kid: string | null }>;
export type JwtClaims = Resource<
  "claims",
  { claims: Record<string, unknown> & { iat?: number; exp?: number }; alg: string; kid: string | null }
>;
export type Jwe = Resource<"jwe", { token: string; kid: string | null }>;
export type Plaintext = Resource<"plaintext", { plaintext: string; kid: string | null }>;
/** What came back of a request that Latchkey made; the secret's value is masked in it. */
export type HttpAnswer = Resource<
  "response",
  {
    status: number;
    headers: Record<string, string>;
    /** One of the two: the second where it is no text. */
    body?: string;
    body_base64?: string;
    duration_ms: number;
    /** 2: a refused token was renewed in between. */
    tries: number;
    /** How often the secret's value was found and covered. */
    masked: number;
  }
>;

export type SqlRows = Resource<
  "sql-result",
  {
    rows: unknown[][];
    columns: { name: string; type: string }[];
    row_count: number;
    truncated: boolean;
    affected: number | null;
    duration_ms: number;
  }
>;

/** A login that worked: what the server says it is. */
export type ConnectionTest = Resource<"connection-test", { server: string; tls: boolean; duration_ms: number }>;

/** One HTTP request and its answer, values masked; `response` is null where none came. */
export interface MaskedExchange {
  request: { method: string; url: string; headers: Record<string, string>; body: string };
  response: { status: number; headers: Record<string, string>; body: string } | null;
}

/** A token request as it was sent and answered: twice where the way to prove the client had to be found out. */
export type TokenTest = Resource<
  "token-test",
  {
    /** `token`: it is kept. */
    outcome: "token" | "refused" | "no_answer";
    detail: string;
    problem: Problem | null;
    expires_at: string | null;
    exchanges: MaskedExchange[];
    duration_ms: number;
  }
>;
export type RedirectUri = Resource<"redirect-uri", { redirect_uri: string; secret_name: string }>;

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

export type Workspace = Resource<
  "workspace",
  { name: string; redirect_code?: string | null; created_at?: string },
  { contract?: One<"contract">; tenant?: One<"tenant"> }
>;
export type Contract = Resource<"contract", { name: string }, { tenant?: One<"tenant"> }>;
export type Tenant = Resource<"tenant", { name: string; reveal: RevealPolicy }>;
export type User = Resource<"user", { first_name: string; last_name: string; email: string }>;

/** A person with the roles in the tenant that was asked for; none when everybody was. */
export type Person = Resource<
  "user",
  User["attributes"] & {
    registered?: string | null;
    last_login?: string | null;
    roles: { role: string; scope: string; id: string }[];
  }
>;

export type ApiKey = Resource<
  "api-key",
  {
    name: string;
    /** Only in the answer to its creation. */
    key?: string;
    /** The recognisable beginning of the key. */
    prefix?: string | null;
    /** Null: all that the person may do. */
    permissions?: string[] | null;
    /** Ids of the only workspaces it reaches; null: all of the person's. */
    workspaces?: string[] | null;
    /** IP addresses and ranges it works from; null: anywhere. */
    allowed_addresses?: string[] | null;
    created_at?: string;
    expires_at?: string | null;
    last_used_at?: string | null;
  }
>;

export type TaskIdentity = Resource<
  "task-identity",
  {
    name: string;
    username: string;
    /** Only in the answer to its creation. */
    api_key?: string;
    permissions?: string[];
    /** IP addresses and ranges it works from; null: anywhere. */
    allowed_addresses?: string[] | null;
    created_at?: string;
    expires_at?: string | null;
    last_used_at?: string | null;
  }
>;

export type Session = Resource<
  "session",
  {
    /** This very session. */
    current?: boolean;
    created_at?: string;
    last_used_at?: string | null;
    expires_at?: string | null;
    ip?: string | null;
    source?: string | null;
    user_agent?: string | null;
  }
>;

export type Activity = Resource<
  "activity",
  {
    at: string;
    actor: { kind: string; id: string | null; name: string | null } | null;
    /** Such as `secret.reveal`. */
    action: string;
    outcome: string;
    target: { type: string; id: string | null; name: string | null } | null;
    via: string | null;
    request_id: string | null;
    /** Where a request went or will go, when the entry is about one. */
    host: string | null;
    detail: string | Record<string, unknown> | null;
    source: string | null;
  }
>;

/** How the instance is set up, for its operator. Holds no secret value. */
export type Instance = Resource<
  "instance",
  {
    version: string;
    node_version: string;
    started_at: string;
    role: "all" | "web" | "worker";
    url: string;
    https: boolean;
    database: { kind: "embedded" | "external"; version: string; connections: number };
    egress_allow: string[];
    egress_allow_since: string | null;
    trusted_proxies: string[];
    /** The first wraps, all open. */
    master_key_ids: string[];
    audit: { retention_days: number; since: string | null };
    refresh_lead_s: number;
    metrics_protected: boolean;
    log_level: string;
    /** LATCHKEY_BOOTSTRAP_* are still set although the first account exists. */
    bootstrap_settings_left: boolean;
  }
>;

/** A master key by its id; its value is nowhere to be had. */
export type MasterKey = Resource<
  "master-key",
  {
    /**
     * current: every living process wraps with it. in_use: it still wraps. prepared: it never wrapped anything. done: it wrapped
     * and wraps nothing any more.
     */
    state: "current" | "in_use" | "prepared" | "done";
    /** Tenant keys it wraps. */
    tenant_keys: number;
    /** How many living processes have it. */
    processes: number;
  }
>;

/** Where the rotation of the master key stands. */
export interface RotationMeta {
  next: "none" | "spread" | "align" | "promote" | "wait" | "remove";
  tenant_keys: number;
  processes: {
    host: string;
    pid: number;
    role: "all" | "web" | "worker";
    /** The setting its keys come from. */
    source: string;
    /** The first wraps, all open. */
    master_key_ids: string[];
  }[];
}

export type { WebhookEvent };

export type Webhook = Resource<
  "webhook",
  {
    name: string;
    url: string;
    events: WebhookEvent[];
    enabled: boolean;
    /** Why Latchkey switched it off: the receiver answered 410, or nothing arrived for days. */
    off: { code: "gone" | "failing"; detail: string; at: string } | null;
    /** Null: none is chosen, or it is gone. */
    auth_secret_name: string | null;
    /** `whsec_…`: in the answer that made it, and never again. */
    signing_secret?: string;
    /** Until then the signing secret before this one signs, too. */
    previous_secret_until: string | null;
    failing_since: string | null;
    delivered_at: string | null;
    created_at: string;
    updated_at: string;
  },
  { workspace: One<"workspace">; auth_secret?: One<"auth-secret"> }
>;

export type WebhookDelivery = Resource<
  "webhook-delivery",
  {
    /** As the header `webhook-id` says it. */
    message_id: string;
    event: WebhookEvent | "webhook.test";
    /** How many secrets, or auth clients, it tells of. */
    count: number;
    state: "pending" | "delivered" | "failed";
    attempts: number;
    /** Of the last attempt. */
    status: number | null;
    duration_ms: number | null;
    error: { code: string; detail: string } | null;
    created_at: string;
    attempted_at: string | null;
    next_attempt_at: string | null;
    finished_at: string | null;
  },
  { webhook: One<"webhook"> }
>;
