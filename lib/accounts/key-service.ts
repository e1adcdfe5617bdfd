import type { Caller } from "@/lib/access/caller";
import type { Permission } from "@/lib/access/permissions";
import { denyUnknown, requireRecentSignIn } from "@/lib/access/permit";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { newApiKey } from "@/lib/accounts/api-key-format";
import { forgetCallers } from "@/lib/accounts/caller-cache";
import { loadHoldings } from "@/lib/accounts/holdings-store";
import type { ApiKeyRow } from "@/lib/accounts/key-store";
import * as keys from "@/lib/accounts/key-store";
import { holdOwnCredential, within } from "@/lib/accounts/own-credential";
import { requirePerson, requireWholePerson } from "@/lib/accounts/require-person";
import { lockUser } from "@/lib/accounts/user-store";
import { recordWith } from "@/lib/audit/record";
import { mac } from "@/lib/crypto/mac";
import { inTenant } from "@/lib/db/tx";
import { AppError } from "@/lib/errors";
import { newId } from "@/lib/ids";

/** Use cases of a person's own API keys. */

/** KEY-3. */
export const DEFAULT_KEY_DAYS = 90;
export const MAX_KEY_DAYS = 365;
const MAX_KEYS = 100;
const DAY_MS = 86_400_000;

export interface NewApiKey {
  name: string;
  expiresAt: Date | undefined;
  /** What it is limited to; null or absent: what the maker's credential may do. */
  permissions?: readonly Permission[] | null | undefined;
  workspaces?: readonly string[] | null | undefined;
  allowedAddresses?: readonly string[] | null | undefined;
}

/** @throws AppError forbidden for a task identity or a limited key */
export async function listApiKeys(caller: Caller): Promise<ApiKeyRow[]> {
  const userId = await requireWholePerson(caller, "api_key.list");
  return inTenant(INSTANCE_TENANT, (tx) => keys.listKeysOfUser(tx, INSTANCE_TENANT, userId));
}

/** @throws AppError not_found, forbidden */
export async function getApiKey(caller: Caller, id: string): Promise<ApiKeyRow> {
  const userId = await requireFor(caller, id, "api_key.get");
  const row = await inTenant(INSTANCE_TENANT, (tx) => keys.findUserKey(tx, INSTANCE_TENANT, userId, id));
  return row ?? denyUnknown(caller, "api_key.get", { type: "api-key", id });
}

/** A limited key knows itself, and may end itself. */
function requireFor(caller: Caller, id: string, action: string): Promise<string> {
  const itself = caller.via === "api-key" && id === caller.credentialId;
  return itself ? requirePerson(caller, action) : requireWholePerson(caller, action);
}

/**
 * A new key of the caller's own, shown this once. A key makes no key that is stronger than itself or outlives it (KEY-3), a
 * session needs a recent sign-in (SES-5).
 *
 * @throws AppError forbidden, reauth_required, invalid_attribute, conflict, unauthenticated
 */
export async function createApiKey(caller: Caller, input: NewApiKey): Promise<{ row: ApiKeyRow; key: string }> {
  const userId = await requirePerson(caller, "api_key.create");
  const now = Date.now();
  requireRecentSignIn(caller, now);
  await requireMember(caller, userId, input.workspaces ?? []);
  const id = newId(now);
  const key = newApiKey("pat", id);
  const row = await inTenant(INSTANCE_TENANT, async (tx) => {
    // One after the other for each person, or fifty at once would all count ninety-nine.
    await lockUser(tx, userId);
    const own = await holdOwnCredential(tx, caller);
    const given = within(own, {
      permissions: input.permissions,
      workspaces: input.workspaces,
      addresses: input.allowedAddresses,
      endsAt: input.expiresAt,
    });
    if ((await keys.countKeysOfUser(tx, INSTANCE_TENANT, userId)) >= MAX_KEYS)
      throw new AppError("conflict", `You have ${MAX_KEYS} API keys already. Delete one you do not use.`);
    const usual = new Date(now + DEFAULT_KEY_DAYS * DAY_MS);
    const expiresAt = input.expiresAt ?? (given.endsAt && given.endsAt < usual ? given.endsAt : usual);
    const made = await keys.insertKey(tx, {
      tenantId: INSTANCE_TENANT,
      id,
      kind: "user",
      userId,
      name: input.name,
      hint: `latchkey_pat_${id}`,
      keyMac: mac("api-key", key),
      permissions: given.permissions && [...given.permissions],
      workspaceIds: given.workspaces && [...given.workspaces],
      allowedAddresses: given.addresses && [...given.addresses],
      expiresAt,
      createdBy: userId,
    });
    await recordWith(tx, caller, {
      tenantId: INSTANCE_TENANT,
      action: "api_key.create",
      target: { type: "api-key", id, name: input.name },
      detail: {
        permissions: made.permissions,
        workspaces: made.workspaceIds,
        allowed_addresses: made.allowedAddresses,
        expires_at: expiresAt.toISOString(),
      },
    });
    return made;
  });
  forgetCallers();
  return { row, key };
}

/** A key can be limited to workspaces the person is a member of; others are as unknown as those that do not exist. */
async function requireMember(caller: Caller, userId: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const member = new Set(
    (await loadHoldings(userId, caller.limits)).flatMap(({ scope }) =>
      scope.kind === "workspace" ? [scope.workspaceId] : [],
    ),
  );
  const at = ids.findIndex((id) => !member.has(id));
  if (at >= 0)
    throw new AppError("invalid_attribute", "There is no such workspace that you are a member of.", {
      source: { pointer: `/data/attributes/workspaces/${at}` },
    });
}

/** @throws AppError not_found, forbidden */
export async function deleteApiKey(caller: Caller, id: string): Promise<void> {
  const userId = await requireFor(caller, id, "api_key.delete");
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
