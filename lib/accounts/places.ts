import type { Caller } from "@/lib/access/caller";
import { reaches, tenantsOf } from "@/lib/access/caller";
import { denyUnknown } from "@/lib/access/permit";
import type { Scope, WorkspaceScope } from "@/lib/access/scope";
import { loadHoldings } from "@/lib/accounts/holdings-store";
import { findContract, findWorkspace } from "@/lib/accounts/tree-store";
import { inTenant } from "@/lib/db/tx";
import { notFound } from "@/lib/errors";
import { isId } from "@/lib/ids";

type TenantScope = Extract<Scope, { kind: "tenant" }>;
type ContractScope = Extract<Scope, { kind: "contract" }>;

/**
 * The workspace of this id with its chain upwards. It only says where the workspace is, and only where the caller's part of
 * the tree reaches it (elsewhere it does not exist, in the same words): `permit` decides. Costs no I/O for a workspace the caller is a member of.
 *
 * @param action what was tried, for the audit's entry when there is no such workspace in the caller's reach
 * @throws AppError not_found
 */
export async function resolveWorkspace(
  caller: Caller,
  workspaceId: string,
  action = "workspaces.workspace.get",
): Promise<WorkspaceScope> {
  const scope = memberOf(caller, workspaceId);
  if (scope) return scope;
  if (!isId(workspaceId)) throw notFound("workspace");
  const fresh = await reload(caller, () => memberOf(caller, workspaceId));
  if (fresh) return fresh;
  for (const tenantId of tenantsOf(caller)) {
    const row = await inTenant(tenantId, (tx) => findWorkspace(tx, tenantId, workspaceId));
    const scope = row && ({ kind: "workspace", tenantId, contractId: row.contractId, workspaceId } as const);
    if (scope && reaches(caller, scope)) return scope;
  }
  return denyUnknown(caller, action, { type: "workspace", id: workspaceId });
}

/** As `resolveWorkspace`, for a contract. */
export async function resolveContract(
  caller: Caller,
  contractId: string,
  action = "contracts.contract.get",
): Promise<ContractScope> {
  const scope = contractAround(caller, contractId);
  if (scope) return scope;
  if (!isId(contractId)) throw notFound("contract");
  const fresh = await reload(caller, () => contractAround(caller, contractId));
  if (fresh) return fresh;
  for (const tenantId of tenantsOf(caller)) {
    const row = await inTenant(tenantId, (tx) => findContract(tx, tenantId, contractId));
    const scope = { kind: "contract", tenantId, contractId } as const;
    if (row && reaches(caller, scope)) return scope;
  }
  return denyUnknown(caller, action, { type: "contract", id: contractId });
}

/** As `resolveWorkspace`, for a tenant: one the caller belongs to, at whatever level. */
export async function resolveTenant(
  caller: Caller,
  tenantId: string,
  action = "tenants.tenant.get",
): Promise<TenantScope> {
  const scope = () => (tenantsOf(caller).includes(tenantId) ? ({ kind: "tenant", tenantId } as const) : null);
  const known = scope();
  if (known) return known;
  if (!isId(tenantId)) throw notFound("tenant");
  return (await reload(caller, scope)) ?? denyUnknown(caller, action, { type: "tenant", id: tenantId });
}

function memberOf(caller: Caller, workspaceId: string): WorkspaceScope | null {
  for (const { scope } of caller.holdings)
    if (scope.kind === "workspace" && scope.workspaceId === workspaceId) return scope;
  return null;
}

function contractAround(caller: Caller, contractId: string): ContractScope | null {
  for (const { scope } of caller.holdings)
    if ((scope.kind === "contract" || scope.kind === "workspace") && scope.contractId === contractId)
      return { kind: "contract", tenantId: scope.tenantId, contractId };
  return null;
}

/**
 * Memberships are remembered for 5 s, so one made a moment ago through another process may be missing. Before something is
 * said not to exist, this request's caller gets them fresh.
 */
async function reload<T>(caller: Caller, look: () => T | null): Promise<T | null> {
  if (caller.userId === null) return null;
  caller.holdings = await loadHoldings(caller.userId, caller.limits);
  return look();
}
