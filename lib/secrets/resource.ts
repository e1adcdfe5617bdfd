import { z } from "zod";
import { REVEAL_EXPECTED, REVEAL_POLICIES } from "@/lib/access/reveal-policy";
import type { Sensitive } from "@/lib/crypto/sensitive";
import type { Problem } from "@/lib/errors";
import { type Relationship, type Resource, related, relationshipTo } from "@/lib/http/json-api";
import { isoTime } from "@/lib/iso-time";
import type { Login } from "@/lib/oauth/grants/grant";
import { redirectUri } from "@/lib/oauth/redirect-names";
import type { StoredTokens } from "@/lib/oauth/token-set";
import type { GrantType } from "@/lib/secret-types/grant-types";
import { displayName, splitScopes } from "@/lib/secret-types/names";
import { needsBrowser } from "@/lib/secret-types/oauth2";
import { allowedHosts } from "./allowed-hosts";
import type { EventRow } from "./event-store";
import { jwksUri, spkiPem, toJwk } from "./jwks";
import type { PublishedKey } from "./published-key-store";
import type { SecretRow, TokenRow } from "./rows";
import { problemOf, stateOf, statusOf } from "./state";

/** Secrets on the wire, in and out (CONTRACT section 3, API.md "Auth secret"). */

const relationships = z.strictObject({
  auth_client: relationshipTo("auth-client").optional(),
});

/** What a client says of a secret besides its values. */
const declared = {
  state: z.enum(["ready", "error"], "must be ready or error").optional(),
  error: z.string().max(2000).nullish(),
  reveal: z.enum(REVEAL_POLICIES, REVEAL_EXPECTED).optional(),
  allowed_hosts: allowedHosts.optional(),
};

export const createBody = z.strictObject({
  data: z.strictObject({
    type: z.literal("auth-secret", "must be auth-secret"),
    attributes: z.strictObject({
      name: displayName,
      type: z.string().max(50).optional(),
      credentials: z.unknown().refine((value) => value !== undefined, "must be given; {} for a secret without values"),
      ...declared,
    }),
    relationships: relationships.optional(),
  }),
});

export type CreateBody = z.infer<typeof createBody>;

/** What would be added, to be tested: a name may come later. */
export const testBody = createBody.extend({
  data: createBody.shape.data.extend({
    attributes: createBody.shape.data.shape.attributes.extend({ name: displayName.optional() }),
  }),
});

export type TestBody = z.infer<typeof testBody>;

export const updateBody = z.strictObject({
  data: z.strictObject({
    type: z.literal("auth-secret", "must be auth-secret"),
    id: z.string().optional(),
    attributes: z
      .strictObject({
        name: displayName.optional(),
        type: z.string().max(50).optional(),
        credentials: z.unknown().optional(),
        ...declared,
      })
      .optional(),
    relationships: relationships.optional(),
  }),
});

export type UpdateBody = z.infer<typeof updateBody>;

/** Sealed with an oauth2 secret: what people typed that is no token. */
export interface OAuth2Extras {
  additional_params: Record<string, string>;
  fields: Record<string, unknown>;
  /** What is asked with, where the auth client asks with a user name and password. */
  login?: { [Name in keyof Login]: string };
}

/** Everything an entitled caller may read; the caller of `toResource` decides who is entitled. */
export type OpenCredentials =
  | { kind: "oauth2"; tokens: StoredTokens | null; extras: Sensitive<OAuth2Extras> }
  | { kind: "static"; values: Sensitive<Record<string, unknown>> };

export interface SecretView {
  /** Where a shared redirect URI replaces the secret's own. */
  sharedSecretName?: string | null;
  /** How its tokens come about; absent for other types than oauth2. */
  grantType?: GrantType;
  credentials?: OpenCredentials;
  /** For the edit form: shown to whoever may edit, no secret among them. */
  additionalParams?: Record<string, string>;
  /** Of a static secret: what anybody who sees it may see of its values. */
  visible?: Record<string, unknown>;
  /** Of an rs256 secret, the current one first. */
  publicKeys?: PublishedKey[];
  lastUsedAt?: Date | null;
  problem?: Problem | null;
}

const iso = (ms: number | null) => (ms === null ? null : isoTime(ms));

export function toResource(row: SecretRow, view: SecretView = {}): Resource {
  const status = statusOf(row);
  const state = stateOf(status);
  const problem = problemOf(row);
  const oauth2 = row.type === "oauth2";
  const attributes: Record<string, unknown> = {
    name: row.name,
    type: row.type,
    state: oauth2 ? state : (row.declaredState ?? state),
  };
  const error = oauth2
    ? state === "error" && problem
      ? `${problem.title}. ${problem.detail}`
      : null
    : row.declaredError;
  if (error) attributes.error = error;
  if (view.credentials) attributes.credentials = wireCredentials(row, view.credentials);
  Object.assign(attributes, {
    status,
    problem,
    grant_type: view.grantType ?? null,
    redirect_uri: hasRedirect(view, oauth2) ? redirectUri(view.sharedSecretName ?? row.secretName) : null,
    // Without a token, the column says since when one is missing.
    expires_at: row.fingerprint === null ? null : iso(row.expiresMs),
    refresh_due_at: iso(row.dueMs),
    next_attempt_at: (row.failures ?? 0) > 0 ? iso(row.dueMs) : null,
    issued_at: iso(row.issuedMs),
    lifetime_s: row.lifetimeS,
    generation: row.tokenGeneration ?? row.generation,
    scopes_requested: view.grantType === "token_request" ? asTyped(row.scope) : splitScopes(row.scope),
    scopes_granted: splitScopes(row.scopeGranted),
    has_access_token: row.fingerprint !== null,
    has_refresh_token: row.hasRefreshToken,
    fingerprint: row.fingerprint,
    refresh_fingerprint: row.refreshFingerprint,
    created_at: iso(row.createdMs),
    updated_at: iso(row.updatedMs),
    reveal: row.reveal,
    reveal_effective: row.revealEffective,
    allowed_hosts: row.allowedHosts,
    ...(view.visible ? { visible: view.visible } : {}),
    ...(view.publicKeys ? { public_keys: view.publicKeys.map(toPublicKey), jwks_uri: jwksUri(row.workspaceId) } : {}),
    ...(view.additionalParams ? { additional_params: view.additionalParams } : {}),
    ...(view.lastUsedAt === undefined ? {} : { last_used_at: view.lastUsedAt?.toISOString() ?? null }),
  });
  const links: Record<string, Relationship> = {
    workspace: related("workspace", row.workspaceId, `/v2/workspaces/${row.workspaceId}`),
  };
  if (row.userId) links.user = related("user", row.userId, `/v2/users/${row.userId}`);
  if (row.authClientId)
    links.auth_client = related("auth-client", row.authClientId, `/v2/auth-clients/${row.authClientId}`);
  return {
    id: row.id,
    type: "auth-secret",
    attributes,
    relationships: links,
    links: { self: `/v2/workspaces/${row.workspaceId}/secrets/${row.id}` },
  };
}

/** The scope of a token request is one text, whatever it looks like (seed 003). */
const asTyped = (scope: string | null) => (scope ? [scope] : []);

function hasRedirect(view: SecretView, oauth2: boolean): boolean {
  return oauth2 && (view.grantType === undefined || needsBrowser(view.grantType));
}

/** A public key as people and programs take it along. */
function toPublicKey(key: PublishedKey): Record<string, unknown> {
  return {
    kid: key.kid,
    bits: key.bits,
    current: key.current,
    created_at: key.createdAt.toISOString(),
    pem: spkiPem(key),
    jwk: toJwk(key),
  };
}

/** The contract's token members, as its clients read them: the first door (HOUSE sentence 4). */
function wireCredentials(row: SecretRow, open: OpenCredentials): Record<string, unknown> {
  if (open.kind === "static") return open.values.reveal();
  const { tokens } = open;
  const extras = open.extras.reveal();
  const shared = {
    additional_params: JSON.stringify(extras.additional_params),
    undefined_params: tokens?.undefined_params.reveal() ?? {},
    fields: extras.fields,
  };
  if (!tokens) return { ...(row.scope === null ? {} : { scope: row.scope }), ...shared };
  return {
    access_token: tokens.access_token.reveal(),
    ...(tokens.refresh_token === null ? {} : { refresh_token: tokens.refresh_token.reveal() }),
    token_type: tokens.token_type,
    ...(row.lifetimeS === null ? {} : { expires_in: row.lifetimeS }),
    ...(row.expiresMs === null ? {} : { expires_at: iso(row.expiresMs) }),
    scope: tokens.scope ?? row.scope ?? "",
    ...shared,
  };
}

export interface TokenView {
  accessToken: Sensitive<string>;
  row: TokenRow;
}

/** API.md `token`: the least that makes a call. */
export function toTokenResource({ accessToken, row }: TokenView): Resource {
  return {
    id: row.id,
    type: "token",
    attributes: {
      access_token: accessToken.reveal(),
      token_type: row.tokenType ?? "Bearer",
      expires_at: iso(row.expiresMs),
      valid_for: row.expiresMs === null ? null : Math.max(0, Math.floor((row.expiresMs - row.nowMs) / 1000)),
      generation: row.tokenGeneration ?? 0,
      fingerprint: row.fingerprint,
      scope: row.scopeGranted ?? row.scope ?? "",
    },
    links: { self: `/v2/workspaces/${row.workspaceId}/secrets/${row.id}/token` },
  };
}

export function toEventResource(event: EventRow): Resource {
  return {
    id: String(event.id),
    type: "secret-event",
    attributes: {
      event: event.event,
      at: event.at.toISOString(),
      actor: event.actor,
      generation: event.generation,
      duration_ms: event.durationMs,
      code: event.code,
      detail: event.detail,
      next_attempt_at: event.nextAttemptAt?.toISOString() ?? null,
    },
  };
}

/** What is wrong although the answer serves (API.md "Exact shapes"); undefined when all is well. */
export function refreshMeta(row: TokenRow): Record<string, unknown> | undefined {
  const status = statusOf(row);
  const problem = problemOf(row);
  if (status === "paused" && problem)
    return { outcome: "paused", code: problem.code, detail: problem.detail, next_attempt_at: iso(row.nextProbeMs) };
  if ((row.failures ?? 0) > 0 && problem)
    return { outcome: "failed", code: problem.code, detail: problem.detail, next_attempt_at: iso(row.dueMs) };
  return undefined;
}
