import type { Caller } from "@/lib/access/caller";
import { covers } from "@/lib/access/key-limits";
import type { Permission } from "@/lib/access/permissions";
import { addressWithin } from "@/lib/accounts/allowed-addresses";
import { limitsOf } from "@/lib/accounts/callers";
import { lockKey } from "@/lib/accounts/key-store";
import { lockSession } from "@/lib/accounts/session-store";
import type { Tx } from "@/lib/db/tx";
import { AppError, type ErrorItem } from "@/lib/errors";

/** What the credential that asks may pass on to a key it makes: no key makes a stronger one (KEY-3). */
export interface OwnCredential {
  permissions: ReadonlySet<Permission> | null;
  workspaces: ReadonlySet<string> | null;
  addresses: readonly string[] | null;
  /** Null: without end. */
  endsAt: Date | null;
}

/** What a new key is asked to be. Null or absent: not said. */
export interface AskedLimits {
  permissions?: readonly Permission[] | null | undefined;
  /** The caller knows them to be within reach: membership is judged by what the credential holds. */
  workspaces?: readonly string[] | null | undefined;
  addresses?: readonly string[] | null | undefined;
  endsAt?: Date | null | undefined;
}

/**
 * The credential that asks, held until `tx` ends: whoever revokes it waits, and once it is revoked it makes nothing more,
 * whatever is remembered of it. `tx` is in the instance's tenant.
 *
 * @throws AppError unauthenticated when it has ended
 */
export async function holdOwnCredential(tx: Tx, caller: Caller): Promise<OwnCredential> {
  if (caller.via === "session") {
    if (!(await lockSession(tx, caller.credentialId))) throw ended("You are signed out.");
    return { permissions: null, workspaces: null, addresses: null, endsAt: null };
  }
  const row = await lockKey(tx, caller.credentialId);
  if (!row || (row.expiresAt && row.expiresAt.getTime() <= Date.now())) throw ended("This API key has ended.");
  const limits = limitsOf(row.permissions, row.workspaceIds);
  return {
    permissions: limits?.permissions ?? null,
    workspaces: limits?.workspaces ?? null,
    addresses: row.allowedAddresses,
    endsAt: row.expiresAt,
  };
}

const ended = (text: string) => new AppError("unauthenticated", text);

/**
 * Refuses what goes beyond the credential that asks; what was not said becomes what that credential has.
 *
 * @throws AppError invalid_attribute, pointing at each excess
 */
export function within(own: OwnCredential, asked: AskedLimits): Required<{ [K in keyof AskedLimits]: AskedLimits[K] }> {
  const items: ErrorItem[] = [];
  const complain = (at: string, detail: string) =>
    items.push({ code: "invalid_attribute", detail, source: { pointer: `/data/attributes/${at}` } });
  for (const [i, permission] of (asked.permissions ?? []).entries())
    if (own.permissions && !covers(own.permissions, permission))
      complain(`permissions/${i}`, "The key you use does not have this permission, so it cannot pass it on.");
  for (const [i, entry] of (asked.addresses ?? []).entries())
    if (!addressWithin(own.addresses, entry))
      complain(`allowed_addresses/${i}`, "The key you use does not work from here, so it cannot pass it on.");
  if (asked.endsAt && own.endsAt && asked.endsAt > own.endsAt)
    complain("expires_at", "A key makes no key that outlives it. Sign in, or choose an earlier end.");
  const [first, ...more] = items;
  if (first) throw new AppError("invalid_attribute", first.detail, { source: first.source, more: more.slice(0, 49) });
  return {
    permissions: asked.permissions ?? (own.permissions && [...own.permissions].sort()),
    workspaces: asked.workspaces ?? (own.workspaces && [...own.workspaces].sort()),
    addresses: asked.addresses ?? own.addresses,
    endsAt: asked.endsAt ?? own.endsAt,
  };
}
