import { type Caller, holds, holdsOnAuthClients } from "@/lib/access/caller";
import { type Permission, TASK_PERMISSIONS } from "@/lib/access/permissions";
import { deny, denyUnknown, permit, requireRecentSignIn } from "@/lib/access/permit";
import type { WorkspaceScope } from "@/lib/access/scope";
import { newApiKey } from "@/lib/accounts/api-key-format";
import { forgetCallers } from "@/lib/accounts/caller-cache";
import type { ApiKeyRow } from "@/lib/accounts/key-store";
import * as keys from "@/lib/accounts/key-store";
import { resolveWorkspace } from "@/lib/accounts/places";
import { recordWith } from "@/lib/audit/record";
import { mac } from "@/lib/crypto/mac";
import { inTenant } from "@/lib/db/tx";
import { newId } from "@/lib/ids";

/** Task identities: Basic users bound to one workspace, for the steps that run there. */

const EDIT = "workspaces.workspace.edit";

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

/**
 * A new task identity and its key, shown this once. It gets nothing its maker does not hold (KEY-3).
 *
 * @throws AppError not_found, forbidden, reauth_required
 */
export async function createTask(
  caller: Caller,
  workspaceId: string,
  input: { name: string; permissions: readonly Permission[] | undefined; expiresAt: Date | undefined },
): Promise<{ row: ApiKeyRow; key: string }> {
  const scope = await permitted(caller, workspaceId);
  requireRecentSignIn(caller, Date.now());
  const permissions = [...new Set(input.permissions ?? TASK_PERMISSIONS)];
  for (const permission of permissions)
    if (!holdsInWorkspace(caller, permission, scope))
      await deny(caller, permission, scope, { type: "task-identity", name: input.name });
  const { tenantId } = scope;
  const id = newId();
  const key = newApiKey("task", id);
  const row = await inTenant(tenantId, async (tx) => {
    const made = await keys.insertKey(tx, {
      tenantId,
      id,
      kind: "task",
      workspaceId,
      name: input.name,
      hint: `latchkey_task_${id}`,
      keyMac: mac("api-key", key),
      permissions,
      expiresAt: input.expiresAt,
      createdBy: caller.id,
    });
    await recordWith(tx, caller, {
      tenantId,
      workspaceId,
      action: "task_identity.create",
      target: { type: "task-identity", id, name: input.name },
      detail: { permissions },
    });
    return made;
  });
  forgetCallers();
  return { row, key };
}

function holdsInWorkspace(caller: Caller, permission: Permission, scope: WorkspaceScope): boolean {
  return (
    holds(caller, permission, scope) ||
    (permission === "workspaces.auth_clients.get" && holdsOnAuthClients(caller, "get", scope))
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
