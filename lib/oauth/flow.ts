import { randomUUID } from "node:crypto";
import * as oauth from "oauth4webapi";
import { type Caller, holds, tenantsOf } from "@/lib/access/caller";
import { INSTANCE_TENANT, type WorkspaceScope } from "@/lib/access/scope";
import { resolveWorkspace } from "@/lib/accounts/places";
import { recordNow, recordWith } from "@/lib/audit/record";
import type { OAuthClient } from "@/lib/auth-clients/client";
import { noteClientOk, openOAuthClient } from "@/lib/auth-clients/service";
import { systemClock } from "@/lib/clock";
import { openJson, sealJson } from "@/lib/crypto/envelope";
import { mac, sameMac } from "@/lib/crypto/mac";
import { Sensitive } from "@/lib/crypto/sensitive";
import { inTenant } from "@/lib/db/tx";
import { rooms } from "@/lib/egress/rooms";
import { AppError } from "@/lib/errors";
import { isId } from "@/lib/ids";
import { log } from "@/lib/observability/log";
import { refresher } from "@/lib/refresher/live-world";
import { splitScopes } from "@/lib/secret-types/names";
import { RESERVED_PARAMETERS } from "@/lib/secret-types/oauth2";
import { authorizableSecret, openAdditionalParams, saveAuthorized } from "@/lib/secrets/authorized";
import { consumeAttempt, type FoundAttempt, findAttempt, insertAttempt, noteFailure } from "./attempt-store";
import {
  type CallbackCode,
  type CallbackFailure,
  callbackFailure,
  codeOfCallbackError,
  codeOfExchangeFailure,
} from "./callback-failure";
import { quotable } from "./failure";
import { obtain } from "./grants/authorization-code";
import { redirectUri } from "./redirect-names";
import { serverFor } from "./server-for";
import type { TokenAnswer } from "./token-endpoint";

/** The two legs of connecting an account: `start` sends the browser away, `finish` takes it back. */

/** `state`, its session and its verifier live this long (OA-1). */
const ATTEMPT_MS = 10 * 60_000;
/** The person is told after this; a late answer is still stored (REFRESH I2). */
const EXCHANGE_WAIT_MS = 25_000;

export type Started =
  | { kind: "away"; url: string; binding: string }
  | { kind: "failed"; failure: CallbackFailure; secret: Place | null };
export type Finished =
  | { kind: "authorized"; secret: Place; hasRefreshToken: boolean }
  | { kind: "failed"; failure: CallbackFailure; secret: Place | null };

export interface Place {
  workspaceId: string;
  secretId: string;
}

const failed = (code: CallbackCode, secret: Place | null = null, said: string | null = null) =>
  ({ kind: "failed", failure: callbackFailure(code, systemClock.now(), said), secret }) as const;

/**
 * Begins an authorization for a signed-in person.
 *
 * @param binding the browser's own value; kept with the attempt as a keyed hash
 */
export async function start(caller: Caller, secretId: string, binding: string): Promise<Started> {
  const found = await locate(caller, secretId);
  if (!found) return failed("secret_gone");
  const { scope, secret } = found;
  const place = { workspaceId: scope.workspaceId, secretId };
  if (!holds(caller, "workspaces.auth_secret.edit", scope)) {
    await recordNow(caller, { ...about(scope, secretId), action: "secret.authorize", outcome: "denied" });
    return failed("forbidden", place);
  }
  const client = secret.client && (await openOAuthClient(secret.client.tenantId, secret.client.id));
  if (!client?.options.auth_uri || client.options.grant_type !== "authorization_code")
    return failed("not_oauth2", place);

  const state = oauth.generateRandomState();
  const verifier = new Sensitive(oauth.generateRandomCodeVerifier());
  const secretName = client.secretName ?? secret.secretName;
  const stateMac = mac("state", state);
  const url = await authorizationUrl(client, {
    state,
    verifier,
    redirectUri: redirectUri(secretName),
    scopes: splitScopes(secret.scope),
    params: await openAdditionalParams(secret),
  });
  const sealed = await sealJson(verifierPlace(scope.tenantId, stateMac), { verifier });
  await inTenant(scope.tenantId, async (tx) => {
    await insertAttempt(
      tx,
      {
        tenantId: scope.tenantId,
        stateMac,
        secretId,
        workspaceId: scope.workspaceId,
        userId: caller.userId ?? caller.id,
        sessionId: caller.credentialId,
        browserMac: mac("browser", binding),
        authClientTenantId: client.tenantId,
        authClientId: client.id,
        authClientVersion: client.version,
        secretName,
        redirectUri: redirectUri(secretName),
        issuer: client.options.issuer ?? null,
        sealed,
      },
      ATTEMPT_MS,
    );
    await recordWith(tx, caller, {
      ...about(scope, secretId, secret.name),
      action: "secret.authorize",
      host: new URL(client.options.auth_uri ?? url).host,
    });
  });
  return { kind: "away", url, binding };
}

const verifierPlace = (tenantId: string, stateMac: string) => ({
  tenantId,
  table: "oauth_attempts",
  rowId: stateMac,
  field: "verifier",
  generation: 1,
});

const about = (scope: WorkspaceScope, id: string, name?: string) => ({
  tenantId: scope.tenantId,
  workspaceId: scope.workspaceId,
  target: { type: "auth-secret", id, name },
});

/** Null, with an entry of the attempt, for a secret that does not exist as far as the caller may know. */
async function locate(caller: Caller, secretId: string) {
  if (!isId(secretId)) return null;
  for (const tenantId of tenantsOf(caller)) {
    const secret = await inTenant(tenantId, (tx) => authorizableSecret(tx, tenantId, secretId));
    if (!secret) continue;
    try {
      return { secret, scope: await resolveWorkspace(caller, secret.workspaceId, "workspaces.auth_secret.edit") };
    } catch (error) {
      if (error instanceof AppError && error.status === 404) return null;
      throw error;
    }
  }
  await recordNow(caller, {
    tenantId: tenantsOf(caller)[0] ?? INSTANCE_TENANT,
    action: "secret.authorize",
    outcome: "denied",
    target: { type: "auth-secret", id: secretId },
  });
  return null;
}

async function authorizationUrl(
  client: OAuthClient,
  ask: {
    state: string;
    verifier: Sensitive<string>;
    redirectUri: string;
    scopes: string[];
    params: Record<string, string>;
  },
): Promise<string> {
  const { options } = client;
  const url = new URL(options.auth_uri as string);
  const set = (name: string, value: string) => url.searchParams.set(name, value);
  // The secret's own parameters win over the client's; neither can replace one of the protocol's.
  for (const [name, value] of Object.entries({ ...options.authorize_params, ...ask.params }))
    if (!RESERVED_PARAMETERS.has(name)) set(name, value);
  set("response_type", "code");
  set("client_id", options.client_id);
  set("redirect_uri", ask.redirectUri);
  if (ask.scopes.length > 0) set("scope", ask.scopes.join(options.scope_separator));
  set("state", ask.state);
  if (options.resource) set("resource", options.resource);
  if (options.pkce === "S256") {
    set("code_challenge", await ask.verifier.use(oauth.calculatePKCECodeChallenge));
    set("code_challenge_method", "S256");
  }
  return url.href;
}

/**
 * Takes the browser back. Which secret this is about is decided by `state` alone; person, browser, session and path must agree, and
 * only then is the attempt consumed and the code redeemed, once.
 */
export async function finish(
  caller: Caller | null,
  callback: { secretName: string; parameters: URLSearchParams; binding: string | null },
): Promise<Finished> {
  if (!caller) return failed("not_signed_in");
  const { parameters } = callback;
  const state = parameters.getAll("state").length === 1 ? parameters.get("state") : null;
  const attempt = state && (await findState(caller, mac("state", state)));
  if (!state || !attempt) return failed("state_unknown");
  const place = { workspaceId: attempt.workspaceId, secretId: attempt.secretId };
  if (attempt.userId !== (caller.userId ?? caller.id)) return failed("other_person");
  if (!callback.binding || !sameMac(mac("browser", callback.binding), attempt.browserMac))
    return failed("other_browser");
  if (attempt.sessionId !== caller.credentialId) return failed("other_session", place);
  if (attempt.consumedAt) return failed("state_used", place);

  const end = async (code: CallbackCode, said: string | null = null): Promise<Finished> => {
    const result = failed(code, place, said);
    await inTenant(attempt.tenantId, async (tx) => {
      await consumeAttempt(tx, attempt.tenantId, attempt.stateMac);
      await noteFailure(tx, attempt.tenantId, attempt.stateMac, { ...result.failure });
    });
    log.info("authorization failed", { secretId: attempt.secretId, authClientId: attempt.authClientId, code });
    return result;
  };
  if (attempt.expired) return end("state_expired");
  if (attempt.secretName !== callback.secretName) return end("other_context");
  const client = await openOAuthClient(attempt.authClientTenantId, attempt.authClientId);
  if (!client || client.version !== attempt.authClientVersion) return end("client_changed");
  const scope = await stillPermitted(caller, attempt);
  if (!scope) return end("forbidden");
  const answer = validate(client, parameters, state);
  if ("code" in answer) return end(answer.code, answer.said);

  const verifier = await verifierOf(attempt);
  // Before anything is used up, so that the same page can be loaded again in a moment.
  const leave = rooms().enter(client.options.token_uri, attempt.tenantId, attempt.stateMac);
  if (!leave) return failed("provider_busy", place);
  let landed: Promise<Kept>;
  try {
    if (!(await inTenant(attempt.tenantId, (tx) => consumeAttempt(tx, attempt.tenantId, attempt.stateMac)))) {
      leave();
      return failed("state_used", place);
    }
    const askedAt = systemClock.monotonic();
    landed = obtain(client, {
      parameters: answer.parameters,
      redirectUri: attempt.redirectUri,
      verifier: client.options.pkce === "S256" ? verifier : null,
    })
      // Held for as long as the provider takes, also when the person has stopped waiting.
      .finally(leave)
      .then((tokens) => keep(caller, scope, attempt, client, tokens, askedAt));
  } catch (error) {
    leave();
    throw error;
  }
  const result = await withinWait(landed);
  if (result === "slow") {
    refresher().world.background(landed.then(() => undefined));
    return end("provider_failed");
  }
  if (result.kind === "failed") return end(result.code, result.said);
  return { kind: "authorized", secret: place, hasRefreshToken: result.hasRefreshToken };
}

async function findState(caller: Caller, stateMac: string): Promise<FoundAttempt | null> {
  for (const tenantId of tenantsOf(caller)) {
    const attempt = await inTenant(tenantId, (tx) => findAttempt(tx, tenantId, stateMac));
    if (attempt) return attempt;
  }
  return null;
}

/** The workspace, when the person may still edit there; looked up before the code is redeemed, so that nothing stands between tokens and storing them. */
async function stillPermitted(caller: Caller, attempt: FoundAttempt): Promise<WorkspaceScope | null> {
  try {
    const scope = await resolveWorkspace(caller, attempt.workspaceId, "workspaces.auth_secret.edit");
    return holds(caller, "workspaces.auth_secret.edit", scope) ? scope : null;
  } catch (error) {
    if (error instanceof AppError && error.status === 404) return null;
    throw error;
  }
}

async function verifierOf(attempt: FoundAttempt): Promise<Sensitive<string>> {
  if (!attempt.sealed) return new Sensitive("");
  const opened = await openJson<Record<"verifier", string>>(
    verifierPlace(attempt.tenantId, attempt.stateMac),
    attempt.sealed,
  );
  return opened.use(({ verifier }) => new Sensitive(verifier));
}

/** RFC 6749 section 4.1.2 and RFC 9207, by oauth4webapi; without a known issuer `iss` is not compared (SECURITY head). */
function validate(
  client: OAuthClient,
  given: URLSearchParams,
  state: string,
): { parameters: URLSearchParams } | { code: CallbackCode; said: string | null } {
  const parameters = new URLSearchParams(given);
  const { server, client: party } = serverFor(client);
  if (!client.options.issuer) parameters.delete("iss");
  const issuer = parameters.getAll("iss");
  if (issuer.length > 1 || (issuer[0] !== undefined && issuer[0] !== client.options.issuer))
    return { code: "issuer_mismatch", said: null };
  if (client.options.issuer && client.options.iss_parameter && issuer.length === 0)
    return { code: "issuer_mismatch", said: null };
  const errors = parameters.getAll("error");
  if (errors.length === 1) {
    const said = [errors[0], parameters.get("error_description")].filter(Boolean).join(": ");
    return { code: codeOfCallbackError(errors[0] ?? ""), said: quotable(said, [state]) };
  }
  if (errors.length > 1 || parameters.getAll("code").length !== 1 || !parameters.get("code"))
    return { code: "code_missing", said: null };
  try {
    return { parameters: oauth.validateAuthResponse(server, party, parameters, state) };
  } catch (error) {
    if (error instanceof oauth.OperationProcessingError || error instanceof oauth.UnsupportedOperationError)
      return { code: "code_missing", said: null };
    throw error;
  }
}

type Kept = { kind: "kept"; hasRefreshToken: boolean } | { kind: "failed"; code: CallbackCode; said: string | null };

/** Stores what came, replacing earlier tokens only now that there are new ones. */
async function keep(
  caller: Caller,
  scope: WorkspaceScope,
  attempt: FoundAttempt,
  client: OAuthClient,
  answer: TokenAnswer,
  askedAt: number,
): Promise<Kept> {
  if (answer.kind === "failure") {
    const { failure } = answer;
    const said = [failure.oauthError, failure.said].filter(Boolean).join(": ") || null;
    return { kind: "failed", code: codeOfExchangeFailure(failure), said };
  }
  const saved = await saveAuthorized(caller, {
    scope,
    secretId: attempt.secretId,
    client,
    answer,
    askedAt,
    grantId: randomUUID(),
  });
  if (!saved) return { kind: "failed", code: "secret_gone", said: null };
  await noteClientOk(client, answer.authMethod).catch(refresher().world.reportStoreTrouble);
  return { kind: "kept", hasRefreshToken: saved.hasRefreshToken };
}

async function withinWait<T>(work: Promise<T>): Promise<T | "slow"> {
  const over = new AbortController();
  const slow = systemClock.sleep(EXCHANGE_WAIT_MS, over.signal).then(() => "slow" as const);
  try {
    return await Promise.race([work, slow]);
  } finally {
    over.abort();
  }
}
