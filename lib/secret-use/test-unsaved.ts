import type { Caller } from "@/lib/access/caller";
import { permit } from "@/lib/access/permit";
import type { WorkspaceScope } from "@/lib/access/scope";
import { resolveWorkspace } from "@/lib/accounts/places";
import { recordNow } from "@/lib/audit/record";
import type { OAuthClient } from "@/lib/auth-clients/client";
import { Sensitive } from "@/lib/crypto/sensitive";
import { AppError } from "@/lib/errors";
import type { Resource } from "@/lib/http/json-api";
import type { OwnRequest } from "@/lib/oauth/grants/grant";
import { tokenHost } from "@/lib/oauth/server-for";
import type { Exchange } from "@/lib/oauth/witness";
import { type Tried, tryRequest } from "@/lib/refresher/try-request";
import type { DatabaseLogin } from "@/lib/secret-types/database-login";
import type { OAuth2CredentialsInput } from "@/lib/secret-types/oauth2";
import { extrasOf, refuseUnfit } from "@/lib/secrets/credentials-input";
import { readNew } from "@/lib/secrets/new-secret";
import { openExtras } from "@/lib/secrets/opened";
import type { OAuth2Extras, TestBody } from "@/lib/secrets/resource";
import type { SecretRow } from "@/lib/secrets/rows";
import { readPatch } from "@/lib/secrets/update-secret";
import { testConnection } from "./sql";
import { limitTests } from "./test-limit";
import { clientOf, resting, shownTo, toTokenTest, type Verdict, WAIT_MS } from "./token-test";

/** "Test" of what is typed and not saved. Nothing of it is kept; on record is who tried, and where it went. */

const CREATE = "workspaces.auth_secret.create";

/**
 * Tries out a secret that is not there yet, of the body that would add it.
 *
 * @throws AppError as `createSecret` for the body, as `testSecret` for what comes of it
 */
export async function testNewSecret(
  caller: Caller,
  workspaceId: string,
  { data }: TestBody,
  signal: AbortSignal,
): Promise<Resource> {
  const scope = await resolveWorkspace(caller, workspaceId, CREATE);
  await permit(caller, CREATE, scope, { type: "auth-secret" });
  const { type, given, client } = await readNew(caller, scope, data);
  if (type === "postgresql" || type === "mysql") {
    const login = given as unknown as DatabaseLogin;
    return testConnection(caller, scope, { engine: type, login, secret: null, saved: false }, signal);
  }
  if (type !== "oauth2" || !client) throw nothingToTest(type);
  const open = await clientOf({ authClientTenantId: client.tenantId, authClientId: client.id });
  const typed = given as OAuth2CredentialsInput;
  return testTyped(caller, scope, null, open, ownOf(typed.scope ?? null, extrasOf(typed)));
}

/**
 * Tries out a secret as it would be after a PATCH with these credentials.
 *
 * @throws AppError as `updateSecret` for the credentials, as `testSecret` for what comes of it
 */
export async function testChangedSecret(
  caller: Caller,
  scope: WorkspaceScope,
  row: SecretRow,
  credentials: unknown,
  signal: AbortSignal,
): Promise<Resource> {
  if (row.type === "postgresql" || row.type === "mysql") {
    refuseStoredPassword(credentials);
    const login = (await readPatch(row, credentials)) as unknown as DatabaseLogin;
    const secret = { id: row.id, name: row.name, generation: row.generation };
    return testConnection(caller, scope, { engine: row.type, login, secret, saved: false }, signal);
  }
  if (row.type !== "oauth2") throw nothingToTest(row.type);
  await permit(caller, "workspaces.auth_secret.refresh", scope, { type: "auth-secret", id: row.id, name: row.name });
  const client = await clientOf(row);
  const given = (await readPatch(row, credentials)) as OAuth2CredentialsInput;
  refuseUnfit(client.options, given, false);
  const scopeText = given.scope === undefined ? row.scope : given.scope;
  // What is stored goes where it always goes: the auth client's own address, which nobody can change (AZ-9).
  const own = (await openExtras(row)).use((before) => ownOf(scopeText, extrasOf(given, before)));
  return testTyped(caller, scope, row, client, own);
}

/** Whoever may edit a secret need not be able to read it: its password goes to no host but the one it is stored with (AZ-9). */
function refuseStoredPassword(credentials: unknown): void {
  const { password } = (credentials ?? {}) as { password?: unknown };
  if (typeof password === "string" && password !== "") return;
  throw new AppError(
    "invalid_attribute",
    "Type the password again: the stored one is used with the stored host, port, user and TLS only.",
    { source: { pointer: "/data/attributes/credentials/password" } },
  );
}

export function nothingToTest(type: string): AppError {
  return new AppError("bad_request", `A secret of type ${type} goes nowhere by itself, so there is nothing to test.`);
}

function ownOf(scope: string | null, { additional_params, login }: OAuth2Extras): OwnRequest {
  return {
    scope: scope || null,
    additionalParams: additional_params,
    login: login ? { username: login.username, password: new Sensitive(login.password) } : null,
  };
}

/** @param row of a secret that is there; null: it would be added */
async function testTyped(
  caller: Caller,
  scope: WorkspaceScope,
  row: SecretRow | null,
  client: OAuthClient,
  own: OwnRequest,
): Promise<Resource> {
  await limitTests(caller);
  await recordNow(caller, {
    tenantId: scope.tenantId,
    workspaceId: scope.workspaceId,
    action: "secret.tested",
    target: { type: "auth-secret", id: row?.id ?? null, name: row?.name ?? null },
    host: tokenHost(client),
    detail: { saved: false },
  });
  const seen: Exchange[] = [];
  const began = performance.now();
  const witness = (exchange: Exchange) => void seen.push(exchange);
  const came = await tryRequest(client, own, { tenantId: scope.tenantId, waitMs: WAIT_MS, witness });
  if (came.kind === "closed") throw resting(came);
  return toTokenTest(row?.id ?? null, {
    ...verdictOf(came),
    expiresMs: null,
    exchanges: shownTo(caller, client, seen),
    durationMs: performance.now() - began,
  });
}

function verdictOf(came: Exclude<Tried, { kind: "closed" }>): Verdict {
  if (came.kind === "slow")
    return { outcome: "no_answer", detail: `No answer came within ${WAIT_MS / 1000} s.`, problem: null };
  const { answer } = came;
  if (answer.kind === "failure") return { outcome: "refused", detail: answer.failure.detail, problem: null };
  return {
    outcome: "token",
    detail: "The provider gave a token. It was thrown away: nothing is saved yet.",
    problem: null,
  };
}
