import {
  boundWorkspace,
  type Caller,
  holds,
  holdsOnAuthClients,
  seesEveryTenant,
  tenantsOf,
} from "@/lib/access/caller";
import { type AuthClientAction, PERMISSIONS, type Permission } from "@/lib/access/permissions";
import { deny, permit, requireRecentSignIn } from "@/lib/access/permit";
import type { RevealPolicy } from "@/lib/access/reveal-policy";
import { chain, GLOBAL, INSTANCE_TENANT, type Scope, sameScope, type WorkspaceScope } from "@/lib/access/scope";
import { forgetCallers } from "@/lib/accounts/caller-cache";
import { resolveContract, resolveTenant, resolveWorkspace } from "@/lib/accounts/places";
import { holdHere, refuseNow } from "@/lib/accounts/still-may";
import type { ContractRow, TenantRow, WorkspaceRow } from "@/lib/accounts/tree-store";
import * as store from "@/lib/accounts/tree-store";
import { recordWith } from "@/lib/audit/record";
import { systemClock } from "@/lib/clock";
import { inTenant, type Tx } from "@/lib/db/tx";
import { AppError, notFound } from "@/lib/errors";
import { isId, newId, newRedirectCode } from "@/lib/ids";

/** Use cases of the tree tenant > contract > workspace. */

/** Lists are for people; a task identity knows its own workspace and contract by id only (CONTRACT section 1). */
async function refuseTask(caller: Caller, what: "workspace" | "contract" | "tenant"): Promise<void> {
  const bound = boundWorkspace(caller);
  if (bound) await deny(caller, `${what}s.list`, bound, { type: what });
}

/** A person, because somebody must own what is made. */
async function requirePerson(caller: Caller, permission: string, scope: Scope, type: string): Promise<string> {
  return caller.userId ?? deny(caller, permission, scope, { type });
}

// Tenants

/** The tenants the caller may see as such, by name; for the operator all of them. @throws AppError forbidden */
export async function listTenants(caller: Caller): Promise<TenantRow[]> {
  await refuseTask(caller, "tenant");
  if (seesEveryTenant(caller)) return store.everyTenant();
  const rows: TenantRow[] = [];
  for (const tenantId of tenantsOf(caller)) {
    if (!holds(caller, "tenants.tenant.get", { kind: "tenant", tenantId })) continue;
    const row = await inTenant(tenantId, (tx) => store.findTenant(tx, tenantId));
    if (row) rows.push(row);
  }
  return rows.sort(byName);
}

/** By tenant id, what the caller may do there; under the instance's id what it may as operator. For showing and hiding. */
export function permissionsOverTenants(caller: Caller): Record<string, Permission[]> {
  const scopes: Scope[] = [GLOBAL, ...tenantsOf(caller).map((tenantId) => ({ kind: "tenant", tenantId }) as const)];
  return Object.fromEntries(
    scopes.flatMap((scope) => {
      const held = (Object.keys(PERMISSIONS) as Permission[]).filter((name) => holds(caller, name, scope));
      return held.length > 0 ? [[scope.tenantId, held.sort()]] : [];
    }),
  );
}

/** One the caller belongs to, at whatever level; for the operator any there is. @throws AppError not_found, forbidden */
export async function getTenant(caller: Caller, id: string): Promise<TenantRow> {
  if (seesEveryTenant(caller) && isId(id) && id !== INSTANCE_TENANT) {
    const known = await inTenant(id, (tx) => store.findTenant(tx, id));
    if (known) return known;
  }
  const scope = await resolveTenant(caller, id);
  await permit(caller, "tenants.tenant.get", scope, { type: "tenant", id });
  const row = await inTenant(id, (tx) => store.findTenant(tx, id));
  if (!row) throw notFound("tenant");
  return row;
}

/**
 * Decides for every secret of the tenant whether values may be shown to people; for a browser only after a recent sign-in (VAL-2).
 *
 * @param reveal nothing changes when it is left out
 * @throws AppError not_found, forbidden, reauth_required
 */
export async function editTenant(caller: Caller, id: string, reveal: RevealPolicy | undefined): Promise<TenantRow> {
  const scope = await resolveTenant(caller, id, "tenants.tenant.edit");
  await permit(caller, "tenants.tenant.edit", scope, { type: "tenant", id });
  requireRecentSignIn(caller, systemClock.now());
  return inTenant(id, async (tx) => {
    const before = await store.lockTenant(tx, id);
    if (!before) throw notFound("tenant");
    if (reveal === undefined) return before;
    await store.setTenantReveal(tx, id, reveal);
    await recordWith(tx, caller, {
      tenantId: id,
      action: "tenant.edit",
      target: { type: "tenant", id, name: before.name },
      detail: { reveal_before: before.reveal, reveal_after: reveal },
    });
    return { ...before, reveal };
  });
}

// Contracts

/** The contracts the caller is a member of, by name. @throws AppError forbidden */
export async function listContracts(caller: Caller): Promise<ContractRow[]> {
  await refuseTask(caller, "contract");
  const rows: ContractRow[] = [];
  for (const tenantId of tenantsOf(caller)) {
    const ids = scopeIds(caller, tenantId, "contracts.contract.get");
    rows.push(...(await inTenant(tenantId, (tx) => store.listContracts(tx, tenantId, ids))));
  }
  return rows.sort(byName);
}

/** @throws AppError not_found, forbidden */
export async function getContract(caller: Caller, id: string): Promise<ContractRow> {
  const scope = await resolveContract(caller, id);
  if (boundWorkspace(caller)?.contractId !== id)
    await permit(caller, "contracts.contract.get", scope, { type: "contract", id });
  const row = await inTenant(scope.tenantId, (tx) => store.findContract(tx, scope.tenantId, id));
  if (!row) throw notFound("contract");
  return row;
}

/** Makes a contract that the caller owns. @throws AppError not_found, forbidden, invalid_attribute */
export async function createContract(
  caller: Caller,
  input: { name: string; tenantId: string | undefined },
): Promise<ContractRow> {
  const judge = async () => {
    const tenant = await resolveTenant(caller, input.tenantId ?? onlyTenant(caller), "tenants.contract.create");
    await permit(caller, "tenants.contract.create", tenant, { type: "contract", name: input.name });
    return tenant;
  };
  const tenant = await judge();
  const userId = await requirePerson(caller, "tenants.contract.create", tenant, "contract");
  const { tenantId } = tenant;
  const id = newId();
  const row = await inTenant(tenantId, async (tx) => {
    if (!holds(await holdHere(tx, caller, tenant), "tenants.contract.create", tenant)) return null;
    const made = await store.insertContract(tx, { tenantId, id, name: input.name, redirectCode: newRedirectCode() });
    await store.insertMembership(tx, { tenantId, scopeKind: "contract", scopeId: id, userId, role: "owner" });
    await recordWith(tx, caller, {
      tenantId,
      action: "contract.create",
      target: { type: "contract", id, name: input.name },
    });
    return made;
  });
  forgetCallers();
  return row ?? refuseNow(caller, judge);
}

function onlyTenant(caller: Caller): string {
  const [only, ...others] = tenantsOf(caller);
  if (only === undefined || others.length > 0)
    throw new AppError("invalid_attribute", "Name the tenant: you belong to several, or to none.", {
      source: { pointer: "/data/relationships/tenant" },
    });
  return only;
}

// Workspaces

export interface WorkspaceWithContract {
  workspace: WorkspaceRow;
  contract: ContractRow | undefined;
}

/**
 * The workspaces the caller is a member of, and all of contracts where the caller may list them, by name.
 *
 * @param contractId only this contract's
 * @throws AppError not_found, forbidden
 */
export async function listWorkspaces(caller: Caller, contractId: string | null): Promise<WorkspaceWithContract[]> {
  await refuseTask(caller, "workspace");
  const only = contractId === null ? null : await resolveContract(caller, contractId, "workspaces.list");
  const found: WorkspaceWithContract[] = [];
  for (const tenantId of only ? [only.tenantId] : tenantsOf(caller)) {
    const ids = scopeIds(caller, tenantId, "workspaces.workspace.get");
    const contractIds = scopeIds(caller, tenantId, "workspaces.workspace.listAll");
    found.push(
      ...(await inTenant(tenantId, async (tx) =>
        withContracts(tx, tenantId, await store.listWorkspaces(tx, tenantId, { ids, contractIds })),
      )),
    );
  }
  return found
    .filter(({ workspace }) => !only || workspace.contractId === only.contractId)
    .sort((a, b) => byName(a.workspace, b.workspace));
}

async function withContracts(tx: Tx, tenantId: string, rows: WorkspaceRow[]): Promise<WorkspaceWithContract[]> {
  const contracts = await store.listContracts(tx, tenantId, [...new Set(rows.map((row) => row.contractId))]);
  const byId = new Map(contracts.map((row) => [row.id, row]));
  return rows.map((workspace) => ({ workspace, contract: byId.get(workspace.contractId) }));
}

/** The workspace and what the caller may do in it. @throws AppError not_found, forbidden */
export async function getWorkspace(
  caller: Caller,
  id: string,
): Promise<{ workspace: WorkspaceRow; permissions: Permission[]; authClientPlaces: Scope["kind"][] }> {
  const scope = await resolveWorkspace(caller, id);
  const bound = boundWorkspace(caller);
  const contract: Scope = { kind: "contract", tenantId: scope.tenantId, contractId: scope.contractId };
  if (!(bound && sameScope(bound, scope)) && !holds(caller, "workspaces.workspace.listAll", contract))
    await permit(caller, "workspaces.workspace.get", scope, { type: "workspace", id });
  const workspace = await inTenant(scope.tenantId, (tx) => store.findWorkspace(tx, scope.tenantId, id));
  if (!workspace) throw notFound("workspace");
  return {
    workspace,
    permissions: permissionsIn(caller, scope),
    // Where, from here upwards, the caller may add an auth client: what the form may offer as its visibility.
    authClientPlaces: chain(scope)
      .filter((place) => holdsOnAuthClients(caller, "create", place))
      .map((place) => place.kind),
  };
}

/** Makes a workspace that the caller owns. @throws AppError not_found, forbidden */
export async function createWorkspace(
  caller: Caller,
  input: { name: string; contractId: string },
): Promise<WorkspaceRow> {
  const judge = async () => {
    const contract = await resolveContract(caller, input.contractId, "contracts.workspace.create");
    await permit(caller, "contracts.workspace.create", contract, { type: "workspace", name: input.name });
    return contract;
  };
  const contract = await judge();
  const userId = await requirePerson(caller, "contracts.workspace.create", contract, "workspace");
  const { tenantId, contractId } = contract;
  const id = newId();
  const row = await inTenant(tenantId, async (tx) => {
    if (!holds(await holdHere(tx, caller, contract), "contracts.workspace.create", contract)) return null;
    const made = await store.insertWorkspace(tx, {
      tenantId,
      id,
      contractId,
      name: input.name,
      redirectCode: newRedirectCode(),
    });
    await store.insertMembership(tx, { tenantId, scopeKind: "workspace", scopeId: id, userId, role: "owner" });
    await recordWith(tx, caller, {
      tenantId,
      workspaceId: id,
      action: "workspace.create",
      target: { type: "workspace", id, name: input.name },
    });
    return made;
  });
  forgetCallers();
  return row ?? refuseNow(caller, judge);
}

/** @throws AppError not_found, forbidden */
export async function renameWorkspace(caller: Caller, id: string, name: string | undefined): Promise<WorkspaceRow> {
  const scope = await resolveWorkspace(caller, id, "workspaces.workspace.edit");
  const target = { type: "workspace", id, name };
  await permit(caller, "workspaces.workspace.edit", scope, target);
  const row = await inTenant(scope.tenantId, async (tx) => {
    if (name === undefined) return store.findWorkspace(tx, scope.tenantId, id);
    const renamed = await store.renameWorkspace(tx, scope.tenantId, id, name);
    if (renamed)
      await recordWith(tx, caller, { tenantId: scope.tenantId, workspaceId: id, action: "workspace.edit", target });
    return renamed;
  });
  if (!row) throw notFound("workspace");
  return row;
}

// What is shared

/** The ids of the tenant's contracts or workspaces where the caller holds the permission. */
function scopeIds(caller: Caller, tenantId: string, permission: Permission): string[] {
  return caller.holdings.flatMap(({ scope, permissions }) => {
    if (scope.tenantId !== tenantId || !permissions.has(permission)) return [];
    if (scope.kind === "contract") return [scope.contractId];
    return scope.kind === "workspace" ? [scope.workspaceId] : [];
  });
}

const CLIENT_ACTIONS: readonly AuthClientAction[] = ["get", "create", "edit", "delete"];

/** All the caller holds in the workspace itself; auth clients under the workspace's own names too, whichever were granted. */
function permissionsIn(caller: Caller, scope: WorkspaceScope): Permission[] {
  const held = new Set((Object.keys(PERMISSIONS) as Permission[]).filter((name) => holds(caller, name, scope)));
  for (const action of CLIENT_ACTIONS)
    if (holdsOnAuthClients(caller, action, scope)) held.add(`workspaces.auth_clients.${action}`);
  return [...held].sort();
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name.localeCompare(b.name, "en");
}
