import { covers, type KeyLimits, withImplied } from "./key-limits";
import type { AuthClientAction, Permission } from "./permissions";
import type { MembershipKind } from "./roles";
import { permissionsOf } from "./roles";
import { contains, GLOBAL, SCOPE_WORDS, type Scope, sameScope, type WorkspaceScope } from "./scope";

/** Who is asking. Only lib/http/authenticate and lib/accounts/session make one. Core. */
export interface Caller {
  kind: "user" | "task";
  /** The person's id, or the task identity's. */
  id: string;
  name: string;
  email: string | null;
  /** The person, where there is one. */
  userId: string | null;
  via: "session" | "api-key";
  /** The session's or key's id, for the audit. */
  credentialId: string;
  /** What the caller holds, one entry per membership, within its key's limits. */
  holdings: readonly Holding[];
  /** A person's key that may do less than the person; null for all others. Holdings read anew are cut to it. */
  limits: KeyLimits | null;
  /** Sessions: when the password was last given, ms since the epoch (SES-5). Null for keys. */
  authenticatedAt: number | null;
  request: RequestFacts;
}

export interface Holding {
  scope: Scope;
  role: string;
  permissions: ReadonlySet<Permission>;
}

/** What the audit keeps of the request. */
export interface RequestFacts {
  requestId: string;
  ip: string | null;
  userAgent: string | null;
  /** The caller's own x-request-id. */
  purpose: string | null;
}

export function holding(kind: MembershipKind, scope: Scope, role: string): Holding {
  return { scope, role, permissions: withImplied(permissionsOf(kind, role)) };
}

/** What the instance's operator may do in every tenant without belonging to it: know of it. Never what may lead to a value. */
const IN_EVERY_TENANT: ReadonlySet<Permission> = new Set(["tenants.tenant.get"]);

/** True when the caller holds `permission` by a membership of exactly this scope, or as operator what counts in every tenant. */
export function holds(caller: Pick<Caller, "holdings">, permission: Permission, scope: Scope): boolean {
  return caller.holdings.some(
    (h) =>
      h.permissions.has(permission) &&
      (sameScope(h.scope, scope) ||
        (scope.kind === "tenant" && h.scope.kind === "global" && IN_EVERY_TENANT.has(permission))),
  );
}

/** May know every tenant there is. */
export function seesEveryTenant(caller: Caller): boolean {
  return holds(caller, "tenants.tenant.get", GLOBAL);
}

/**
 * Auth clients: either the scope's own name or the `global.` name held at that level counts (CONTRACT section 5).
 */
export function holdsOnAuthClients(caller: Pick<Caller, "holdings">, action: AuthClientAction, scope: Scope): boolean {
  const own = `${SCOPE_WORDS[scope.kind]}.auth_clients.${action}` as Permission;
  return holds(caller, own, scope) || holds(caller, `global.auth_clients.${action}`, scope);
}

/**
 * What belonging somewhere allows without any permission, such as seeing one's fellows, a limited key may only do when it
 * names the permission that stands for it.
 */
export function mayAsMember(caller: Caller, permission: Permission): boolean {
  return !caller.limits?.permissions || covers(caller.limits.permissions, permission);
}

/** A key with a part of its person's rights only: it cannot act for the person's account. */
export function isNarrowed(caller: Caller): boolean {
  return caller.limits !== null;
}

/** The scope the caller is bound to when it is a task identity: its default scope (CONTRACT section 9, point 9). */
export function boundWorkspace(caller: Caller): WorkspaceScope | null {
  const only = caller.kind === "task" ? caller.holdings[0]?.scope : undefined;
  return only?.kind === "workspace" ? only : null;
}

/** True when the caller's own part of the tree is at, above or below this scope: it may know that the scope exists. */
export function reaches(caller: Caller, scope: Scope): boolean {
  return caller.holdings.some(
    (h) => contains(scope, h.scope) || (h.scope.kind !== "global" && contains(h.scope, scope)),
  );
}

/** Every tenant the caller has a membership in, the instance left out. */
export function tenantsOf(caller: Caller): string[] {
  return [...new Set(caller.holdings.filter((h) => h.scope.kind !== "global").map((h) => h.scope.tenantId))];
}

export function isOperator(caller: Caller): boolean {
  return caller.holdings.some((h) => sameScope(h.scope, GLOBAL));
}
