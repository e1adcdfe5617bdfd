import type { Caller } from "@/lib/access/caller";
import { holds } from "@/lib/access/caller";
import type { Permission } from "@/lib/access/permissions";
import { permit } from "@/lib/access/permit";
import type { WorkspaceScope } from "@/lib/access/scope";
import { resolveWorkspace } from "@/lib/accounts/places";
import { holdHere, refuseNow } from "@/lib/accounts/still-may";
import { recordNow, recordWith } from "@/lib/audit/record";
import { inTenant, type Tx } from "@/lib/db/tx";
import { AppError, notFound } from "@/lib/errors";
import type { Resource } from "@/lib/http/json-api";
import { isId, newId } from "@/lib/ids";
import { isSecretType, SECRET_TYPES } from "@/lib/secret-types";
import { nameKey } from "@/lib/secret-types/names";
import { entriesFor, isAllowed } from "@/lib/secrets/allowed-hosts";
import { notAllowed } from "@/lib/secrets/requests";
import { findSecret } from "@/lib/secrets/service";
import { PREVIOUS_SIGNS_MS } from "./policy";
import { type CreateBody, toWebhook, type UpdateBody } from "./resource";
import { newSigningSecret, sealSigning } from "./signing";
import * as store from "./store";

/** Use cases of webhooks: list, add, read, edit, delete, a new signing secret. Their deliveries are in deliveries.ts. */

const GET: Permission = "workspaces.webhook.get";
const CREATE: Permission = "workspaces.webhook.create";
const EDIT: Permission = "workspaces.webhook.edit";
const DELETE: Permission = "workspaces.webhook.delete";
const USE: Permission = "workspaces.auth_secret.use";

/** DO-3: each may be told of everything that happens in the workspace. */
const MOST_WEBHOOKS = 20;

/** The workspace, when the caller holds the permission there. @throws AppError not_found, forbidden */
export async function permitted(
  caller: Caller,
  permission: Permission,
  workspaceId: string,
  target: { id?: string; name?: string },
): Promise<WorkspaceScope> {
  const scope = await resolveWorkspace(caller, workspaceId, permission);
  await permit(caller, permission, scope, { type: "webhook", ...target });
  return scope;
}

/** By name. @throws AppError not_found, forbidden */
export async function listWebhooks(caller: Caller, workspaceId: string): Promise<Resource[]> {
  const { tenantId } = await permitted(caller, GET, workspaceId, {});
  const rows = await inTenant(tenantId, (tx) => store.listWebhooks(tx, tenantId, workspaceId));
  return rows.map((row) => toWebhook(row));
}

/** @throws AppError not_found, forbidden */
export async function getWebhook(caller: Caller, workspaceId: string, id: string): Promise<Resource> {
  const scope = await permitted(caller, GET, workspaceId, { id });
  return toWebhook(await findWebhook(caller, scope, id, GET));
}

/** The webhook of this workspace, or 404 with an entry of what was tried. */
export async function findWebhook(
  caller: Caller,
  scope: WorkspaceScope,
  id: string,
  action: Permission,
): Promise<store.ListedWebhook> {
  const { tenantId, workspaceId } = scope;
  const row = isId(id) ? await inTenant(tenantId, (tx) => store.findWebhook(tx, tenantId, workspaceId, id)) : null;
  if (row) return row;
  await recordNow(caller, { tenantId, workspaceId, action, outcome: "denied", target: { type: "webhook", id } });
  throw notFound("webhook");
}

/**
 * A new webhook; its signing secret is in this answer and never again. It goes on when its maker's rights are gone, so these are looked
 * at again under a lock when it is stored (AZ-7).
 *
 * @throws AppError not_found, forbidden, invalid_attribute, conflict
 */
export async function createWebhook(caller: Caller, workspaceId: string, body: CreateBody): Promise<Resource> {
  const { attributes, relationships } = body.data;
  const judge = async () => {
    const scope = await permitted(caller, CREATE, workspaceId, { name: attributes.name });
    const secretId = relationships?.auth_secret?.data?.id ?? null;
    await requireFit(caller, scope, secretId, attributes.url);
    return { scope, secretId };
  };
  const { scope, secretId } = await judge();
  const { tenantId } = scope;
  const id = newId();
  const signing = newSigningSecret();
  const sealed = await sealSigning({ tenantId, webhookId: id, generation: 1 }, signing);
  const made = await inTenant(tenantId, async (tx) => {
    if (!(await stillMay(tx, caller, scope, CREATE, secretId))) return false;
    if ((await store.countWebhooks(tx, tenantId, workspaceId)) >= MOST_WEBHOOKS)
      throw new AppError(
        "conflict",
        `The workspace has ${MOST_WEBHOOKS} webhooks already. Delete one that is not used.`,
      );
    await store.insertWebhook(tx, {
      tenantId,
      id,
      workspaceId,
      name: attributes.name,
      nameKey: nameKey(attributes.name),
      url: attributes.url,
      events: attributes.events,
      enabled: attributes.enabled,
      authSecretId: secretId,
      sealed,
      createdBy: caller.id,
    });
    await recordWith(tx, caller, {
      tenantId,
      workspaceId,
      action: "webhook.created",
      target: { type: "webhook", id, name: attributes.name },
      host: new URL(attributes.url).host,
      detail: { events: attributes.events, enabled: attributes.enabled, auth_secret: secretId },
    });
    return true;
  });
  if (!made) await refuseNow(caller, judge);
  return toWebhook(await findWebhook(caller, scope, id, GET), signing);
}

/**
 * Changes what is named. Another address is another receiver (AZ-9): the secret that authenticates must be chosen again with it, and
 * the signing secret is made anew, in this answer and never again, so that the old receiver takes nothing that the new one passes on.
 *
 * @throws AppError not_found, forbidden, invalid_attribute, conflict
 */
export async function updateWebhook(
  caller: Caller,
  workspaceId: string,
  id: string,
  body: UpdateBody,
): Promise<Resource> {
  const { attributes, relationships } = body.data;
  if (body.data.id !== undefined && body.data.id !== id)
    throw new AppError("invalid_attribute", "Must be the id in the URL.", { source: { pointer: "/data/id" } });
  const judge = async () => {
    const scope = await permitted(caller, EDIT, workspaceId, { id });
    const row = await findWebhook(caller, scope, id, EDIT);
    const chosen = relationships?.auth_secret;
    const moves = attributes.url !== undefined && attributes.url !== row.url;
    if (moves && row.authSecretId !== null && chosen === undefined)
      throw new AppError(
        "invalid_attribute",
        "Another address is another receiver: choose the secret that authenticates deliveries again, or none.",
        { source: { pointer: "/data/relationships/auth_secret" } },
      );
    const secretId = chosen === undefined ? row.authSecretId : (chosen.data?.id ?? null);
    if (chosen !== undefined) await requireFit(caller, scope, secretId, attributes.url ?? row.url);
    return { scope, row, moves, secretId, chosen: chosen !== undefined };
  };
  const { scope, row, moves, secretId, chosen } = await judge();
  const { tenantId } = scope;
  const signing = moves ? newSigningSecret() : undefined;
  const sealed = signing && (await sealSigning({ tenantId, webhookId: id, generation: row.generation + 1 }, signing));
  const done = await inTenant(tenantId, async (tx) => {
    if (!(await stillMay(tx, caller, scope, EDIT, chosen ? secretId : null))) return false;
    const locked = await store.lockWebhook(tx, tenantId, workspaceId, id);
    if (!locked) throw notFound("webhook");
    if (locked.url !== row.url || locked.authSecretId !== row.authSecretId || locked.generation !== row.generation)
      throw new AppError("conflict", "Somebody changed this webhook at this moment. Look again, then repeat it.");
    await store.updateWebhook(tx, locked, {
      ...(attributes.name === undefined ? {} : { name: attributes.name, nameKey: nameKey(attributes.name) }),
      ...(attributes.events === undefined ? {} : { events: attributes.events }),
      ...(attributes.enabled === undefined ? {} : { enabled: attributes.enabled }),
      // Switched on again, or led elsewhere: what was wrong before is over.
      ...((attributes.enabled && !locked.enabled) || moves ? { offReason: null, offAt: null, failingSince: null } : {}),
      ...(moves && sealed
        ? { url: attributes.url, sealed, generation: locked.generation + 1, previousUntil: null }
        : {}),
      authSecretId: secretId,
    });
    if (attributes.enabled === false && locked.enabled) await store.dropWaiting(tx, tenantId, id);
    await recordWith(tx, caller, {
      tenantId,
      workspaceId,
      action: "webhook.edited",
      target: { type: "webhook", id, name: attributes.name ?? row.name },
      host: new URL(attributes.url ?? row.url).host,
      detail: {
        members: [...Object.keys(attributes), ...(chosen ? ["auth_secret"] : [])],
        ...(moves ? { host_before: new URL(row.url).host } : {}),
        ...(chosen ? { auth_secret: secretId } : {}),
      },
    });
    return true;
  });
  if (!done) await refuseNow(caller, judge);
  return toWebhook(await findWebhook(caller, scope, id, GET), signing);
}

/** Gone with all that waits for it and its log. @throws AppError not_found, forbidden */
export async function deleteWebhook(caller: Caller, workspaceId: string, id: string): Promise<void> {
  const scope = await permitted(caller, DELETE, workspaceId, { id });
  const row = await findWebhook(caller, scope, id, DELETE);
  const { tenantId } = scope;
  await inTenant(tenantId, async (tx) => {
    if (!(await store.lockWebhook(tx, tenantId, workspaceId, id))) throw notFound("webhook");
    await store.deleteWebhook(tx, tenantId, id);
    await recordWith(tx, caller, {
      tenantId,
      workspaceId,
      action: "webhook.deleted",
      target: { type: "webhook", id, name: row.name },
    });
  });
}

/**
 * A new signing secret, in this answer and never again. The one before goes on signing for a day, so that receivers can change over:
 * messages carry both signatures. A second rotation within the day ends the one before that.
 *
 * @throws AppError not_found, forbidden, integrity_failure
 */
export async function rotateSigningSecret(caller: Caller, workspaceId: string, id: string): Promise<Resource> {
  const scope = await permitted(caller, EDIT, workspaceId, { id });
  await findWebhook(caller, scope, id, EDIT);
  const { tenantId } = scope;
  const signing = newSigningSecret();
  await inTenant(tenantId, async (tx) => {
    const locked = await store.lockWebhook(tx, tenantId, workspaceId, id);
    if (!locked) throw notFound("webhook");
    const before = { tenantId, webhookId: id, generation: locked.generation, sealed: locked.sealed };
    const generation = locked.generation + 1;
    await store.updateWebhook(tx, locked, {
      sealed: await sealSigning({ tenantId, webhookId: id, generation }, signing, before),
      generation,
      previousUntil: new Date(Date.now() + PREVIOUS_SIGNS_MS),
    });
    await recordWith(tx, caller, {
      tenantId,
      workspaceId,
      action: "webhook.signing_secret_rotated",
      target: { type: "webhook", id, name: locked.name },
      generation,
    });
  });
  return toWebhook(await findWebhook(caller, scope, id, GET), signing);
}

/**
 * The secret that is to authenticate deliveries: one of this workspace that the caller may use, of a type that can be put into a
 * request, and allowed to go to this host (AZ-3, PX-1).
 */
async function requireFit(caller: Caller, scope: WorkspaceScope, secretId: string | null, url: string): Promise<void> {
  if (secretId === null) return;
  const at = { source: { pointer: "/data/relationships/auth_secret/data/id" } };
  await permit(caller, USE, scope, { type: "auth-secret", id: secretId });
  const row = await findSecret(caller, scope, secretId, USE).catch((error: unknown) => {
    if (error instanceof AppError && error.code === "not_found")
      throw new AppError("invalid_attribute", "There is no such secret in this workspace.", at);
    throw error;
  });
  if (!isSecretType(row.type) || SECRET_TYPES[row.type].injects === null)
    throw new AppError("invalid_attribute", `A secret of type ${row.type} cannot be put into a request.`, at);
  const asked = { method: "POST", url: new URL(url) };
  if (!isAllowed(entriesFor(asked), row.allowedHosts))
    throw new AppError("invalid_attribute", notAllowed(asked, row.allowedHosts), at);
}

async function stillMay(
  tx: Tx,
  caller: Caller,
  scope: WorkspaceScope,
  permission: Permission,
  secretId: string | null,
): Promise<boolean> {
  const now = await holdHere(tx, caller, scope);
  return [permission, ...(secretId === null ? [] : [USE])].every((one) => holds(now, one, scope));
}
