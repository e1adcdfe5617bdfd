import { recordNow } from "@/lib/audit/record";
import { AppError, notFound } from "@/lib/errors";
import { type Caller, holds, holdsOnAuthClients, reaches } from "./caller";
import type { AuthClientAction, Permission } from "./permissions";
import { INSTANCE_TENANT, type Scope } from "./scope";

export interface Target {
  type: string;
  id?: string | null;
  name?: string | null;
}

/**
 * Decides, here and nowhere else. A denial is recorded on the spot and thrown: 404 when the scope is out of the caller's
 * reach (as if it did not exist), 403 inside it (CONTRACT section 9, point 4). An allowance is recorded by the caller of
 * this function together with the work it allows.
 *
 * @throws AppError not_found, forbidden
 */
export async function permit(caller: Caller, permission: Permission, scope: Scope, target: Target): Promise<void> {
  if (!holds(caller, permission, scope)) await deny(caller, permission, scope, target);
}

/** The same for auth clients, where either the scope's own permission name or the `global.` one counts. */
export async function permitOnAuthClients(
  caller: Caller,
  action: AuthClientAction,
  scope: Scope,
  target: Target,
): Promise<void> {
  if (!holdsOnAuthClients(caller, action, scope)) await deny(caller, `auth_clients.${action}`, scope, target);
}

/** Records and throws the denial. */
export async function deny(caller: Caller, permission: string, scope: Scope, target: Target): Promise<never> {
  const reach = reaches(caller, scope);
  await recordNow(caller, {
    // What a stranger tried is written down where the stranger is known, so that no tenant's trail tells of another's rows.
    tenantId: reach ? scope.tenantId : homeTenant(caller),
    workspaceId: reach && scope.kind === "workspace" ? scope.workspaceId : null,
    action: permission,
    outcome: "denied",
    target,
  });
  if (!reach) throw notFound(target.type);
  throw new AppError("forbidden", `You need the permission ${permission} here.`);
}

/** Records a reference to something out of reach and throws the 404 that says nothing about it. */
export async function denyUnknown(caller: Caller, action: string, target: Target): Promise<never> {
  await recordNow(caller, { tenantId: homeTenant(caller), action, outcome: "denied", target });
  throw notFound(target.type);
}

function homeTenant(caller: Caller): string {
  return caller.holdings.find((h) => h.scope.kind !== "global")?.scope.tenantId ?? INSTANCE_TENANT;
}

/** Step-up means signed in within the last 10 minutes, everywhere, for browser sessions only (SES-5). */
export const STEP_UP_MS = 10 * 60_000;

/** @throws AppError reauth_required when a browser session's sign-in is older than 10 minutes */
export function requireRecentSignIn(caller: Caller, nowMs: number): void {
  if (caller.via === "session" && nowMs - (caller.authenticatedAt ?? 0) > STEP_UP_MS)
    throw new AppError("reauth_required", "Confirm your password first: you signed in more than 10 minutes ago.");
}
