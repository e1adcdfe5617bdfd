import { type Caller, type Holding, holds, holdsOnAuthClients } from "@/lib/access/caller";
import { type Permission, TASK_PERMISSIONS } from "@/lib/access/permissions";
import { deny, denyUnknown, permit, requireRecentSignIn } from "@/lib/access/permit";
import { INSTANCE_TENANT, type WorkspaceScope } from "@/lib/access/scope";
import { newApiKey } from "@/lib/accounts/api-key-format";
import { forgetCallers } from "@/lib/accounts/caller-cache";
import type { ApiKeyRow } from "@/lib/accounts/key-store";
import * as keys from "@/lib/accounts/key-store";
import { holdOwnCredential, within } from "@/lib/accounts/own-credential";
import { resolveWorkspace } from "@/lib/accounts/places";
import { holdHere, refuseNow } from "@/lib/accounts/still-may";
import { switchTenant } from "@/lib/accounts/tree-store";
import { recordWith } from "@/lib/audit/record";
import { mac } from "@/lib/crypto/mac";
import { inTenant } from "@/lib/db/tx";
import { newId } from "@/lib/ids";

/** Task identities: Basic users bound to one workspace, for the steps that run there. */

const EDIT: Permission = "workspaces.workspace.edit";

async function permitted(caller: Caller, workspaceId: string, id?: string): Promise<WorkspaceScope> {
  const scope = await resolveWorkspace(caller, workspaceId, EDIT);
  await permit(caller, EDIT, scope, { type: "task-identity", id });
  return scope;
}

/** Newest first. @throws AppError not_found, forbidden */
export async function listTasks(caller: Caller, workspaceId: string): Promise<ApiKeyRow[]> {
  const { tenantId } = await permitted(caller, workspaceId);
  return inTenant(tenantId, (tx) => keys.listTaskKeys(tx, tenantId, workspaceId));
}

export interface NewTask {
  name: string;
  /** Absent: all that a task identity may hold. */
  permissions: readonly Permission[] | undefined;
  expiresAt: Date | undefined;
  /** Null or absent: from wherever its maker's key works. */
  allowedAddresses?: readonly string[] | null | undefined;
}

/**
 * A new task identity and its key, shown this once. It gets nothing its maker does not hold, and outlives no key that makes it
 * (KEY-3). It goes on when its maker's rights are gone, so these are looked at again under a lock when it is stored (AZ-7).
 *
 * @throws AppError not_found, forbidden, reauth_required, invalid_attribute, unauthenticated
 */
export async function createTask(
  caller: Caller,
  workspaceId: string,
  input: NewTask,
): Promise<{ row: ApiKeyRow; key: string }> {
  const permissions = [...new Set(input.permissions ?? TASK_PERMISSIONS)];
  const scope = await permittedToGive(caller, workspaceId, input.name, permissions);
  requireRecentSignIn(caller, Date.now());
  const { tenantId } = scope;
  const id = newId();
  const key = newApiKey("task", id);
  const row = await inTenant(INSTANCE_TENANT, async (tx) => {
    const own = await holdOwnCredential(tx, caller);
    const { addresses, endsAt } = within(own, {
      permissions,
      addresses: input.allowedAddresses,
      endsAt: input.expiresAt,
    });
    await switchTenant(tx, tenantId);
    const now = await holdHere(tx, caller, scope);
    if (![EDIT, ...permissions].every((permission) => holdsInWorkspace(now, permission, scope))) return null;
    const made = await keys.insertKey(tx, {
      tenantId,
      id,
      kind: "task",
      workspaceId,
      name: input.name,
      hint: `latchkey_task_${id}`,
      keyMac: mac("api-key", key),
      permissions,
      allowedAddresses: addresses && [...addresses],
      expiresAt: endsAt,
      createdBy: caller.id,
    });
    await recordWith(tx, caller, {
      tenantId,
      workspaceId,
      action: "task_identity.create",
      target: { type: "task-identity", id, name: input.name },
      detail: { permissions, allowed_addresses: addresses ?? null, expires_at: endsAt?.toISOString() ?? null },
    });
    return made;
  });
  forgetCallers();
  if (row) return { row, key };
  return refuseNow(caller, () => permittedToGive(caller, workspaceId, input.name, permissions));
}

/** The workspace, where the caller may make task identities and itself holds each of these permissions. */
async function permittedToGive(
  caller: Caller,
  workspaceId: string,
  name: string,
  permissions: readonly Permission[],
): Promise<WorkspaceScope> {
  const scope = await permitted(caller, workspaceId);
  for (const permission of permissions)
    if (!holdsInWorkspace(caller, permission, scope))
      await deny(caller, permission, scope, { type: "task-identity", name });
  return scope;
}

function holdsInWorkspace(
  who: { holdings: readonly Holding[] },
  permission: Permission,
  scope: WorkspaceScope,
): boolean {
  return (
    holds(who, permission, scope) ||
    (permission === "workspaces.auth_clients.get" && holdsOnAuthClients(who, "get", scope))
  );
}

/** @throws AppError not_found, forbidden */
export async function deleteTask(caller: Caller, workspaceId: string, id: string): Promise<void> {
  const { tenantId } = await permitted(caller, workspaceId, id);
  const deleted = await inTenant(tenantId, async (tx) => {
    const row = await keys.deleteTaskKey(tx, tenantId, workspaceId, id);
    if (row)
      await recordWith(tx, caller, {
        tenantId,
        workspaceId,
        action: "task_identity.delete",
        target: { type: "task-identity", id, name: row.name },
      });
    return row;
  });
  if (!deleted) await denyUnknown(caller, EDIT, { type: "task-identity", id });
  forgetCallers();
}
