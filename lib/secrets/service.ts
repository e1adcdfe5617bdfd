import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { type Caller, holds } from "@/lib/access/caller";
import { permit, type Target } from "@/lib/access/permit";
import type { WorkspaceScope } from "@/lib/access/scope";
import { userNames, workspaceRedirectCode } from "@/lib/accounts/people";
import { resolveWorkspace } from "@/lib/accounts/places";
import { recordNow, recordWith } from "@/lib/audit/record";
import type { OAuthClient } from "@/lib/auth-clients/client";
import { clientSummaries, clientVisibleFrom, openOAuthClient, toSummary } from "@/lib/auth-clients/service";
import { systemClock } from "@/lib/clock";
import { sealJson } from "@/lib/crypto/envelope";
import { inTenant, type Tx } from "@/lib/db/tx";
import { AppError, notFound } from "@/lib/errors";
import { complaint, type Page, pageOffset, type Resource } from "@/lib/http/json-api";
import { isId, newId } from "@/lib/ids";
import { releaseSecretName, reserveSecretName } from "@/lib/oauth/redirect-names";
import { isSecretType, SECRET_TYPE_NAMES, SECRET_TYPES } from "@/lib/secret-types";
import { nameKey } from "@/lib/secret-types/names";
import type { OAuth2CredentialsInput } from "@/lib/secret-types/oauth2";
import { credentialsPlace, openCredentials, openExtras, openTokens } from "./opened";
import type { CreateBody, OAuth2Extras, SecretView, UpdateBody } from "./resource";
import { toResource } from "./resource";
import { type Revocable, revokeTokens } from "./revoke-tokens";
import { mergeTokens, saveNewGrant } from "./save-tokens";
import * as store from "./store";
import { insertUnauthorized, lockTokens, resume } from "./token-store";

/** Use cases of secrets: add, list, read, edit, delete. Tokens are in tokens.ts. */

export interface SeenSecret {
  resource: Resource;
}

const CREATE = "workspaces.auth_secret.create";
const GET = "workspaces.auth_secret.get";
const GET_CREDENTIALS = "workspaces.auth_secret.get_credentials";
const EDIT = "workspaces.auth_secret.edit";
const DELETE = "workspaces.auth_secret.delete";

/** Values leave for keys with `get_credentials`; a browser session never gets one, it reveals (SECURITY, VAL-1). */
export function mayReadValues(caller: Caller, scope: WorkspaceScope): boolean {
  return caller.via === "api-key" && holds(caller, GET_CREDENTIALS, scope);
}

/** The secret of this workspace, or 404 with an entry of what was tried. */
export async function findSecret(
  caller: Caller,
  scope: WorkspaceScope,
  id: string,
  action: string,
): Promise<store.SecretRow> {
  const row = isId(id) ? await store.readSecret(scope, id) : null;
  return row ?? denySecret(caller, scope, id, action);
}

/** A secret that is not in this workspace, wherever else it may be. */
async function denySecret(caller: Caller, scope: WorkspaceScope, id: string, action: string): Promise<never> {
  await recordDenied(caller, scope, action, { type: "auth-secret", id });
  throw notFound("secret");
}

/** Whatever was refused inside a workspace without a permission being missing (AZ-3). */
export async function recordDenied(
  caller: Caller,
  scope: WorkspaceScope,
  action: string,
  target: Target,
): Promise<void> {
  const { tenantId, workspaceId } = scope;
  await recordNow(caller, { tenantId, workspaceId, action, outcome: "denied", target });
}

export async function createSecret(caller: Caller, workspaceId: string, body: CreateBody): Promise<Resource> {
  const { attributes, relationships } = body.data;
  const scope = await resolveWorkspace(caller, workspaceId, CREATE);
  await permit(caller, CREATE, scope, { type: "auth-secret", name: attributes.name });
  const clientId = relationships?.auth_client?.data.id;
  const client =
    clientId === undefined
      ? null
      : await inTenant(scope.tenantId, (tx) => visibleClient(tx, scope, clientId)).catch(async (error: unknown) => {
          await recordDenied(caller, scope, "workspaces.auth_clients.get", { type: "auth-client", id: clientId });
          throw error;
        });
  const type = typeOf(attributes.type, client?.type);
  const values = readCredentials(type, attributes.credentials);
  const id = newId();
  const oauth2 = type === "oauth2" ? (values as OAuth2CredentialsInput) : null;
  const sealed = await sealJson(credentialsPlace(scope.tenantId, id, 1), oauth2 ? extrasOf(oauth2) : values);
  const opened = oauth2?.access_token && client ? await openOAuthClient(client.tenantId, client.id) : null;

  await inTenant(scope.tenantId, async (tx) => {
    // Again, now held until the commit, so that no secret is born while its client dies.
    if (client && clientId) await visibleClient(tx, scope, clientId);
    const secretName = await reserveSecretName(tx, {
      tenantId: scope.tenantId,
      ownerId: scope.workspaceId,
      code: await workspaceRedirectCode(tx, scope),
      name: attributes.name,
      contextKind: "secret",
      contextId: id,
    });
    await store.insertSecret(tx, {
      tenantId: scope.tenantId,
      id,
      workspaceId: scope.workspaceId,
      type,
      name: attributes.name,
      nameKey: nameKey(attributes.name),
      secretName,
      authClientTenantId: client?.tenantId ?? null,
      authClientId: client?.id ?? null,
      userId: caller.userId,
      scope: oauth2?.scope ?? null,
      sealed,
      declaredState: oauth2 ? null : (attributes.state ?? null),
      declaredError: oauth2 ? null : (attributes.error ?? null),
    });
    if (oauth2 && client)
      await insertUnauthorized(tx, {
        tenantId: scope.tenantId,
        secretId: id,
        workspaceId: scope.workspaceId,
        authClientTenantId: client.tenantId,
        authClientId: client.id,
      });
    await store.insertEvent(tx, scope.tenantId, id, { event: "created", actor: caller.name });
    await recordWith(tx, caller, {
      tenantId: scope.tenantId,
      workspaceId: scope.workspaceId,
      action: "secret.created",
      target: { type: "auth-secret", id, name: attributes.name },
      detail: { type, ...(client ? { authClientId: client.id } : {}) },
    });
    if (oauth2 && opened) {
      await saveNewGrant(tx, {
        scope,
        secretId: id,
        client: opened,
        tokens: mergeTokens(null, oauth2),
        lifetimeS: givenLifetime(oauth2),
        ageMs: 0,
        issuedAtMs: null,
        grantId: randomUUID(),
      });
    }
    await store.notifyChange(tx, scope.workspaceId, id);
  });
  return (await viewOne(caller, scope, await findSecret(caller, scope, id, GET), "written")).resource;
}

async function visibleClient(tx: Tx, scope: WorkspaceScope, id: string) {
  const client = isId(id) ? await clientVisibleFrom(tx, scope, id) : null;
  if (!client)
    throw new AppError("invalid_attribute", "There is no such auth client that this workspace can use.", {
      source: { pointer: "/data/relationships/auth_client/data/id" },
    });
  return client;
}

function typeOf(given: string | undefined, clients: string | undefined): keyof typeof SECRET_TYPES {
  const at = { source: { pointer: "/data/attributes/type" } };
  const type = given ?? clients;
  if (type === undefined)
    throw new AppError("invalid_attribute", "Name the auth client, or the type of a secret that needs none.", at);
  if (!isSecretType(type))
    throw new AppError("invalid_attribute", `Must be one of ${SECRET_TYPE_NAMES.join(", ")}.`, at);
  if (clients !== undefined && given !== undefined && given !== clients)
    throw new AppError("invalid_attribute", `The auth client is of type ${clients}.`, at);
  if (clients === undefined && SECRET_TYPES[type].needsClient)
    throw new AppError("invalid_attribute", `A secret of type ${type} needs an auth client.`, {
      source: { pointer: "/data/relationships/auth_client" },
    });
  return type;
}

function readCredentials(type: keyof typeof SECRET_TYPES, given: unknown): Record<string, unknown> {
  const parsed = SECRET_TYPES[type].credentials.safeParse(given);
  if (!parsed.success) throw complaint(parsed.error, ["data", "attributes", "credentials"]);
  return parsed.data as Record<string, unknown>;
}

function extrasOf(given: OAuth2CredentialsInput, before?: OAuth2Extras): OAuth2Extras {
  const params = given.additional_params;
  return {
    additional_params:
      params === undefined
        ? (before?.additional_params ?? {})
        : asParameters(params === null ? {} : typeof params === "string" ? JSON.parse(params) : params),
    fields: given.fields === undefined ? (before?.fields ?? {}) : (given.fields ?? {}),
  };
}

/** Parameters of a URL are text. */
function asParameters(given: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(given)
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : String(value)]),
  );
}

export interface ListQuery extends store.ListFilter {
  order: "name" | "created" | "attention";
  page: Page | null;
  include: ReadonlySet<string>;
}

export interface SecretList {
  resources: Resource[];
  counts: store.ListCounts | null;
  included: Resource[];
}

/** All of the workspace's secrets, or one page of them. With values this is one audit entry that names the ids (AU-1). */
export async function listSecrets(caller: Caller, workspaceId: string, query: ListQuery): Promise<SecretList> {
  const scope = await resolveWorkspace(caller, workspaceId, GET);
  await permit(caller, GET, scope, { type: "auth-secret" });
  const read = await inTenant(scope.tenantId, async (tx) => {
    const rows = await store.listSecrets(tx, scope, query, query.order, query.page ? pageOffset(query.page) : null);
    const clientIds = rows.flatMap((row) => row.authClientId ?? []);
    const shared = await store.sharedNames(tx, clientIds);
    const clients = query.include.has("auth_client") ? await clientSummaries(tx, clientIds) : [];
    const used = query.page
      ? await store.lastUsed(
          tx,
          scope.tenantId,
          rows.map((row) => row.id),
        )
      : null;
    const counts = query.page ? await store.countSecrets(tx, scope, query) : null;
    const userIds = query.include.has("user") ? rows.flatMap((row) => row.userId ?? []) : [];
    const names = await userNames(tx, scope.tenantId, userIds);
    return { rows, shared, clients, used, counts, names };
  });
  const values = mayReadValues(caller, scope);
  if (values && read.rows.length > 0)
    await recordNow(caller, {
      tenantId: scope.tenantId,
      workspaceId: scope.workspaceId,
      action: "secret.list",
      target: { type: "auth-secret" },
      detail: { ids: read.rows.map((row) => row.id) },
    });
  const resources = await Promise.all(
    read.rows.map(async (row) => {
      const view: SecretView = { sharedSecretName: row.authClientId ? read.shared.get(row.authClientId) : null };
      if (read.used) view.lastUsedAt = read.used.get(row.id) ?? null;
      // One damaged row must not take the list with it (CRY-11).
      if (values) Object.assign(view, await valuesOrProblem(row));
      return toResource(row, view);
    }),
  );
  const included = [
    ...read.clients.map(toSummary),
    ...[...read.names].map(([id, name]) => ({
      id,
      type: "user",
      attributes: { first_name: name.firstName, last_name: name.lastName, email: name.email },
    })),
  ];
  return { resources, counts: read.counts, included };
}

async function valuesOrProblem(row: store.SecretRow): Promise<SecretView> {
  try {
    return { credentials: await openCredentials(row) };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "integrity_failure") throw error;
    row.status = row.type === "oauth2" ? "paused" : row.status;
    row.problem = damaged(row);
    row.declaredState = "error";
    row.declaredError = row.problem.detail;
    return {};
  }
}

function damaged(row: store.SecretRow) {
  return {
    code: "integrity_failure" as const,
    title: "This secret cannot be opened",
    detail:
      "Its stored value fails the integrity check: it was changed or moved outside Latchkey, or the master key is another one.",
    who: "admin" as const,
    since: new Date(row.nowMs).toISOString(),
  };
}

export async function getSecret(caller: Caller, workspaceId: string, id: string): Promise<Resource> {
  const scope = await resolveWorkspace(caller, workspaceId, GET);
  await permit(caller, GET, scope, { type: "auth-secret", id });
  if (!isId(id)) throw notFound("secret");
  const values = mayReadValues(caller, scope);
  const row = values
    ? await store.readSecretAudited(caller, scope, id, "secret.read")
    : await findSecret(caller, scope, id, GET);
  if (!row) throw notFound("secret");
  return (await viewOne(caller, scope, row, values ? "recorded" : "no-values")).resource;
}

/**
 * One secret as this caller may see it. `recorded`: the audit entry is committed already. `written`: the caller wrote the
 * values just now, and they are answered as the contract shows, recorded first.
 */
export async function viewOne(
  caller: Caller,
  scope: WorkspaceScope,
  row: store.SecretRow,
  audit: "recorded" | "written" | "refreshed" | "no-values",
): Promise<SeenSecret> {
  const view: SecretView = { sharedSecretName: await sharedName(row) };
  if (audit !== "no-values" && mayReadValues(caller, scope)) {
    if (audit !== "recorded")
      await recordNow(caller, {
        tenantId: scope.tenantId,
        workspaceId: scope.workspaceId,
        // Answering what the caller has just written is no use of the secret: "last used" does not count it.
        action: audit === "written" ? "secret.answered" : "secret.read",
        target: { type: "auth-secret", id: row.id, name: row.name },
        generation: row.tokenGeneration ?? row.generation,
      });
    view.credentials = await openCredentials(row);
  }
  if (caller.via === "session") {
    if (row.type === "oauth2" && holds(caller, EDIT, scope))
      view.additionalParams = (await openExtras(row)).additional_params;
    const used = await inTenant(scope.tenantId, (tx) => store.lastUsed(tx, scope.tenantId, [row.id]));
    view.lastUsedAt = used.get(row.id) ?? null;
  }
  return { resource: toResource(row, view) };
}

async function sharedName(row: store.SecretRow): Promise<string | null> {
  if (!row.authClientTenantId || !row.authClientId) return null;
  return (await openOAuthClient(row.authClientTenantId, row.authClientId))?.secretName ?? null;
}

export async function updateSecret(
  caller: Caller,
  workspaceId: string,
  id: string,
  body: UpdateBody,
): Promise<Resource> {
  const scope = await resolveWorkspace(caller, workspaceId, EDIT);
  await permit(caller, EDIT, scope, { type: "auth-secret", id });
  const row = await findSecret(caller, scope, id, EDIT);
  const { data } = body;
  if (data.id !== undefined && data.id !== id)
    throw new AppError("invalid_attribute", "Must be the id in the URL.", { source: { pointer: "/data/id" } });
  const { attributes = {} } = data;
  refuseImmutable(row, data);
  const given = attributes.credentials === undefined ? null : readPatch(row, attributes.credentials);
  const client =
    given && row.authClientTenantId && row.authClientId
      ? await openOAuthClient(row.authClientTenantId, row.authClientId)
      : null;

  await inTenant(scope.tenantId, async (tx) => {
    const locked = await store.lockSecret(tx, scope.tenantId, id);
    if (!locked) throw notFound("secret");
    const change: Parameters<typeof store.updateSecret>[3] = {};
    if (attributes.name !== undefined) {
      change.name = attributes.name;
      change.nameKey = nameKey(attributes.name);
    }
    if (row.type !== "oauth2") {
      if (attributes.state !== undefined) change.declaredState = attributes.state;
      if (attributes.error !== undefined || attributes.state === "ready")
        change.declaredError = attributes.error ?? null;
    }
    if (given) {
      const oauth2 = row.type === "oauth2" ? (given as OAuth2CredentialsInput) : null;
      if (oauth2?.scope !== undefined) change.scope = oauth2.scope ?? null;
      if (!oauth2 || oauth2.additional_params !== undefined || oauth2.fields !== undefined) {
        change.generation = locked.generation + 1;
        const next = oauth2 ? extrasOf(oauth2, await openExtras({ ...row, ...locked })) : given;
        change.sealed = await sealJson(credentialsPlace(scope.tenantId, id, change.generation), next);
      }
      if (oauth2 && client) await patchTokens(tx, scope, row, client, oauth2);
    }
    await store.updateSecret(tx, scope.tenantId, id, change);
    await store.insertEvent(tx, scope.tenantId, id, {
      event: "edited",
      actor: caller.name,
      detail:
        [attributes.name !== undefined ? "name" : null, given ? Object.keys(given).sort().join(", ") : null]
          .filter(Boolean)
          .join(", ") || null,
    });
    await recordWith(tx, caller, {
      tenantId: scope.tenantId,
      workspaceId: scope.workspaceId,
      action: "secret.edited",
      target: { type: "auth-secret", id, name: attributes.name ?? row.name },
      detail: {
        members: [...Object.keys(attributes).filter((key) => key !== "credentials"), ...Object.keys(given ?? {})],
      },
    });
    await store.notifyChange(tx, scope.workspaceId, id);
  });
  return (await viewOne(caller, scope, await findSecret(caller, scope, id, GET), "written")).resource;
}

/** The auth client and the type are for ever (CONTRACT section 3 "Update"). The same value again is no change. */
function refuseImmutable(row: store.SecretRow, data: UpdateBody["data"]): void {
  const client = data.relationships?.auth_client?.data.id;
  if (client !== undefined && client !== row.authClientId)
    throw new AppError("invalid_attribute", "The auth client of a secret cannot be changed; add another secret.", {
      source: { pointer: "/data/relationships/auth_client" },
    });
  if (data.attributes?.type !== undefined && data.attributes.type !== row.type)
    throw new AppError("invalid_attribute", "The type of a secret cannot be changed; add another secret.", {
      source: { pointer: "/data/attributes/type" },
    });
}

function readPatch(row: store.SecretRow, given: unknown): Record<string, unknown> {
  if (!isSecretType(row.type)) throw new AppError("integrity_failure", "The stored type of this secret is not known.");
  return readCredentials(row.type, given);
}

/** Seconds, as `expires_in` says or, without one, `expires_at`; undefined when neither says anything usable. */
function givenLifetime(given: OAuth2CredentialsInput): number | undefined {
  if (given.expires_in != null) return Number(given.expires_in);
  const left = given.expires_at == null ? Number.NaN : (Date.parse(given.expires_at) - systemClock.now()) / 1000;
  return left >= 1 ? Math.floor(left) : undefined;
}

/** Token members of a PATCH: merged into what is stored (CONTRACT section 9, point 5). A new refresh token is a new grant. */
async function patchTokens(
  tx: Tx,
  scope: WorkspaceScope,
  row: store.SecretRow,
  client: OAuthClient,
  given: OAuth2CredentialsInput,
): Promise<void> {
  const members = ["access_token", "refresh_token", "expires_in", "token_type", "undefined_params"] as const;
  if (!members.some((member) => given[member] !== undefined)) {
    if (given.scope !== undefined) await resume(tx, scope.tenantId, row.id);
    return;
  }
  // Read again under the lock: a refresh may have landed since, and merging into what it replaced would lose its token.
  const locked = await lockTokens(tx, scope.tenantId, row.id);
  if (!locked) throw notFound("secret");
  const before = await openTokens({ ...row, tokenGeneration: locked.generation, tokenSealed: locked.sealed });
  const tokens = mergeTokens(before, given);
  if (!tokens.access_token)
    throw new AppError("invalid_attribute", "There is no access token yet; send one, or authorize the secret.", {
      source: { pointer: "/data/attributes/credentials/access_token" },
    });
  const newGrant = before === null || tokens.refresh_token !== before.refresh_token;
  const lifetimeS = givenLifetime(given);
  // The same access token is as old as it was, whoever sends it back (VAL-3).
  const sameToken =
    before?.access_token === tokens.access_token && (lifetimeS === undefined || lifetimeS === locked.lifetimeS);
  if (sameToken && isDeepStrictEqual({ ...tokens, expires_in: null }, { ...before, expires_in: null })) return;
  await saveNewGrant(tx, {
    scope,
    secretId: row.id,
    client,
    tokens,
    lifetimeS: sameToken ? (locked.lifetimeS ?? undefined) : lifetimeS,
    ageMs: sameToken ? (locked.ageMs ?? 0) : 0,
    // Nobody issued anything just now: an answer on its way for the same grant is newer than this and wins.
    issuedAtMs: newGrant ? null : locked.issuedMs,
    grantId: newGrant ? randomUUID() : (locked.grantId ?? randomUUID()),
  });
}

/** Gone at once; its tokens are revoked at the provider where that is possible (VAL-6). */
export async function deleteSecret(caller: Caller, workspaceId: string, id: string): Promise<void> {
  const scope = await resolveWorkspace(caller, workspaceId, DELETE);
  await permit(caller, DELETE, scope, { type: "auth-secret", id });
  const row = await findSecret(caller, scope, id, DELETE);
  let tokens: Revocable | null = null;
  await inTenant(scope.tenantId, async (tx) => {
    if (!(await store.lockSecret(tx, scope.tenantId, id))) throw notFound("secret");
    tokens = await revocable(row, await lockTokens(tx, scope.tenantId, id));
    await store.deleteSecretRows(tx, scope.tenantId, id);
    await releaseSecretName(tx, id);
    await recordWith(tx, caller, {
      tenantId: scope.tenantId,
      workspaceId: scope.workspaceId,
      action: "secret.deleted",
      target: { type: "auth-secret", id, name: row.name },
    });
    await store.notifyChange(tx, scope.workspaceId, id);
  });
  if (tokens) await revokeTokens(tokens);
}

/**
 * What could be revoked; null when there is nothing, or it cannot be opened any more (a damaged secret can still be deleted).
 *
 * @param locked the tokens as they are now, whatever landed since `row` was read
 */
export async function revocable(
  row: store.SecretRow,
  locked: { generation: number; sealed: Buffer | null } | null,
): Promise<Revocable | null> {
  if (!locked?.sealed || !row.authClientTenantId || !row.authClientId) return null;
  try {
    const tokens = await openTokens({ ...row, tokenGeneration: locked.generation, tokenSealed: locked.sealed });
    return (
      tokens && { authClientTenantId: row.authClientTenantId, authClientId: row.authClientId, secretId: row.id, tokens }
    );
  } catch (error) {
    if (error instanceof AppError && error.code === "integrity_failure") return null;
    throw error;
  }
}
