import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
} from "drizzle-orm/pg-core";
import { bytea, createdAt, moment, reveal, revealCheck, tenantId } from "./columns";

/** What people edit. Tokens, lease and status are in token_state and never written from here (REFRESH I11). */
export const secrets = pgTable(
  "secrets",
  {
    tenantId: tenantId(),
    id: text("id").notNull(),
    workspaceId: text("workspace_id").notNull(),
    type: text("type").notNull(),
    name: text("name").notNull(),
    /** Normalised name: unique in the workspace without regard to case. */
    nameKey: text("name_key").notNull(),
    /** The last path segment of the redirect URI; fixed at creation. */
    secretName: text("secret_name").notNull(),
    authClientTenantId: text("auth_client_tenant_id"),
    authClientId: text("auth_client_id"),
    userId: text("user_id"),
    /** `state` and `error` as a client of the contract set them; for oauth2 the tokens tell, not this. */
    declaredState: text("declared_state"),
    declaredError: text("declared_error"),
    /** Scopes asked for, as typed. */
    scope: text("scope"),
    /** Sealed JSON: static credentials, or for oauth2 `additional_params` and `fields`. */
    sealed: bytea("sealed").notNull(),
    generation: integer("generation").notNull().default(1),
    createdAt: createdAt(),
    updatedAt: moment("updated_at").notNull().defaultNow(),
    reveal: reveal(),
    /** Where requests with it may go (lib/secrets/allowed-hosts.ts); empty: nowhere. */
    allowedHosts: text("allowed_hosts").array().notNull().default(sql`'{}'`),
  },
  (t) => [
    revealCheck("secrets_reveal", t.reveal),
    primaryKey({ columns: [t.tenantId, t.id] }),
    uniqueIndex("secrets_name").on(t.tenantId, t.workspaceId, t.nameKey),
    index("secrets_client").on(t.authClientId),
  ],
);

/** One row per oauth2 secret: REFRESH.md's row (g, n, status, current tokens, lease, fence). */
export const tokenState = pgTable(
  "token_state",
  {
    tenantId: tenantId(),
    secretId: text("secret_id").notNull(),
    workspaceId: text("workspace_id").notNull(),
    authClientTenantId: text("auth_client_tenant_id").notNull(),
    authClientId: text("auth_client_id").notNull(),
    /** unauthorized, active, suspect, dead, paused. */
    status: text("status").notNull().default("unauthorized"),
    grantId: text("grant_id"),
    generation: integer("generation").notNull().default(0),
    /** Sealed JSON of the current token set. */
    sealed: bytea("sealed"),
    expiresAt: moment("expires_at"),
    issuedAt: moment("issued_at"),
    receivedAt: moment("received_at"),
    lifetimeS: integer("lifetime_s"),
    hasRefreshToken: boolean("has_refresh_token").notNull().default(false),
    tokenType: text("token_type"),
    scopeGranted: text("scope_granted"),
    fingerprint: text("fingerprint"),
    refreshFingerprint: text("refresh_fingerprint"),
    /** When the refresher looks at this row next: the planned refresh, or the next attempt after a failure. Null: never by itself. */
    refreshDueAt: moment("refresh_due_at"),
    /** The provider asked for patience: no attempt before then. Apart from the due time, so that a row keeps its place in line. */
    notBefore: moment("not_before"),
    /** The refresher can renew it without a person: by refresh token, or by asking again where the grant allows that. */
    renewable: boolean("renewable").notNull().default(false),
    /** The generation whose presentation got no understood answer: explains a later refusal as a lost answer (REFRESH section 3). */
    lostGeneration: integer("lost_generation"),
    leaseHolder: text("lease_holder"),
    leaseUntil: moment("lease_until"),
    fence: bigint("fence", { mode: "number" }).notNull().default(0),
    attempt: text("attempt"),
    sentAt: moment("sent_at"),
    /** UNKNOWN from the moment a refresh token may have been presented until the answer is understood. */
    outcome: text("outcome"),
    /** Consecutive failed attempts. */
    failures: integer("failures").notNull().default(0),
    /** When the provider first refused; a second look must be at least the hold-off later. */
    suspectSince: moment("suspect_since"),
    problem: jsonb("problem").$type<Record<string, unknown>>(),
    updatedAt: moment("updated_at").notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.secretId] }),
    index("token_state_due").on(t.refreshDueAt).where(sql`refresh_due_at is not null`),
    // For the metrics: which token expires next, of those that are to be kept fresh.
    index("token_state_expiry")
      .on(t.expiresAt)
      .where(sql`renewable and status in ('active', 'suspect') and expires_at is not null`),
    // For webhooks: which token ends without anything to renew it.
    index("token_state_ending")
      .on(t.expiresAt)
      .where(sql`not renewable and status = 'active' and expires_at is not null`),
    index("token_state_workspace").on(t.tenantId, t.workspaceId),
    index("token_state_client").on(t.authClientId),
  ],
);

/** Where a provider said "slow down" (429): how fast a tenant may ask with this client until it says so again. */
export const tokenPace = pgTable(
  "token_pace",
  {
    tenantId: tenantId(),
    authClientId: text("auth_client_id").notNull(),
    /** Calls a second that were allowed when it last said so; grows with the time since. */
    rate: doublePrecision("rate").notNull(),
    /** Nothing is sent before then: Retry-After. */
    blockedUntil: moment("blocked_until").notNull(),
    throttledAt: moment("throttled_at").notNull(),
    /** Slots up to here are given out, whichever process has them. */
    nextAt: moment("next_at").notNull(),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.authClientId] })],
);

/** Every refresh token received for a grant until its successor was accepted (REFRESH I2). */
export const tokenLedger = pgTable(
  "token_ledger",
  {
    tenantId: tenantId(),
    secretId: text("secret_id").notNull(),
    grantId: text("grant_id").notNull(),
    /** Keyed hash of the refresh token: makes landing idempotent. */
    tokenMac: text("token_mac").notNull(),
    generation: integer("generation").notNull(),
    sealed: bytea("sealed").notNull(),
    issuedAt: moment("issued_at").notNull(),
    receivedAt: moment("received_at").notNull(),
    attempt: text("attempt").notNull(),
    /** current, predecessor, alternative or refused. */
    standing: text("standing").notNull(),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.secretId, t.grantId, t.tokenMac] })],
);

/**
 * Public halves of rs256 secrets, as they are shown and published; a copy: what verifies and decrypts is sealed with the
 * secret.
 */
export const publishedKeys = pgTable(
  "published_keys",
  {
    tenantId: tenantId(),
    secretId: text("secret_id").notNull(),
    /** RFC 7638 thumbprint. */
    kid: text("kid").notNull(),
    workspaceId: text("workspace_id").notNull(),
    /** sign or encrypt. */
    use: text("use").notNull(),
    n: text("n").notNull(),
    e: text("e").notNull(),
    bits: integer("bits").notNull(),
    /** The one that signs now; the others wait to be retired. */
    current: boolean("current").notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.secretId, t.kid] }),
    index("published_keys_workspace").on(t.workspaceId),
  ],
);

/** The timeline a person reads. */
export const secretEvents = pgTable(
  "secret_events",
  {
    tenantId: tenantId(),
    secretId: text("secret_id").notNull(),
    id: bigint("id", { mode: "number" }).generatedAlwaysAsIdentity(),
    event: text("event").notNull(),
    at: moment("at").notNull().defaultNow(),
    actor: text("actor"),
    generation: integer("generation"),
    durationMs: integer("duration_ms"),
    code: text("code"),
    detail: text("detail"),
    nextAttemptAt: moment("next_attempt_at"),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.secretId, t.id] })],
);

/** Authorizations under way. `state` and the browser cookie are kept as keyed hashes, the PKCE verifier sealed. */
export const oauthAttempts = pgTable(
  "oauth_attempts",
  {
    tenantId: tenantId(),
    stateMac: text("state_mac").notNull(),
    secretId: text("secret_id").notNull(),
    workspaceId: text("workspace_id").notNull(),
    userId: text("user_id").notNull(),
    sessionId: text("session_id").notNull(),
    browserMac: text("browser_mac").notNull(),
    authClientTenantId: text("auth_client_tenant_id").notNull(),
    authClientId: text("auth_client_id").notNull(),
    authClientVersion: integer("auth_client_version").notNull(),
    secretName: text("secret_name").notNull(),
    redirectUri: text("redirect_uri").notNull(),
    issuer: text("issuer"),
    /** Sealed; erased when consumed. */
    sealed: bytea("sealed"),
    createdAt: createdAt(),
    expiresAt: moment("expires_at").notNull(),
    consumedAt: moment("consumed_at"),
    /** What became of it, for the page a person lands on. */
    failure: jsonb("failure").$type<Record<string, unknown>>(),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.stateMac] }), index("oauth_attempts_secret").on(t.tenantId, t.secretId)],
);
