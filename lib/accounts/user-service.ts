import { type Caller, mayAsMember, tenantsOf } from "@/lib/access/caller";
import { denyUnknown } from "@/lib/access/permit";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { forgetSessions } from "@/lib/accounts/caller-cache";
import { provePassword } from "@/lib/accounts/prove-password";
import { requirePerson, requireSession, requireWholePerson } from "@/lib/accounts/require-person";
import * as sessions from "@/lib/accounts/session-store";
import { type Fellow, findUser, type UserRow, updateUser, userNames } from "@/lib/accounts/user-store";
import { recordNow, recordWith } from "@/lib/audit/record";
import { hashPassword } from "@/lib/crypto/password";
import { inTenant } from "@/lib/db/tx";
import { AppError, notFound } from "@/lib/errors";
import { isId } from "@/lib/ids";

/** Use cases of a person's own account. */

/** @throws AppError forbidden for a task identity */
export async function getSelf(caller: Caller): Promise<UserRow> {
  const userId = await requirePerson(caller, "users.me");
  const user = await inTenant(INSTANCE_TENANT, (tx) => findUser(tx, userId));
  if (!user) throw notFound("user");
  return user;
}

/** The caller, or a person who belongs to a tenant the caller belongs to. @throws AppError not_found, forbidden */
export async function getUser(caller: Caller, id: string): Promise<Fellow> {
  const own = await requirePerson(caller, "users.get");
  if (id === own) return getSelf(caller);
  if (!mayAsMember(caller, "tenants.user.list_all")) await requireWholePerson(caller, "users.get");
  if (!isId(id)) throw notFound("user");
  for (const tenantId of tenantsOf(caller)) {
    const user = (await inTenant(tenantId, (tx) => userNames(tx, tenantId, [id]))).get(id);
    if (user) return user;
  }
  return denyUnknown(caller, "users.get", { type: "user", id });
}

/** Changes the password and ends every other session. @throws AppError forbidden, invalid_attribute, throttled */
export async function changePassword(caller: Caller, current: string, password: string): Promise<void> {
  const userId = await requireSession(caller, "password.edit");
  await provePasswordOf(caller, userId, current, "/current", "password.edit");
  const passwordHash = await hashPassword(password);
  const now = new Date();
  await inTenant(INSTANCE_TENANT, async (tx) => {
    await updateUser(tx, userId, { passwordHash });
    await sessions.deleteSessionsOf(tx, userId, caller.credentialId);
    await sessions.setAuthenticated(tx, caller.credentialId, now);
    await recordWith(tx, caller, {
      tenantId: INSTANCE_TENANT,
      action: "password.edit",
      target: { type: "user", id: userId, name: caller.name },
    });
  });
  forgetSessions();
}

/** Proves the password again, so that what needs a recent sign-in may be done. @throws AppError forbidden, invalid_attribute, throttled */
export async function reauthenticate(caller: Caller, password: string): Promise<void> {
  const userId = await requireSession(caller, "session.reauthenticate");
  await provePasswordOf(caller, userId, password, "/password", "session.reauthenticate");
  await inTenant(INSTANCE_TENANT, async (tx) => {
    await sessions.setAuthenticated(tx, caller.credentialId, new Date());
    await recordWith(tx, caller, {
      tenantId: INSTANCE_TENANT,
      action: "session.reauthenticate",
      target: { type: "session", id: caller.credentialId },
    });
  });
  forgetSessions();
}

async function provePasswordOf(
  caller: Caller,
  userId: string,
  password: string,
  pointer: string,
  action: string,
): Promise<void> {
  const proven = await provePassword({
    email: caller.email ?? "",
    password,
    ip: caller.request.ip,
    device: null,
    signedInAs: userId,
  });
  if (proven?.id === userId) return;
  await recordNow(caller, {
    tenantId: INSTANCE_TENANT,
    action,
    outcome: "failed",
    target: { type: "user", id: userId },
  });
  throw new AppError("invalid_attribute", "This password is wrong.", { source: { pointer } });
}
