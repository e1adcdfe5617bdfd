import { type Caller, holds, mayAsMember, reaches, tenantsOf } from "@/lib/access/caller";
import { deny, denyUnknown, permit } from "@/lib/access/permit";
import type { Scope } from "@/lib/access/scope";
import { resolveContract } from "@/lib/accounts/places";
import { recordNow, recordWith } from "@/lib/audit/record";
import { inTenant, type Tx } from "@/lib/db/tx";
import { AppError, type ErrorItem, notFound } from "@/lib/errors";
import { isId, newId } from "@/lib/ids";
import type { ComponentRow } from "./store";
import * as store from "./store";

const READ = "contracts.repository.get";

/** Registers a component in a contract. @throws AppError not_found, forbidden */
export async function createComponent(
  caller: Caller,
  input: { name: string; access: "team" | "tenant"; contractId: string },
): Promise<ComponentRow> {
  const contract = await resolveContract(caller, input.contractId, "contracts.repository.edit");
  await permit(caller, "contracts.repository.edit", contract, { type: "component", name: input.name });
  const id = newId();
  return inTenant(contract.tenantId, async (tx) => {
    const row = await store.insertComponent(tx, {
      tenantId: contract.tenantId,
      id,
      contractId: contract.contractId,
      name: input.name,
      access: input.access,
    });
    await recordWith(tx, caller, {
      tenantId: contract.tenantId,
      action: "component.create",
      target: { type: "component", id, name: input.name },
    });
    return row;
  });
}

/** `private`: the contract's own; `public`: what others share; `all`: both. */
export type ComponentFilter = "private" | "public" | "all";

/** What a contract can use, by name. @throws AppError not_found, forbidden */
export async function listComponents(
  caller: Caller,
  contractId: string,
  filter: ComponentFilter,
): Promise<ComponentRow[]> {
  const contract = await resolveContract(caller, contractId, "contracts.repository.get");
  if (!belongsTo(caller, contract)) await permit(caller, "contracts.repository.get", contract, { type: "component" });
  const rows = await inTenant(contract.tenantId, (tx) => store.listComponents(tx, contract.tenantId, contractId));
  if (filter === "all") return rows;
  return rows.filter((row) => (row.contractId === contractId) === (filter === "private"));
}

/** @throws AppError not_found, forbidden */
export async function getComponent(caller: Caller, id: string): Promise<ComponentRow> {
  const row = await lookUp(caller, id, "contracts.repository.get");
  await permitReading(caller, row);
  return row;
}

/** Deletes an unused component. @throws AppError not_found, forbidden, in_use naming what uses it */
export async function deleteComponent(caller: Caller, id: string): Promise<void> {
  const found = await lookUp(caller, id, "contracts.repository.edit");
  const target = { type: "component", id, name: found.name };
  await permit(caller, "contracts.repository.edit", contractOf(found), target);
  await inTenant(found.tenantId, async (tx) => {
    if (!(await store.lockComponent(tx, found.tenantId, id))) throw notFound("component");
    const users = await store.clientsUsing(tx, id);
    if (users.length > 0)
      throw new AppError(
        "in_use",
        `This component is used by the auth client${users.length > 1 ? "s" : ""} ${users.map((user) => `${user.name} (${user.id})`).join(", ")}. Take it out there first.`,
      );
    await store.deleteComponent(tx, found.tenantId, id);
    await recordWith(tx, caller, { tenantId: found.tenantId, action: "component.delete", target });
  });
}

/**
 * Of these ids, the components that an auth client of this scope may name: of the same contract; of the same tenant when
 * shared with it; global ones. A client of the whole tenant may name every component of the tenant. `tx` is in the scope's
 * tenant; for a global scope use `requireVisibleComponents`, which knows whose components the caller sees.
 */
export async function componentsVisible(tx: Tx, scope: Scope, ids: readonly string[]): Promise<string[]> {
  const rows = await store.findComponents(tx, scope.tenantId, ids.filter(isId));
  return rows.filter((row) => visibleFrom(scope, row)).map((row) => row.id);
}

/**
 * Refuses ids that do not exist or cannot be seen from the scope, both with the same words (AZ-3). For a client of the
 * instance these are components of contracts the caller belongs to.
 *
 * @throws AppError invalid_attribute, pointing into `/data/relationships/components/data`
 */
export async function requireVisibleComponents(caller: Caller, scope: Scope, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const visible = new Set(
    scope.kind === "global"
      ? await visibleToCaller(caller, ids)
      : await inTenant(scope.tenantId, (tx) => componentsVisible(tx, scope, ids)),
  );
  const missing: ErrorItem[] = ids.flatMap((id, i) =>
    visible.has(id)
      ? []
      : [
          {
            code: "invalid_attribute" as const,
            detail: "There is no such component here, or you have no access to it.",
            source: { pointer: `/data/relationships/components/data/${i}/id` },
          },
        ],
  );
  const [first, ...more] = missing;
  if (!first) return;
  await recordNow(caller, {
    tenantId: scope.tenantId,
    workspaceId: scope.kind === "workspace" ? scope.workspaceId : null,
    action: "contracts.repository.get",
    outcome: "denied",
    target: { type: "component", id: ids.find((id) => !visible.has(id)) },
  });
  throw new AppError("invalid_attribute", first.detail, { source: first.source, more: more.slice(0, 49) });
}

async function visibleToCaller(caller: Caller, ids: readonly string[]): Promise<string[]> {
  const seen: string[] = [];
  for (const tenantId of tenantsOf(caller)) {
    const rows = await inTenant(tenantId, (tx) => store.findComponents(tx, tenantId, ids.filter(isId)));
    seen.push(...rows.filter((row) => mayRead(caller, row)).map((row) => row.id));
  }
  return seen;
}

function visibleFrom(scope: Scope, row: ComponentRow): boolean {
  if (row.access === "global") return true;
  if (row.tenantId !== scope.tenantId) return false;
  if (scope.kind === "tenant" || row.access === "tenant") return true;
  return (scope.kind === "contract" || scope.kind === "workspace") && row.contractId === scope.contractId;
}

const contractOf = (row: ComponentRow) =>
  ({ kind: "contract", tenantId: row.tenantId, contractId: row.contractId }) as const;

/** A member of the contract or of a workspace in it: components are what steps there are made of. */
function belongsTo(caller: Caller, contract: { tenantId: string; contractId: string }): boolean {
  if (!mayAsMember(caller, READ)) return false;
  return caller.holdings.some(
    ({ scope }) =>
      (scope.kind === "contract" || scope.kind === "workspace") &&
      scope.tenantId === contract.tenantId &&
      scope.contractId === contract.contractId,
  );
}

function mayRead(caller: Caller, row: ComponentRow): boolean {
  return (
    belongsTo(caller, row) ||
    holds(caller, "tenants.component.list_all", { kind: "tenant", tenantId: row.tenantId }) ||
    (row.access !== "team" && mayAsMember(caller, READ) && tenantsOf(caller).includes(row.tenantId))
  );
}

async function permitReading(caller: Caller, row: ComponentRow): Promise<void> {
  if (!mayRead(caller, row))
    await deny(caller, "contracts.repository.get", contractOf(row), { type: "component", id: row.id });
}

/** A component of one of the caller's tenants; a sibling contract's private one is as unknown as a foreign one. */
async function lookUp(caller: Caller, id: string, action: string): Promise<ComponentRow> {
  if (!isId(id)) throw notFound("component");
  for (const tenantId of tenantsOf(caller)) {
    const row = await inTenant(tenantId, (tx) => store.findComponent(tx, tenantId, id));
    if (row && (mayRead(caller, row) || reaches(caller, contractOf(row)))) return row;
  }
  return denyUnknown(caller, action, { type: "component", id });
}
