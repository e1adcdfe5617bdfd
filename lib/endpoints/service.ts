import type { Caller } from "@/lib/access/caller";
import type { Permission } from "@/lib/access/permissions";
import { permit, requireRecentSignIn } from "@/lib/access/permit";
import type { WorkspaceScope } from "@/lib/access/scope";
import { resolveWorkspace } from "@/lib/accounts/places";
import { recordNow, recordWith } from "@/lib/audit/record";
import { systemClock } from "@/lib/clock";
import { inTenant, type Tx } from "@/lib/db/tx";
import { AppError, notFound } from "@/lib/errors";
import type { Resource } from "@/lib/http/json-api";
import { isId, newId } from "@/lib/ids";
import { isSecretType, OPENING_TYPE_NAMES, SECRET_TYPES } from "@/lib/secret-types";
import { nameKey } from "@/lib/secret-types/names";
import type { SecretType } from "@/lib/secret-types/secret-type";
import { type CreateBody, toCheck, toEndpoint, type UpdateBody } from "./resource";
import * as store from "./store";

/** Use cases of endpoints. What they are for, letting requests pass or not, is lib/secret-use/inbound-guard.ts. */

const GET: Permission = "workspaces.endpoint.get";
const CREATE: Permission = "workspaces.endpoint.create";
const EDIT: Permission = "workspaces.endpoint.edit";
const DELETE: Permission = "workspaces.endpoint.delete";
const USE: Permission = "workspaces.auth_secret.use";
const LOG: Permission = "workspaces.audit.get";

const target = (id: string | null, name?: string) => ({ type: "endpoint", id, name });

async function permitted(
  caller: Caller,
  permission: Permission,
  workspaceId: string,
  id: string | null,
): Promise<WorkspaceScope> {
  const scope = await resolveWorkspace(caller, workspaceId, permission);
  await permit(caller, permission, scope, target(id));
  return scope;
}

/** By name. @throws AppError not_found, forbidden */
export async function listEndpoints(
  caller: Caller,
  workspaceId: string,
  filter: store.EndpointFilter,
  page: { limit: number; offset: number },
): Promise<{ resources: Resource[]; total: number }> {
  const scope = await permitted(caller, GET, workspaceId, null);
  return inTenant(scope.tenantId, async (tx) => {
    const { rows, total } = await store.listEndpoints(tx, scope, filter, page);
    const named = await store.namedSecrets(
      tx,
      scope,
      rows.flatMap((row) => row.secretIds),
    );
    return { resources: rows.map((row) => toEndpoint(row, named)), total };
  });
}

/** @throws AppError not_found, forbidden */
export async function getEndpoint(caller: Caller, workspaceId: string, id: string): Promise<Resource> {
  const scope = await permitted(caller, GET, workspaceId, id);
  const row = isId(id) ? await inTenant(scope.tenantId, (tx) => store.findEndpoint(tx, scope, id)) : null;
  if (!row) return denyEndpoint(caller, scope, id, GET);
  return view(scope, row);
}

/** Newest first; each row stands for like checks of one minute. @throws AppError not_found, forbidden */
export async function listChecks(
  caller: Caller,
  workspaceId: string,
  id: string,
  page: { limit: number; offset: number },
): Promise<{ resources: Resource[]; total: number }> {
  const scope = await permitted(caller, LOG, workspaceId, id);
  const found = isId(id) ? await inTenant(scope.tenantId, (tx) => store.findEndpoint(tx, scope, id)) : null;
  if (!found) return denyEndpoint(caller, scope, id, LOG);
  const { rows, total } = await inTenant(scope.tenantId, (tx) => store.listChecks(tx, scope.tenantId, id, page));
  return { resources: rows.map(toCheck), total };
}

/**
 * @throws AppError not_found, forbidden, invalid_attribute, conflict; reauth_required when a browser opens it to everybody after an
 * old sign-in
 */
export async function createEndpoint(caller: Caller, workspaceId: string, { data }: CreateBody): Promise<Resource> {
  const { attributes } = data;
  const scope = await permitted(caller, CREATE, workspaceId, null);
  if (attributes.open_access) requireRecentSignIn(caller, systemClock.now());
  const secretIds = await permittedSecrets(caller, scope, data.relationships?.secrets?.data);
  const id = newId();
  const row = await inTenant(scope.tenantId, async (tx) => {
    const made = await store.insertEndpoint(tx, {
      tenantId: scope.tenantId,
      id,
      workspaceId,
      name: attributes.name,
      nameKey: nameKey(attributes.name),
      openAccess: attributes.open_access,
      scopes: attributes.scopes,
      issuer: attributes.issuer,
      audience: attributes.audience,
      secretIds,
    });
    await record(tx, caller, scope, "endpoint.created", made, { secrets: made.secretIds, scopes: made.scopes });
    if (made.openAccess) await record(tx, caller, scope, "endpoint.access_opened", made);
    return made;
  });
  return view(scope, row);
}

/**
 * Changes what is named, and nothing else. Known to every process within a second (lib/endpoints/locks.ts).
 *
 * @throws AppError as `createEndpoint`
 */
export async function updateEndpoint(
  caller: Caller,
  workspaceId: string,
  id: string,
  { data }: UpdateBody,
): Promise<Resource> {
  const { attributes = {} } = data;
  const scope = await permitted(caller, EDIT, workspaceId, id);
  if (data.id !== undefined && data.id !== id)
    throw new AppError("invalid_attribute", "Must be the id in the URL.", { source: { pointer: "/data/id" } });
  const secretIds = await permittedSecrets(caller, scope, data.relationships?.secrets?.data);
  const row = await inTenant(scope.tenantId, async (tx) => {
    const before = isId(id) ? await store.lockEndpoint(tx, scope, id) : null;
    if (!before) return null;
    if (attributes.open_access && !before.openAccess) requireRecentSignIn(caller, systemClock.now());
    const { name, open_access, ...rest } = attributes;
    const after = await store.updateEndpoint(tx, scope, id, {
      ...rest,
      ...(name === undefined ? {} : { name, nameKey: nameKey(name) }),
      ...(open_access === undefined ? {} : { openAccess: open_access }),
      ...(secretIds === undefined ? {} : { secretIds }),
    });
    const members = [...Object.keys(attributes), ...(secretIds === undefined ? [] : ["secrets"])];
    await record(tx, caller, scope, "endpoint.edited", after, {
      members,
      ...(secretIds === undefined ? {} : { secrets_before: before.secretIds, secrets_after: secretIds }),
      ...(rest.scopes === undefined ? {} : { scopes_before: before.scopes, scopes_after: rest.scopes }),
    });
    if (after.openAccess !== before.openAccess)
      await record(tx, caller, scope, after.openAccess ? "endpoint.access_opened" : "endpoint.access_closed", after);
    return after;
  });
  if (!row) return denyEndpoint(caller, scope, id, EDIT);
  return view(scope, row);
}

/** Gone with its log: the proxy that asks for it is refused from then on. @throws AppError not_found, forbidden */
export async function deleteEndpoint(caller: Caller, workspaceId: string, id: string): Promise<void> {
  const scope = await permitted(caller, DELETE, workspaceId, id);
  const row = await inTenant(scope.tenantId, async (tx) => {
    const gone = isId(id) ? await store.deleteEndpoint(tx, scope, id) : null;
    if (gone) await record(tx, caller, scope, "endpoint.deleted", gone);
    return gone;
  });
  if (!row) await denyEndpoint(caller, scope, id, DELETE);
}

async function view(scope: WorkspaceScope, row: store.EndpointRow): Promise<Resource> {
  return toEndpoint(row, await inTenant(scope.tenantId, (tx) => store.namedSecrets(tx, scope, row.secretIds)));
}

async function record(
  tx: Tx,
  caller: Caller,
  { tenantId, workspaceId }: WorkspaceScope,
  action: string,
  row: store.EndpointRow,
  detail?: Record<string, unknown>,
): Promise<void> {
  await recordWith(tx, caller, { tenantId, workspaceId, action, target: target(row.id, row.name), detail });
}

/** An endpoint that is not in this workspace, wherever else it may be. */
async function denyEndpoint(caller: Caller, scope: WorkspaceScope, id: string, action: string): Promise<never> {
  const { tenantId, workspaceId } = scope;
  await recordNow(caller, { tenantId, workspaceId, action, outcome: "denied", target: target(id) });
  throw notFound("endpoint");
}

/**
 * The secrets that shall open an endpoint, each of this workspace and of a type that can, for a caller who may use them (SECURITY AZ-3).
 *
 * @returns undefined where none are named at all
 * @throws AppError forbidden, invalid_attribute with a pointer
 */
async function permittedSecrets(
  caller: Caller,
  scope: WorkspaceScope,
  given: readonly { id: string }[] | undefined,
): Promise<string[] | undefined> {
  if (given === undefined) return undefined;
  const ids = given.map(({ id }) => id);
  if (ids.length === 0) return [];
  for (const id of ids) await permit(caller, USE, scope, { type: "auth-secret", id });
  const named = await inTenant(scope.tenantId, (tx) => store.namedSecrets(tx, scope, ids.filter(isId)));
  for (const [at, id] of ids.entries()) {
    const complaint = whyNot(named.get(id));
    if (complaint === null) continue;
    if (!named.has(id)) {
      const { tenantId, workspaceId } = scope;
      const denied = { tenantId, workspaceId, action: USE, outcome: "denied" as const };
      await recordNow(caller, { ...denied, target: { type: "auth-secret", id } });
    }
    throw new AppError("invalid_attribute", complaint, {
      source: { pointer: `/data/relationships/secrets/data/${at}/id` },
    });
  }
  return [...new Set(ids)];
}

function whyNot(secret: store.NamedSecret | undefined): string | null {
  if (!secret) return "There is no such secret in this workspace.";
  const type: SecretType | null = isSecretType(secret.type) ? SECRET_TYPES[secret.type] : null;
  if (!type?.opens) return `A secret of type ${secret.type} opens no endpoint; ${OPENING_TYPE_NAMES.join(", ")} do.`;
  if (secret.use === "encrypt") return "This key pair decrypts; only one that signs opens an endpoint.";
  return null;
}
