import { boundWorkspace, type Caller, holdsOnAuthClients, reaches, tenantsOf } from "@/lib/access/caller";
import type { AuthClientAction } from "@/lib/access/permissions";
import { denyUnknown, permitOnAuthClients } from "@/lib/access/permit";
import { GLOBAL, INSTANCE_TENANT, type Scope, type ScopeKind } from "@/lib/access/scope";
import { resolveContract, resolveTenant, resolveWorkspace } from "@/lib/accounts/places";
import { recordNow } from "@/lib/audit/record";
import { about } from "@/lib/auth-clients/audited";
import type { ScopeWord } from "@/lib/auth-clients/resource";
import type { ClientRow } from "@/lib/auth-clients/store";
import * as store from "@/lib/auth-clients/store";
import { inTenant } from "@/lib/db/tx";
import { AppError } from "@/lib/errors";
import { isId } from "@/lib/ids";

/** Where a caller stands, and which clients that lets it find. */

export async function resolvePlace(caller: Caller, place: ScopeWord, action: string): Promise<Scope> {
  switch (place.kind) {
    case "global":
      return GLOBAL;
    case "workspace":
      return resolveWorkspace(caller, place.id, action);
    case "contract":
      return resolveContract(caller, place.id, action);
    case "tenant":
      return resolveTenant(caller, place.id, action);
  }
}

/** Where a list or a look starts; `.get` there is required, for global clients `.get` anywhere. */
export async function viewpoint(caller: Caller, place: ScopeWord | null): Promise<Scope> {
  const from = place ? await resolvePlace(caller, place, "auth_clients.get") : (boundWorkspace(caller) ?? GLOBAL);
  if (from.kind !== "global") await permitOnAuthClients(caller, "get", from, { type: "auth-client" });
  else if (!holdsSomewhere(caller, "get")) await refuse(caller, "get");
  return from;
}

export function holdsSomewhere(caller: Caller, action: AuthClientAction): boolean {
  return caller.holdings.some(({ scope }) => holdsOnAuthClients(caller, action, scope));
}

/** For what needs the permission somewhere, whatever the place. */
export async function refuse(caller: Caller, action: AuthClientAction): Promise<never> {
  await recordNow(caller, {
    tenantId: tenantsOf(caller)[0] ?? INSTANCE_TENANT,
    action: `auth_clients.${action}`,
    outcome: "denied",
    target: { type: "auth-client" },
  });
  throw new AppError("forbidden", `You need the permission auth_clients.${action} somewhere.`);
}

export async function lookUp(
  caller: Caller,
  id: string,
  place: ScopeWord | null,
): Promise<{ row: ClientRow; from: Scope }> {
  const from = await viewpoint(caller, place);
  const row = isId(id) ? await inTenant(from.tenantId, (tx) => store.findVisibleClient(tx, from, id)) : null;
  if (row) return { row, from };
  if (from.kind === "global") await refuseUnplaced(caller, id);
  return denyUnknown(caller, "auth_clients.get", { type: "auth-client", id });
}

const PARAMETERS: Record<ScopeKind, string> = {
  global: "",
  tenant: "tenant_id (or contract_id or workspace_id of a place in it)",
  contract: "contract_id (or workspace_id of a workspace in it)",
  workspace: "workspace_id",
};

/** Without a place the permission for a client that is not global cannot be checked: say so to those who may know of it. */
async function refuseUnplaced(caller: Caller, id: string): Promise<void> {
  const row = await find(caller, id);
  if (!row || row.scope.kind === "global" || !reaches(caller, row.scope)) return;
  await recordNow(caller, { ...about(row), action: "auth_clients.get", outcome: "denied" });
  throw new AppError(
    "forbidden",
    `This client belongs to a ${row.scope.kind}. Say from where you look at it: add ${PARAMETERS[row.scope.kind]} to the address.`,
  );
}

/** The client wherever the caller has a foot in the door; nothing is decided by this. */
async function find(caller: Caller, id: string): Promise<ClientRow | null> {
  if (!isId(id)) return null;
  for (const tenantId of [INSTANCE_TENANT, ...tenantsOf(caller)]) {
    const row = await inTenant(tenantId, (tx) => store.findClient(tx, tenantId, id));
    if (row) return row;
  }
  return null;
}

export async function requireFor(caller: Caller, action: "edit" | "delete", id: string): Promise<ClientRow> {
  const row = await find(caller, id);
  if (!row) return denyUnknown(caller, `auth_clients.${action}`, { type: "auth-client", id });
  await permitOnAuthClients(caller, action, row.scope, { type: "auth-client", id, name: row.name });
  return row;
}
