import { type Caller, holds, holdsOnAuthClients, tenantsOf } from "@/lib/access/caller";
import { INSTANCE_TENANT, type Scope } from "@/lib/access/scope";
import { lookUp } from "@/lib/auth-clients/look-up";
import type { ScopeWord } from "@/lib/auth-clients/resource";
import { type ClientUser, countGlobalUses, secretsUsing } from "@/lib/auth-clients/usage-store";
import { inTenant } from "@/lib/db/tx";

/** Who uses a client, as far as a caller may know. */

/** Who uses a client, as far as this caller may know. */
export interface ClientUsage {
  users: ClientUser[];
  /** All users, when the caller holds `.get` at the client's own scope; else undefined. */
  total?: number;
}

/**
 * The secrets that use a client, of those workspaces whose secrets the caller may see.
 *
 * @throws AppError not_found, forbidden
 */
export async function readUsage(caller: Caller, id: string, place: ScopeWord | null): Promise<ClientUsage> {
  const { row, from } = await lookUp(caller, id, place);
  const tenantIds = from.kind === "global" ? tenantsOf(caller) : [from.tenantId];
  const users: ClientUser[] = [];
  let total = 0;
  for (const tenantId of tenantIds) {
    const all = await inTenant(tenantId, (tx) => secretsUsing(tx, tenantId, row));
    total += all.length;
    users.push(...all.filter((user) => maySee(caller, tenantId, user)));
  }
  if (!holdsOnAuthClients(caller, "get", row.scope)) return { users };
  if (row.scope.kind === "global") total = await inTenant(INSTANCE_TENANT, (tx) => countGlobalUses(tx, id));
  return { users, total };
}

export function maySee(caller: Caller, tenantId: string, user: ClientUser): boolean {
  const scope: Scope = { kind: "workspace", tenantId, contractId: user.contractId, workspaceId: user.workspaceId };
  return holds(caller, "workspaces.auth_secret.get", scope);
}

const NAMED = 5;

export function inUseText(named: readonly ClientUser[], total: number): string {
  const names = named.slice(0, NAMED).map((user) => `“${user.name}” in ${user.workspaceName}`);
  const others = total - names.length;
  if (names.length === 0)
    return `${total === 1 ? "A secret uses" : `${total} secrets use`} this client, in workspaces whose secrets you cannot see.`;
  const unseen = total - named.length;
  const where = unseen > 0 ? `, ${unseen} of them in workspaces whose secrets you cannot see` : "";
  const tail = others > 0 ? ` and ${others} more${where}` : "";
  return `In use by ${names.join(", ")}${tail}. Delete ${total === 1 ? "that secret" : "those secrets"} first.`;
}
