import { randomUUID } from "node:crypto";
import type { Caller } from "@/lib/access/caller";
import type { Permission } from "@/lib/access/permissions";
import { permit, requireRecentSignIn } from "@/lib/access/permit";
import type { WorkspaceScope } from "@/lib/access/scope";
import { countFor } from "@/lib/accounts/person-limits";
import { resolveWorkspace } from "@/lib/accounts/places";
import { recordWith } from "@/lib/audit/record";
import { openOAuthClient } from "@/lib/auth-clients/service";
import { systemClock } from "@/lib/clock";
import { settings } from "@/lib/config";
import { inTenant } from "@/lib/db/tx";
import { AppError, notFound, type Problem } from "@/lib/errors";
import { type Page, pageOffset, type Resource } from "@/lib/http/json-api";
import { isId } from "@/lib/ids";
import { redirectUri } from "@/lib/oauth/redirect-names";
import { ensureFresh, type Freshened, type RowView } from "@/lib/refresher/ensure-fresh";
import { cappedValidityMs } from "@/lib/refresher/policy";
import type { Want } from "@/lib/refresher/world";
import type { GrantType } from "@/lib/secret-types/grant-types";
import { needsBrowser } from "@/lib/secret-types/oauth2";
import { openCredentials, openTokens } from "./opened";
import { refreshMeta, toEventResource, toTokenResource } from "./resource";
import { type Revocable, revokeTokens } from "./revoke-tokens";
import { findSecret, recordDenied, revocable, viewOne } from "./service";
import { isExpired, problemOf } from "./state";
import * as store from "./store";
import { forgetTokens, lockTokens, startAnew } from "./token-store";

/** Use cases of a secret's tokens: hand out, report as refused, refresh, reveal, forget, authorize, history. */

const USE: Permission = "workspaces.auth_secret.use";
const REFRESH: Permission = "workspaces.auth_secret.refresh";
const REVEAL: Permission = "workspaces.auth_secret.get_credentials";
const EDIT: Permission = "workspaces.auth_secret.edit";
const GET: Permission = "workspaces.auth_secret.get";

/** Existing clients give up after 10 s and ask again; API.md promises 8. */
const REFRESH_WAIT_MS = 7_500;
const REFUSED_WAIT_MS = 8_000;
/** A refresh that landed this recently is the answer to "refresh". */
const JUST_NOW_MS = 2_000;

export interface TokenAnswer {
  resource: Resource;
  meta: Record<string, unknown>;
}

/**
 * The workspace, when the caller holds the permission there.
 *
 * @throws AppError not_found, forbidden
 */
export async function permitted(
  caller: Caller,
  permission: Permission,
  workspaceId: string,
  id: string,
): Promise<WorkspaceScope> {
  const scope = await resolveWorkspace(caller, workspaceId, permission);
  await permit(caller, permission, scope, { type: "auth-secret", id });
  if (!isId(id)) throw notFound("secret");
  return scope;
}

/**
 * The current access token with at least `minimumValidityS` left, refreshed first when needed; the stored one is never
 * refused while it satisfies the caller (API.md `GET token`).
 *
 * @throws AppError needs_person (409), provider_fault (424), bad_request for a type without tokens
 */
export async function readToken(
  caller: Caller,
  workspaceId: string,
  id: string,
  ask: { minimumValidityS: number; waitS: number },
): Promise<TokenAnswer> {
  const scope = await permitted(caller, USE, workspaceId, id);
  await requireKey(caller, scope, id);
  let row = await readRow(caller, scope, id, "secret.token");
  const { validityMs, capped } = cappedValidityMs(ask.minimumValidityS * 1000, row.lifetimeS);
  let came: Freshened | null = null;
  if (!satisfies(row, validityMs) && row.renewable) {
    came = await freshen(row, scope, { validityMs, generation: null, insist: false }, ask.waitS * 1000, null);
    row = await readRow(caller, scope, id, "secret.token");
  }
  if (!satisfies(row, 0)) throw unserved(row, came);
  const satisfied = satisfies(row, validityMs);
  return {
    resource: toTokenResource({ accessToken: (await current(row)).access_token, row }),
    meta: trouble(row, satisfied ? null : came, capped),
  };
}

/**
 * An API refused the token with this fingerprint: a newer one is answered at once, the current one causes one refresh for
 * all who report it (API.md `POST refused`).
 */
export async function reportRefused(
  caller: Caller,
  workspaceId: string,
  id: string,
  reported: string,
): Promise<TokenAnswer> {
  const scope = await permitted(caller, USE, workspaceId, id);
  await requireKey(caller, scope, id);
  const look = () => readRow(caller, scope, id, "secret.refused");
  const row = await renewRefused(caller, scope, await look(), reported, look);
  return {
    resource: toTokenResource({ accessToken: (await current(row)).access_token, row }),
    meta: trouble(row, null, false),
  };
}

/**
 * The row with a token newer than the refused one, renewed first when that is the current one.
 *
 * @param again reads the row once more, recorded as the caller's own use
 * @throws AppError needs_person, provider_fault when there is none
 */
export async function renewRefused<Row extends store.TokenRow>(
  caller: Caller,
  scope: WorkspaceScope,
  before: Row,
  reported: string,
  again: () => Promise<Row>,
): Promise<Row> {
  let row = before;
  let came: Freshened | null = null;
  if (row.fingerprint !== null && reported === row.fingerprint && row.tokenGeneration !== null) {
    const generation = row.tokenGeneration;
    await inTenant(scope.tenantId, (tx) =>
      store.insertEventOnce(tx, scope.tenantId, row.id, {
        event: "refused",
        actor: caller.name,
        generation,
        detail: "Reported as refused by the API it is for.",
      }),
    );
    if (!row.renewable) throw unserved(row, null, REFUSED_FOR_GOOD(row));
    came = await freshen(row, scope, { validityMs: 0, generation, insist: false }, REFUSED_WAIT_MS, caller.name);
    row = await again();
    if (row.tokenGeneration === generation) throw unserved(row, came);
  }
  if (!satisfies(row, 0)) throw unserved(row, came);
  return row;
}

/** Asks the provider now; joins a refresh in flight or just landed (CONTRACT "Refresh semantics", API.md). */
export async function refreshSecret(caller: Caller, workspaceId: string, id: string): Promise<TokenAnswer> {
  const scope = await permitted(caller, REFRESH, workspaceId, id);
  let row = await findSecret(caller, scope, id, REFRESH);
  if (row.type !== "oauth2")
    throw new AppError("not_refreshable", `A secret of type ${row.type} has nothing to refresh.`);
  if (row.status === "dead") {
    // A person who asks again has mended something at the provider; programs repeat whatever fails.
    if (caller.via !== "session" || needsBrowser(await grantTypeOf(row))) throw unserved(row, null);
    await inTenant(scope.tenantId, async (tx) => {
      await lockTokens(tx, scope.tenantId, id);
      await startAnew(tx, scope.tenantId, id, randomUUID());
    });
    row = await findSecret(caller, scope, id, REFRESH);
  }
  if (!row.renewable)
    throw new AppError(
      "not_refreshable",
      "There is no refresh token, so nothing can be refreshed without a person. Request an access token.",
      {
        problem: problemOf(row) ?? undefined,
      },
    );
  if (row.clientProblem) {
    if (!satisfies(row, 0)) throw unserved(row, null);
  } else if (!landedJustNow(row)) {
    const want: Want = { validityMs: 0, generation: row.tokenGeneration, insist: true };
    const came = await freshen(row, scope, want, REFRESH_WAIT_MS, caller.name);
    const generation = row.tokenGeneration;
    row = await findSecret(caller, scope, id, REFRESH);
    if (row.tokenGeneration === generation) {
      if (!satisfies(row, 0)) throw unserved(row, came);
      return refreshed(caller, scope, row, trouble(row, came, false));
    }
  }
  return refreshed(caller, scope, row, trouble(row, null, false));
}

async function refreshed(
  caller: Caller,
  scope: WorkspaceScope,
  row: store.SecretRow,
  meta: Record<string, unknown>,
): Promise<TokenAnswer> {
  return { resource: (await viewOne(caller, scope, row, "refreshed")).resource, meta };
}

function landedJustNow(row: store.SecretRow): boolean {
  // The first tokens of a grant that has a refresh token came by consent or by hand, not by asking.
  const asked = (row.tokenGeneration ?? 0) > 1 || !row.hasRefreshToken;
  return row.receivedMs !== null && row.nowMs - row.receivedMs < JUST_NOW_MS && asked && satisfies(row, 0);
}

/** How this secret's tokens come about. */
async function grantTypeOf(row: store.SecretRow): Promise<GrantType> {
  const { authClientTenantId, authClientId } = row;
  const client = authClientTenantId && authClientId ? await openOAuthClient(authClientTenantId, authClientId) : null;
  return client?.options.grant_type ?? "authorization_code";
}

/**
 * One value for a person who asked to see it: recorded first, for a browser only after a recent sign-in, not without measure, and
 * not where the secret or its tenant says never (VAL-2).
 *
 * @throws AppError reauth_required, reveal_forbidden, throttled, invalid_attribute, not_found, forbidden
 */
export async function revealValue(caller: Caller, workspaceId: string, id: string, field: string): Promise<Resource> {
  const scope = await permitted(caller, REVEAL, workspaceId, id);
  await refuseNeverShown(caller, scope, id, field);
  requireRecentSignIn(caller, systemClock.now());
  await limitReveals(caller, scope, id);
  const row = await store.readSecretAudited(caller, scope, id, "secret.revealed", { field });
  if (!row) throw notFound("secret");
  // It may be never since the look above. Recorded as denied then: entry and row come from one statement.
  if (row.revealEffective === "never") throw neverShown(row);
  const open = await openCredentials(row);
  const values: Record<string, unknown> =
    open.kind === "static"
      ? open.values.reveal()
      : { access_token: open.tokens?.access_token.reveal(), refresh_token: open.tokens?.refresh_token?.reveal() };
  const value = memberOf(values, field);
  if (value === undefined || value === null)
    throw new AppError("invalid_attribute", "There is no such value in this secret.", {
      source: { pointer: "/field" },
    });
  await inTenant(scope.tenantId, (tx) =>
    store.insertEvent(tx, scope.tenantId, id, {
      event: "revealed",
      actor: caller.name,
      generation: row.tokenGeneration,
      detail: field,
    }),
  );
  return {
    id: row.id,
    type: "value",
    attributes: { field, value: typeof value === "string" ? value : JSON.stringify(value) },
  };
}

/** Before a password is asked for that would change nothing, and before it counts. */
async function refuseNeverShown(caller: Caller, scope: WorkspaceScope, id: string, field: string): Promise<void> {
  const row = await findSecret(caller, scope, id, "secret.revealed");
  if (row.revealEffective !== "never") return;
  const target = { type: "auth-secret", id, name: row.name };
  await recordDenied(caller, scope, "secret.revealed", target, { field });
  throw neverShown(row);
}

/** A member, or one of a member's own: `headers.X-API-Key`. */
function memberOf(values: Record<string, unknown>, field: string): unknown {
  if (Object.hasOwn(values, field)) return values[field];
  const dot = field.indexOf(".");
  const member = dot > 0 && Object.hasOwn(values, field.slice(0, dot)) ? values[field.slice(0, dot)] : undefined;
  if (typeof member !== "object" || member === null) return undefined;
  const inner = field.slice(dot + 1);
  return Object.hasOwn(member, inner) ? (member as Record<string, unknown>)[inner] : undefined;
}

function neverShown(row: store.SecretRow): AppError {
  return new AppError(
    "reveal_forbidden",
    row.reveal === "never"
      ? "The values of this secret are never shown to people. Who may edit the secret can change that; where the tenant says never, too, the tenant's owner."
      : "The tenant never shows values to people. The tenant's owner can change that.",
  );
}

async function limitReveals(caller: Caller, scope: WorkspaceScope, id: string): Promise<void> {
  const waitMs = await countFor(caller, "reveal");
  if (waitMs <= 0) return;
  await recordDenied(caller, scope, "secret.revealed", { type: "auth-secret", id });
  const retryAfterS = Math.ceil(waitMs / 1000);
  throw new AppError(
    "throttled",
    `You have shown many values in a short time. The next one can be shown in ${retryAfterS} second${retryAfterS === 1 ? "" : "s"}.`,
    {
      retryAfterS,
    },
  );
}

/**
 * Tokens gone here, and revoked at the provider where it offers RFC 7009. Where Latchkey asks by itself, the next one is asked
 * for at once.
 */
export async function forgetSecretTokens(caller: Caller, workspaceId: string, id: string): Promise<void> {
  const scope = await permitted(caller, EDIT, workspaceId, id);
  const row = await findSecret(caller, scope, id, EDIT);
  requireOAuth2(row);
  const byItself = !needsBrowser(await grantTypeOf(row));
  let tokens: Revocable | null = null;
  await inTenant(scope.tenantId, async (tx) => {
    tokens = await revocable(row, await lockTokens(tx, scope.tenantId, id));
    if (byItself) await startAnew(tx, scope.tenantId, id, randomUUID());
    else await forgetTokens(tx, scope.tenantId, id);
    await store.insertEvent(tx, scope.tenantId, id, {
      event: "forgotten",
      actor: caller.name,
      generation: row.tokenGeneration,
    });
    await recordWith(tx, caller, {
      tenantId: scope.tenantId,
      workspaceId: scope.workspaceId,
      action: "secret.forgotten",
      target: { type: "auth-secret", id, name: row.name },
      generation: row.tokenGeneration,
    });
    await store.notifyChange(tx, scope.workspaceId, id);
  });
  if (tokens) await revokeTokens(tokens);
}

/** An authorization link works for this long after it was asked for; the flow it starts has ten minutes of its own. */
const LINK_MS = 10 * 60_000;

/** Where a signed-in person goes to grant access (API.md `POST authorize`). */
export async function authorizationLink(caller: Caller, workspaceId: string, id: string): Promise<Resource> {
  const scope = await permitted(caller, EDIT, workspaceId, id);
  const row = await findSecret(caller, scope, id, EDIT);
  requireOAuth2(row);
  const grantType = await grantTypeOf(row);
  if (!needsBrowser(grantType))
    throw new AppError(
      "bad_request",
      `Nobody has to authorize this secret: its auth client has the grant type ${grantType}, with which Latchkey asks for tokens by itself. Ask for one with POST …/refresh.`,
    );
  const { resource } = await viewOne(caller, scope, row, "no-values");
  const expiresAt = systemClock.now() + LINK_MS;
  return {
    id: row.id,
    type: "authorization",
    attributes: {
      url: `${settings().url}/api/oauth/authorize/${row.id}?until=${Math.floor(expiresAt / 1000)}`,
      redirect_uri: resource.attributes.redirect_uri ?? redirectUri(row.secretName),
      expires_at: new Date(expiresAt).toISOString(),
    },
  };
}

export async function readHistory(
  caller: Caller,
  workspaceId: string,
  id: string,
  page: Page,
): Promise<{ resources: Resource[]; total: number }> {
  const scope = await permitted(caller, GET, workspaceId, id);
  await findSecret(caller, scope, id, GET);
  const { rows, total } = await inTenant(scope.tenantId, (tx) =>
    store.listEvents(tx, scope.tenantId, id, pageOffset(page)),
  );
  return { resources: rows.map(toEventResource), total };
}

/** Answers to a browser session never hold a token (VAL-1); people reveal. */
async function requireKey(caller: Caller, scope: WorkspaceScope, id: string): Promise<void> {
  if (caller.via !== "session") return;
  await recordDenied(caller, scope, USE, { type: "auth-secret", id });
  throw new AppError(
    "forbidden",
    "Tokens are handed to API keys only. In the browser, use Manage tokens to reveal one.",
  );
}

function requireOAuth2(row: store.TokenRow): void {
  if (row.type !== "oauth2") throw new AppError("bad_request", `A secret of type ${row.type} has no tokens.`);
}

async function readRow(
  caller: Caller,
  scope: WorkspaceScope,
  id: string,
  action: "secret.token" | "secret.refused",
): Promise<store.TokenRow> {
  const row = await store.readTokenAudited(caller, scope, id, action);
  if (!row) throw notFound("secret");
  requireOAuth2(row);
  return row;
}

/** A token is there and lives longer than asked. */
export function satisfies(row: store.TokenRow, validityMs: number): boolean {
  if (row.tokenSealed === null) return false;
  return row.expiresMs === null || row.expiresMs - row.nowMs > validityMs;
}

async function current(row: store.TokenRow) {
  const tokens = await openTokens(row);
  if (!tokens) throw unserved(row, null);
  return tokens;
}

/** Has the secret's token renewed, or waits for whoever does. */
export function freshen(
  row: store.TokenRow,
  scope: WorkspaceScope,
  want: Want,
  waitMs: number,
  actor: string | null,
): Promise<Freshened> {
  return ensureFresh(
    {
      tenantId: row.tenantId,
      secretId: row.id,
      authClientTenantId: row.authClientTenantId as string,
      authClientId: row.authClientId as string,
    },
    want,
    { waitMs, actor, look: async () => viewOf(await store.readSecret(scope, row.id)) },
  );
}

function viewOf(row: store.TokenRow | null): RowView | null {
  if (!row || row.tokenGeneration === null) return null;
  const resting = (row.failures ?? 0) > 0 && row.dueMs !== null && row.dueMs > row.nowMs;
  return {
    generation: row.tokenGeneration,
    validForMs: row.expiresMs === null ? null : row.expiresMs - row.nowMs,
    leased: row.leased,
    attemptable:
      row.renewable === true && (row.status === "active" || row.status === "suspect") && !resting && !row.clientProblem,
  };
}

function trouble(row: store.TokenRow, came: Freshened | null, capped: boolean): Record<string, unknown> {
  const known = refreshMeta(row);
  if (known) return { refresh: known };
  if (came?.kind === "slow")
    return {
      refresh: {
        outcome: "slow",
        code: "provider_failing",
        detail: "The provider has not answered yet; the refresh goes on.",
        next_attempt_at: null,
      },
    };
  if (came?.kind === "failed")
    return { refresh: { outcome: "failed", code: came.code, detail: came.detail, next_attempt_at: null } };
  if (came?.kind === "closed")
    return {
      refresh: {
        outcome: "failed",
        ...closedBy(came),
        next_attempt_at: new Date(row.nowMs + came.retryAfterMs).toISOString(),
      },
    };
  if (capped)
    return {
      refresh: {
        outcome: "too_short",
        code: "too_short",
        detail: `This token lives ${row.lifetimeS} s; more than half of that cannot be asked for.`,
        next_attempt_at: null,
      },
    };
  return {};
}

/** No call was made: the provider gets a rest, or asked for one. */
function closedBy(came: Extract<Freshened, { kind: "closed" }>): Pick<Problem, "code" | "detail"> {
  return came.throttled
    ? { code: "throttled", detail: "The provider asked this auth client to slow down, so this secret waits its turn." }
    : {
        code: "provider_unreachable",
        detail: "The provider has not been answering, so it is given a rest before it is asked again.",
      };
}

const REFUSED_FOR_GOOD = (row: store.TokenRow): Problem => ({
  code: "unauthorized",
  title: "The access token was refused",
  detail: "The API refused it, and there is no refresh token to get another with. Request an access token.",
  who: "you",
  since: new Date(row.nowMs).toISOString(),
});

/** No token to give: 409 when a person must act, 424 when the provider is at fault. */
export function unserved(row: store.TokenRow, came: Freshened | null, given?: Problem): AppError {
  const problem = given ?? problemOf(row) ?? fallback(row, came);
  const retryAfterMs =
    came?.kind === "closed"
      ? came.retryAfterMs
      : (row.failures ?? 0) > 0 && row.dueMs !== null
        ? row.dueMs - row.nowMs
        : 1_000;
  const person = problem.who !== "provider" && problem.code !== "egress_blocked";
  const damaged = problem.code === "integrity_failure";
  if (person || damaged) return new AppError("needs_person", `${problem.title}. ${problem.detail}`, { problem });
  return new AppError("provider_fault", `${problem.title}. ${problem.detail}`, {
    problem,
    retryAfterS: Math.max(1, retryAfterMs / 1000),
  });
}

function fallback(row: store.TokenRow, came: Freshened | null): Problem {
  const since = new Date(row.nowMs).toISOString();
  if (came?.kind === "closed")
    return {
      ...closedBy(came),
      title: came.throttled ? "The provider asked us to slow down" : "The provider cannot be reached",
      who: "provider",
      since,
    };
  if (came?.kind === "failed")
    return { code: "provider_failing", title: "Refreshing failed", detail: came.detail, who: "provider", since };
  return {
    code: "provider_failing",
    title: isExpired(row)
      ? "The access token has expired and its refresh is still running"
      : "The refresh is still running",
    detail: "The provider has not answered yet. Ask again shortly.",
    who: "provider",
    since,
  };
}
