/** Where a thing lives and how far it is seen: global > tenant > contract > workspace. Core: imports nothing. */

/** The instance itself, as a tenant: owns global auth clients, people, sessions. */
export const INSTANCE_TENANT = "000000000000000000000000";

export type ScopeKind = "global" | "tenant" | "contract" | "workspace";

/** A scope with its chain upwards. */
export type Scope =
  | { kind: "global"; tenantId: typeof INSTANCE_TENANT }
  | { kind: "tenant"; tenantId: string }
  | { kind: "contract"; tenantId: string; contractId: string }
  | WorkspaceScope;

export interface WorkspaceScope {
  kind: "workspace";
  tenantId: string;
  contractId: string;
  workspaceId: string;
}

/** How permissions of this level begin. */
export const SCOPE_WORDS = {
  global: "global",
  tenant: "tenants",
  contract: "contracts",
  workspace: "workspaces",
} as const satisfies Record<ScopeKind, string>;

export const GLOBAL: Scope = { kind: "global", tenantId: INSTANCE_TENANT };

/** The id that names the scope itself: of the workspace, the contract, the tenant or the instance. */
export function scopeId(scope: Scope): string {
  switch (scope.kind) {
    case "workspace":
      return scope.workspaceId;
    case "contract":
      return scope.contractId;
    default:
      return scope.tenantId;
  }
}

/** The scope and everything above it, nearest first: what is visible from here (CONTRACT section 2, "Scope parameter"). */
export function chain(scope: Scope): Scope[] {
  const above: Scope[] = [scope];
  if (scope.kind === "workspace")
    above.push({ kind: "contract", tenantId: scope.tenantId, contractId: scope.contractId });
  if (scope.kind === "workspace" || scope.kind === "contract") above.push({ kind: "tenant", tenantId: scope.tenantId });
  if (scope.kind !== "global") above.push(GLOBAL);
  return above;
}

export function sameScope(a: Scope, b: Scope): boolean {
  return a.kind === b.kind && a.tenantId === b.tenantId && scopeId(a) === scopeId(b);
}

/** True when `inner` is `outer` or lies below it. */
export function contains(outer: Scope, inner: Scope): boolean {
  return chain(inner).some((scope) => sameScope(scope, outer));
}
