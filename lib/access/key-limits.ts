import type { Holding } from "./caller";
import { AUTH_CLIENT_ACTIONS, IMPLIES, type Permission } from "./permissions";
import { SCOPE_WORDS, type Scope } from "./scope";

/**
 * What a person's key is limited to (KEY-3): the same for every look at the person's rights, so that no route can forget it.
 * A key never changes once it is made; whatever it makes lies within these limits. Core.
 */
export interface KeyLimits {
  /** With what they imply. Null: all the person may do. */
  permissions: ReadonlySet<Permission> | null;
  /** Ids of the only workspaces it reaches. Null: whatever the person reaches. */
  workspaces: ReadonlySet<string> | null;
}

export function withImplied(permissions: Iterable<Permission>): ReadonlySet<Permission> {
  const all = new Set(permissions);
  for (const permission of [...all]) for (const implied of IMPLIES[permission] ?? []) all.add(implied);
  return all;
}

/**
 * True when a key with these permissions may do what `permission` names. `global.auth_clients.x` stands for that action on
 * clients of every level (CONTRACT section 5), so it covers each level's own name.
 */
export function covers(permissions: ReadonlySet<Permission>, permission: Permission): boolean {
  if (permissions.has(permission)) return true;
  const action = /^(?:tenants|contracts|workspaces)\.auth_clients\.(\w+)$/.exec(permission)?.[1];
  return action !== undefined && permissions.has(`global.auth_clients.${action}` as Permission);
}

/**
 * The person's holdings as a key with these limits has them. Limited to workspaces, it holds nothing anywhere else, above
 * them included. A holding whose permissions are all cut off stays: it says what exists for the caller, not what it may do.
 */
export function narrow(holdings: readonly Holding[], limits: KeyLimits | null): Holding[] {
  if (!limits) return [...holdings];
  const { permissions, workspaces } = limits;
  return holdings
    .filter(({ scope }) => !workspaces || (scope.kind === "workspace" && workspaces.has(scope.workspaceId)))
    .map((holding) => (permissions ? { ...holding, permissions: cut(holding, permissions) } : holding));
}

function cut({ permissions, scope }: Holding, to: ReadonlySet<Permission>): ReadonlySet<Permission> {
  const left = new Set([...permissions].filter((permission) => covers(to, permission)));
  // A role says `global.` for any level; a key that names only this level's clients keeps just that.
  for (const action of AUTH_CLIENT_ACTIONS) {
    const own = ownClientPermission(scope, action);
    if (to.has(own) && permissions.has(`global.auth_clients.${action}`)) left.add(own);
  }
  return left;
}

const ownClientPermission = (scope: Scope, action: (typeof AUTH_CLIENT_ACTIONS)[number]) =>
  `${SCOPE_WORDS[scope.kind]}.auth_clients.${action}` as Permission;
