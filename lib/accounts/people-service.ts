import { type Caller, holds, tenantsOf } from "@/lib/access/caller";
import type { Permission } from "@/lib/access/permissions";
import { deny, denyUnknown, permit, requireRecentSignIn } from "@/lib/access/permit";
import { GLOBAL, INSTANCE_TENANT, type Scope } from "@/lib/access/scope";
import { forgetSessions } from "@/lib/accounts/caller-cache";
import { fullName } from "@/lib/accounts/callers";
import type { Member } from "@/lib/accounts/people-store";
import * as people from "@/lib/accounts/people-store";
import { resolveTenant } from "@/lib/accounts/places";
import type { SessionRow } from "@/lib/accounts/session-store";
import * as sessions from "@/lib/accounts/session-store";
import { IDLE_MS } from "@/lib/accounts/session-token";
import { switchTenant } from "@/lib/accounts/tree-store";
import { type Fellow, findUser, userNames } from "@/lib/accounts/user-store";
import { recordNow, recordWith } from "@/lib/audit/record";
import { inTenant } from "@/lib/db/tx";
import { isId } from "@/lib/ids";

/** Use cases of those who answer for other people: a tenant's owner for its members, the operator for everybody (SES-2). */

const LIST: Permission = "tenants.user.list_all";
const SEE: Permission = "tenants.user.list_sessions";
const END: Permission = "tenants.user.end_sessions";

/**
 * One page of the tenant's people with their roles there, by e-mail; without a tenant of all people, for the operator.
 *
 * @throws AppError not_found, forbidden
 */
export async function listPeople(
  caller: Caller,
  tenantId: string | null,
  page: { limit: number; offset: number },
): Promise<{ members: Member[]; total: number }> {
  const scope = tenantId === null ? GLOBAL : await resolveTenant(caller, tenantId, LIST);
  await permit(caller, LIST, scope, { type: "user" });
  if (scope.kind === "global") {
    const found = await inTenant(INSTANCE_TENANT, (tx) => people.listUsers(tx, page));
    return { members: found.people.map((person) => ({ person, roles: [] })), total: found.total };
  }
  const all = await inTenant(scope.tenantId, (tx) => people.listMembers(tx, scope.tenantId));
  return { members: all.slice(page.offset, page.offset + page.limit), total: all.length };
}

/** Where the person is signed in, last used first; on record. @throws AppError not_found, forbidden */
export async function listSessionsOf(caller: Caller, userId: string): Promise<SessionRow[]> {
  const { scope, person } = await answerFor(caller, userId, SEE);
  const now = Date.now();
  await recordNow(caller, { tenantId: scope.tenantId, action: "session.list", target: targetOf(person) });
  return inTenant(INSTANCE_TENANT, (tx) => sessions.listSessionsOf(tx, userId, new Date(now), new Date(now - IDLE_MS)));
}

/** Signs the person out of one browser. @throws AppError not_found, forbidden, reauth_required */
export async function endSessionOf(caller: Caller, userId: string, id: string): Promise<void> {
  const { scope, person } = await answerFor(caller, userId, END, "session");
  requireRecentSignIn(caller, Date.now());
  const ended = await inTenant(INSTANCE_TENANT, async (tx) => {
    const row = await sessions.deleteSessionOf(tx, userId, id);
    if (!row) return false;
    await switchTenant(tx, scope.tenantId);
    await recordWith(tx, caller, {
      tenantId: scope.tenantId,
      action: "session.delete",
      target: { type: "session", id },
      detail: { user: person.id, name: nameOf(person) },
    });
    return true;
  });
  if (!ended) await denyUnknown(caller, "session.delete", { type: "session", id });
  forgetSessions();
}

/** Signs the person out everywhere; of one's own sessions the one that asks stays. @throws AppError as `endSessionOf` */
export async function endSessionsOf(caller: Caller, userId: string): Promise<void> {
  const { scope, person } = await answerFor(caller, userId, END);
  requireRecentSignIn(caller, Date.now());
  await inTenant(INSTANCE_TENANT, async (tx) => {
    const count = await sessions.deleteSessionsOf(tx, userId, caller.via === "session" ? caller.credentialId : null);
    await switchTenant(tx, scope.tenantId);
    await recordWith(tx, caller, {
      tenantId: scope.tenantId,
      action: "session.delete",
      target: targetOf(person),
      detail: { count },
    });
  });
  forgetSessions();
}

/**
 * The person, and where the caller's right over them comes from: the instance, or a tenant they belong to.
 *
 * @param what was asked for, and does not exist when the person does not
 */
async function answerFor(
  caller: Caller,
  userId: string,
  permission: Permission,
  what: "user" | "session" = "user",
): Promise<{ scope: Scope; person: Fellow }> {
  const target = { type: what, id: userId };
  if (!isId(userId)) return denyUnknown(caller, permission, target);
  if (holds(caller, permission, GLOBAL)) {
    const person = await inTenant(INSTANCE_TENANT, (tx) => findUser(tx, userId));
    return person ? { scope: GLOBAL, person } : denyUnknown(caller, permission, target);
  }
  let fellowIn: Scope | null = null;
  for (const tenantId of tenantsOf(caller)) {
    const person = (await inTenant(tenantId, (tx) => userNames(tx, tenantId, [userId]))).get(userId);
    if (!person) continue;
    const scope: Scope = { kind: "tenant", tenantId };
    if (holds(caller, permission, scope)) return { scope, person };
    fellowIn ??= scope;
  }
  return fellowIn
    ? deny(caller, permission, fellowIn, { type: "user", id: userId })
    : denyUnknown(caller, permission, target);
}

const nameOf = (person: Fellow) => fullName(person.firstName, person.lastName) || person.email;
const targetOf = (person: Fellow) => ({ type: "user", id: person.id, name: nameOf(person) });
