import { boundWorkspace, type Caller, tenantsOf } from "@/lib/access/caller";
import { deny, denyUnknown, requireRecentSignIn } from "@/lib/access/permit";
import { GLOBAL, INSTANCE_TENANT } from "@/lib/access/scope";
import { newApiKey } from "@/lib/accounts/api-key-format";
import { forgetCallers, forgetSessions } from "@/lib/accounts/caller-cache";
import type { ApiKeyRow } from "@/lib/accounts/key-store";
import * as keys from "@/lib/accounts/key-store";
import { provePassword } from "@/lib/accounts/prove-password";
import type { SessionRow } from "@/lib/accounts/session-store";
import * as sessions from "@/lib/accounts/session-store";
import { IDLE_MS } from "@/lib/accounts/session-token";
import { type Fellow, findUser, type UserRow, updateUser, userNames } from "@/lib/accounts/user-store";
import { recordNow, recordWith } from "@/lib/audit/record";
import { mac } from "@/lib/crypto/mac";
import { hashPassword } from "@/lib/crypto/password";
import { inTenant } from "@/lib/db/tx";
import { AppError, notFound } from "@/lib/errors";
import { isId, newId } from "@/lib/ids";

/** Use cases of a person's own account. */

/** KEY-3. */
export const DEFAULT_KEY_DAYS = 90;
export const MAX_KEY_DAYS = 365;
const MAX_KEYS = 100;

/** A task identity is nobody's account. @throws AppError forbidden */
async function requirePerson(caller: Caller, action: string): Promise<string> {
  return caller.userId ?? deny(caller, action, boundWorkspace(caller) ?? GLOBAL, { type: "user" });
}

/** Passwords and sessions are a browser's business: a key must not become one. @throws AppError forbidden */
async function requireSession(caller: Caller, action: string): Promise<string> {
  const userId = await requirePerson(caller, action);
  if (caller.via === "session") return userId;
  await recordNow(caller, {
    tenantId: INSTANCE_TENANT,
    action,
    outcome: "denied",
    target: { type: "user", id: userId },
  });
  throw new AppError("forbidden", "This is done signed in to the console, not with an API key.");
}

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
  if (!isId(id)) throw notFound("user");
  for (const tenantId of tenantsOf(caller)) {
    const user = (await inTenant(tenantId, (tx) => userNames(tx, tenantId, [id]))).get(id);
    if (user) return user;
  }
  return denyUnknown(caller, "users.get", { type: "user", id });
}

// API keys

export async function listApiKeys(caller: Caller): Promise<ApiKeyRow[]> {
  const userId = await requirePerson(caller, "api_key.list");
  return inTenant(INSTANCE_TENANT, (tx) => keys.listKeysOfUser(tx, INSTANCE_TENANT, userId));
}

/** @throws AppError not_found, forbidden */
export async function getApiKey(caller: Caller, id: string): Promise<ApiKeyRow> {
  const userId = await requirePerson(caller, "api_key.get");
  const row = await inTenant(INSTANCE_TENANT, (tx) => keys.findUserKey(tx, INSTANCE_TENANT, userId, id));
  return row ?? denyUnknown(caller, "api_key.get", { type: "api-key", id });
}

/**
 * A new key of the caller's own, shown this once. A key makes no key that outlives it (KEY-3), a session needs a recent
 * sign-in (SES-5).
 *
 * @throws AppError forbidden, reauth_required, invalid_attribute, conflict
 */
export async function createApiKey(
  caller: Caller,
  input: { name: string; expiresAt: Date | undefined },
): Promise<{ row: ApiKeyRow; key: string }> {
  const userId = await requirePerson(caller, "api_key.create");
  const now = Date.now();
  requireRecentSignIn(caller, now);
  const id = newId(now);
  const key = newApiKey("pat", id);
  const row = await inTenant(INSTANCE_TENANT, async (tx) => {
    const existing = await keys.listKeysOfUser(tx, INSTANCE_TENANT, userId);
    if (existing.length >= MAX_KEYS)
      throw new AppError("conflict", `You have ${MAX_KEYS} API keys already. Delete one you do not use.`);
    const made = await keys.insertKey(tx, {
      tenantId: INSTANCE_TENANT,
      id,
      kind: "user",
      userId,
      name: input.name,
      hint: `latchkey_pat_${id}`,
      keyMac: mac("api-key", key),
      expiresAt: expiryFor(input.expiresAt, now, ownEnd(caller, existing)),
      createdBy: userId,
    });
    await recordWith(tx, caller, {
      tenantId: INSTANCE_TENANT,
      action: "api_key.create",
      target: { type: "api-key", id, name: input.name },
    });
    return made;
  });
  forgetCallers();
  return { row, key };
}

/** When the key that asks ends; null: it does not end, or a session asks. */
function ownEnd(caller: Caller, existing: readonly ApiKeyRow[]): Date | null {
  if (caller.via !== "api-key") return null;
  const own = existing.find((row) => row.id === caller.credentialId);
  if (!own) throw new AppError("unauthenticated", "This API key has ended.");
  return own.expiresAt;
}

function expiryFor(asked: Date | undefined, nowMs: number, end: Date | null): Date {
  if (asked && end && asked > end)
    throw new AppError("invalid_attribute", "A key makes no key that outlives it. Sign in, or choose an earlier end.", {
      source: { pointer: "/data/attributes/expires_at" },
    });
  const usual = asked ?? new Date(nowMs + DEFAULT_KEY_DAYS * 86_400_000);
  return end && usual > end ? end : usual;
}

/** @throws AppError not_found, forbidden */
export async function deleteApiKey(caller: Caller, id: string): Promise<void> {
  const userId = await requirePerson(caller, "api_key.delete");
  const deleted = await inTenant(INSTANCE_TENANT, async (tx) => {
    const row = await keys.deleteUserKey(tx, INSTANCE_TENANT, userId, id);
    if (row)
      await recordWith(tx, caller, {
        tenantId: INSTANCE_TENANT,
        action: "api_key.delete",
        target: { type: "api-key", id, name: row.name },
      });
    return row;
  });
  if (!deleted) await denyUnknown(caller, "api_key.delete", { type: "api-key", id });
  forgetCallers();
}

// Sessions

/** Those alive, last used first. */
export async function listSessions(caller: Caller): Promise<SessionRow[]> {
  const userId = await requirePerson(caller, "session.list");
  const now = Date.now();
  return inTenant(INSTANCE_TENANT, (tx) => sessions.listSessionsOf(tx, userId, new Date(now), new Date(now - IDLE_MS)));
}

/** @throws AppError not_found, forbidden */
export async function endSession(caller: Caller, id: string): Promise<void> {
  const userId = await requirePerson(caller, "session.delete");
  const ended = await inTenant(INSTANCE_TENANT, async (tx) => {
    const row = await sessions.deleteSessionOf(tx, userId, id);
    if (row)
      await recordWith(tx, caller, {
        tenantId: INSTANCE_TENANT,
        action: "session.delete",
        target: { type: "session", id },
      });
    return row;
  });
  if (!ended) await denyUnknown(caller, "session.delete", { type: "session", id });
  forgetSessions();
}

/** Ends all the caller's sessions but the one that asks. */
export async function endOtherSessions(caller: Caller): Promise<void> {
  const userId = await requirePerson(caller, "session.delete");
  await inTenant(INSTANCE_TENANT, async (tx) => {
    const count = await sessions.deleteSessionsOf(tx, userId, ownSession(caller));
    await recordWith(tx, caller, {
      tenantId: INSTANCE_TENANT,
      action: "session.delete",
      target: { type: "user", id: userId },
      detail: { count },
    });
  });
  forgetSessions();
}

const ownSession = (caller: Caller) => (caller.via === "session" ? caller.credentialId : null);

// Password

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
