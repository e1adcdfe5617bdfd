import type { Caller } from "@/lib/access/caller";
import type { Permission } from "@/lib/access/permissions";
import { type KeyUseAction, readSecretAudited } from "./audited-read-store";
import { permitted } from "./permitted";
import type { SecretRow } from "./rows";

export { readLoginAudited } from "./audited-read-store";

const USE: Permission = "workspaces.auth_secret.use";

/**
 * A secret about to be used without its value being given out; its use is on record before this resolves (AU-1).
 *
 * @param action as the audit names it
 * @returns null when it is not in this workspace
 * @throws AppError not_found, forbidden, audit_unavailable
 */
export async function readForUse(
  caller: Caller,
  workspaceId: string,
  id: string,
  action: KeyUseAction,
): Promise<SecretRow | null> {
  const scope = await permitted(caller, USE, workspaceId, id);
  return readSecretAudited(caller, scope, id, action);
}
