import type { Caller } from "@/lib/access/caller";
import type { Permission } from "@/lib/access/permissions";
import { permit } from "@/lib/access/permit";
import type { WorkspaceScope } from "@/lib/access/scope";
import { resolveWorkspace } from "@/lib/accounts/places";
import { notFound } from "@/lib/errors";
import { isId } from "@/lib/ids";

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
