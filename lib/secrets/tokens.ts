import { randomUUID } from "node:crypto";
import type { Caller } from "@/lib/access/caller";
import type { Permission } from "@/lib/access/permissions";
import type { WorkspaceScope } from "@/lib/access/scope";
import { recordWith } from "@/lib/audit/record";
import { openOAuthClient } from "@/lib/auth-clients/service";
import { systemClock } from "@/lib/clock";
import { settings } from "@/lib/config";
import { inTenant } from "@/lib/db/tx";
import { AppError, notFound } from "@/lib/errors";
import { type Page, pageOffset, type Resource } from "@/lib/http/json-api";
import { redirectUri } from "@/lib/oauth/redirect-names";
import type { Freshened } from "@/lib/refresher/ensure-fresh";
import { cappedValidityMs } from "@/lib/refresher/policy";
import type { Want } from "@/lib/refresher/world";
import type { GrantType } from "@/lib/secret-types/grant-types";
import { needsBrowser } from "@/lib/secret-types/oauth2";
import { readTokenAudited } from "./audited-read-store";
import { insertEvent, insertEventOnce, listEvents } from "./event-store";
import { freshen, satisfies } from "./freshness";
import { openTokens } from "./opened";
import { permitted } from "./permitted";
import { toEventResource, toTokenResource } from "./resource";
import { type Revocable, revokeTokens } from "./revoke-tokens";
import type { SecretRow, TokenRow } from "./rows";
import { findSecret, recordDenied, revocable, viewOne } from "./service";
import { problemOf } from "./state";
import * as store from "./store";
import { forgetTokens, lockTokens, startAnew } from "./token-store";
import { REFUSED_FOR_GOOD, trouble, unserved } from "./unserved";

/** Use cases of a secret's tokens: hand out, report as refused, refresh, reveal, forget, authorize, history. */

const USE: Permission = "workspaces.auth_secret.use";
const REFRESH: Permission = "workspaces.auth_secret.refresh";
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
export async function renewRefused<Row extends TokenRow>(
  caller: Pick<Caller, "name">,
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
      insertEventOnce(tx, scope.tenantId, row.id, {
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
  row: SecretRow,
  meta: Record<string, unknown>,
): Promise<TokenAnswer> {
  return { resource: (await viewOne(caller, scope, row, "refreshed")).resource, meta };
}

function landedJustNow(row: SecretRow): boolean {
  // The first tokens of a grant that has a refresh token came by consent or by hand, not by asking.
  const asked = (row.tokenGeneration ?? 0) > 1 || !row.hasRefreshToken;
  return row.receivedMs !== null && row.nowMs - row.receivedMs < JUST_NOW_MS && asked && satisfies(row, 0);
}

/** How this secret's tokens come about. */
async function grantTypeOf(row: SecretRow): Promise<GrantType> {
  const { authClientTenantId, authClientId } = row;
  const client = authClientTenantId && authClientId ? await openOAuthClient(authClientTenantId, authClientId) : null;
  return client?.options.grant_type ?? "authorization_code";
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
    await insertEvent(tx, scope.tenantId, id, {
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
  const { rows, total } = await inTenant(scope.tenantId, (tx) => listEvents(tx, scope.tenantId, id, pageOffset(page)));
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

function requireOAuth2(row: TokenRow): void {
  if (row.type !== "oauth2") throw new AppError("bad_request", `A secret of type ${row.type} has no tokens.`);
}

async function readRow(
  caller: Caller,
  scope: WorkspaceScope,
  id: string,
  action: "secret.token" | "secret.refused",
): Promise<TokenRow> {
  const row = await readTokenAudited(caller, scope, id, action);
  if (!row) throw notFound("secret");
  requireOAuth2(row);
  return row;
}

async function current(row: TokenRow) {
  const tokens = await openTokens(row);
  if (!tokens) throw unserved(row, null);
  return tokens;
}
