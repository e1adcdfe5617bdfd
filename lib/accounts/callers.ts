import type { Caller, Holding, RequestFacts } from "@/lib/access/caller";
import { type KeyLimits, withImplied } from "@/lib/access/key-limits";
import { isPermission } from "@/lib/access/permissions";
import { addressAllowed } from "@/lib/accounts/allowed-addresses";
import { parseApiKey } from "@/lib/accounts/api-key-format";
import { callerCache } from "@/lib/accounts/caller-cache";
import { emailKey } from "@/lib/accounts/email-key";
import { loadHoldings } from "@/lib/accounts/holdings-store";
import { type FoundKey, findKeyByMac, touchKey } from "@/lib/accounts/key-store";
import { recordNow } from "@/lib/audit/record";
import { mac } from "@/lib/crypto/mac";
import { errorFields, log } from "@/lib/observability/log";
import { once } from "@/lib/process";

/** What may be remembered of a caller. */
export interface KnownCaller {
  who: Omit<Caller, "request">;
  /** Milliseconds since the epoch, or null: never. */
  expiresAtMs: number | null;
  keyTenantId: string;
  keyName: string;
  /** Null: anywhere. */
  allowedAddresses: readonly string[] | null;
}

/** Longer texts are no keys of anybody: the settings take 512 characters at most. */
const MAX_KEY_CHARS = 512;
const MAX_USER_CHARS = 1000;
const TOUCH_EVERY_MS = 60_000;
const MAX_TOUCHED = 50_000;

/**
 * The caller behind a Basic user name and API key, or null. The user name is the owner's e-mail (raw or percent-encoded,
 * case does not matter) or `task-<id>`. Remembered for 5 s; a remembered one costs no I/O. From an address the key is not for,
 * null as well, with an entry for its owner: somebody has a key that is kept elsewhere.
 *
 * @param fresh looked up anew, whatever is remembered
 * @throws AppError audit_unavailable
 */
export async function callerForKey(
  user: string,
  key: string,
  facts: RequestFacts,
  fresh = false,
): Promise<Caller | null> {
  if (key.length > MAX_KEY_CHARS || user.length > MAX_USER_CHARS || key === "") return null;
  const load = () => lookUp(user, key);
  const found = fresh ? load() : callerCache<KnownCaller>("keys").get(`${user}\0${key}`, load);
  const known = found instanceof Promise ? await found : found;
  if (!known) return null;
  const nowMs = Date.now();
  if (known.expiresAtMs !== null && known.expiresAtMs <= nowMs) return null;
  const { who, keyTenantId, keyName, allowedAddresses } = known;
  const caller: Caller = { ...who, request: facts };
  if (!addressAllowed(allowedAddresses, facts.ip)) {
    const scope = caller.kind === "task" ? caller.holdings[0]?.scope : undefined;
    await recordNow(caller, {
      tenantId: keyTenantId,
      workspaceId: scope?.kind === "workspace" ? scope.workspaceId : null,
      action: caller.kind === "task" ? "task_identity.wrong_address" : "api_key.wrong_address",
      outcome: "denied",
      target: { type: caller.kind === "task" ? "task-identity" : "api-key", id: caller.credentialId, name: keyName },
    });
    return null;
  }
  noteUse(known, nowMs);
  return caller;
}

async function lookUp(user: string, key: string): Promise<KnownCaller | null> {
  const parsed = parseApiKey(key);
  if (parsed === "malformed") return null;
  const row = await findKeyByMac(mac("api-key", key));
  if (!row || !names(user, row)) return null;
  const who = await callerOf(row);
  return (
    who && {
      who,
      expiresAtMs: row.expires_at_ms,
      keyTenantId: row.tenant_id,
      keyName: row.name,
      allowedAddresses: row.allowed_addresses,
    }
  );
}

async function callerOf(row: FoundKey): Promise<KnownCaller["who"] | null> {
  const key = { via: "api-key", credentialId: row.id, authenticatedAt: null } as const;
  if (row.kind === "task") {
    const holding = taskHolding(row);
    if (!holding) return null;
    const { id, name } = row;
    return { ...key, kind: "task", id, name, email: null, userId: null, holdings: [holding], limits: null };
  }
  if (!row.user_id || row.email === null) return null;
  const limits = limitsOf(row.permissions, row.workspace_ids);
  return {
    ...key,
    kind: "user",
    id: row.user_id,
    name: fullName(row.first_name, row.last_name) || row.email,
    email: row.email,
    userId: row.user_id,
    holdings: await loadHoldings(row.user_id, limits),
    limits,
  };
}

/** The limits of a person's key as its row says them; null: it may do all the person may. */
export function limitsOf(permissions: readonly string[] | null, workspaceIds: readonly string[] | null) {
  if (permissions === null && workspaceIds === null) return null;
  return {
    permissions: permissions && withImplied(permissions.filter(isPermission)),
    workspaces: workspaceIds && new Set(workspaceIds),
  } satisfies KeyLimits;
}

export function fullName(first: string | null, last: string | null): string {
  return `${first ?? ""} ${last ?? ""}`.trim();
}

/** Whether the Basic user name is the key's own. One component sends it percent-encoded (CONTRACT section 1). */
function names(user: string, row: FoundKey): boolean {
  const own = row.kind === "task" ? `task-${row.id}` : row.email_key;
  if (own === null) return false;
  if (emailKey(user) === own) return true;
  if (!user.includes("%")) return false;
  try {
    return emailKey(decodeURIComponent(user)) === own;
  } catch {
    return false; // Not percent-encoded after all.
  }
}

/** A task identity holds exactly its workspace. Null when that is gone. */
function taskHolding(row: FoundKey): Holding | null {
  if (!row.workspace_id || !row.contract_id) return null;
  return {
    scope: {
      kind: "workspace",
      tenantId: row.tenant_id,
      contractId: row.contract_id,
      workspaceId: row.workspace_id,
    },
    role: "task",
    permissions: withImplied((row.permissions ?? []).filter(isPermission)),
  };
}

/** Writes last_used_at at most once a minute per key; nobody waits for it. */
function noteUse(known: KnownCaller, nowMs: number): void {
  const touched = once("touched-keys", () => new Map<string, number>());
  const last = touched.get(known.who.credentialId);
  if (last !== undefined && nowMs - last < TOUCH_EVERY_MS && nowMs >= last) return;
  touched.delete(known.who.credentialId);
  touched.set(known.who.credentialId, nowMs);
  if (touched.size > MAX_TOUCHED) {
    const [oldest] = touched.keys();
    if (oldest !== undefined) touched.delete(oldest);
  }
  touchKey(known.keyTenantId, known.who.credentialId, new Date(nowMs)).catch((error: unknown) =>
    log.warn("key_use_not_noted", { callerId: known.who.id, ...errorFields(error) }),
  );
}
