import type { Caller } from "@/lib/access/caller";
import type { WorkspaceScope } from "@/lib/access/scope";
import { orUnavailable } from "@/lib/audit/record";
import type { Sql } from "@/lib/db/client";
import { groupCommit } from "@/lib/db/group-commit";
import { jsonText } from "@/lib/db/json-text";
import { repeatable } from "@/lib/db/tx";
import { oneLine } from "@/lib/observability/one-line";
import { once } from "@/lib/process";
import { type Raw, type RequestRow, type SecretRow, type TokenRow, toRequestRow, toRow, toTokenRow } from "./rows";

/** Reads whose audit entry is committed with them, by the same statement. */

/** Who a value is given out to, for the entry: a caller, or Latchkey itself on somebody's behalf. */
export interface Reader extends Pick<Caller, "name" | "request"> {
  kind: Caller["kind"] | "system";
  id: string | null;
  via: Caller["via"] | "webhook";
  credentialId: string | null;
}

interface Asked {
  caller: Reader;
  scope: WorkspaceScope;
  id: string;
  action: string;
  detail: Record<string, unknown> | null;
  destination: Destination | KnownHost | null;
}

/** Where a request with a secret goes: its host for the audit, and the entries of an allow-list that would allow it. */
export interface Destination {
  host: string;
  entries: readonly string[];
}

/** The host of a database, which is sealed with its login: known to who opened it, as of that edit. */
export interface KnownHost {
  host: string;
  generation: number;
}

/** Reads that are worth a statement of their own while others are under way (DECISIONS 285). */
const SHARE = 20;

/** The process's reads of one kind, those asked at once in one statement: entries committed, then rows. */
function audited<Row extends TokenRow>(
  name: string,
  statement: (sql: Sql, asked: string) => Promise<Raw[]>,
  toRow: (raw: Raw) => Row,
) {
  return once(name, () =>
    groupCommit<Asked, Row | null>(
      async (all) => {
        const asked = jsonText(all.map(auditEntry));
        // Twice at worst: two entries for one read are better than none for a refused one.
        const found = await repeatable((sql) => statement(sql, asked));
        const key = (tenantId: unknown, workspaceId: unknown, id: unknown) => `${tenantId} ${workspaceId} ${id}`;
        const byKey = new Map(found.map((raw) => [key(raw.tenant_id, raw.workspace_id, raw.id), raw]));
        return all.map(({ scope, id }) => {
          const raw = byKey.get(key(scope.tenantId, scope.workspaceId, id));
          return raw ? toRow(raw) : null;
        });
      },
      { max: 200, parallel: 2, share: SHARE, alongside: SHARE },
    ),
  );
}

const secretReads = () =>
  audited(
    "audited-reads",
    (sql, asked) => sql`select * from latchkey_read_secrets_audited(${asked}::text::jsonb)`,
    toRow,
  );

const tokenReads = () =>
  audited(
    "audited-token-reads",
    (sql, asked) => sql`select * from latchkey_read_tokens_audited(${asked}::text::jsonb)`,
    toTokenRow,
  );

const requestReads = () =>
  audited(
    "audited-request-reads",
    (sql, asked) => sql`select * from latchkey_read_requests_audited(${asked}::text::jsonb)`,
    toRequestRow,
  );

function auditEntry({ caller, scope, id, action, detail, destination }: Asked): Record<string, unknown> {
  return {
    secret_id: id,
    tenant_id: scope.tenantId,
    workspace_id: scope.workspaceId,
    actor_kind: caller.kind,
    actor_id: caller.id,
    actor_name: clipped(caller.name),
    via: caller.via,
    credential_id: caller.credentialId,
    action,
    request_id: caller.request.requestId,
    purpose: clipped(caller.request.purpose),
    ip: caller.request.ip,
    user_agent: clipped(caller.request.userAgent),
    detail,
    host: destination?.host ?? null,
    destinations: destination && "entries" in destination ? destination.entries : null,
    host_generation: destination && "generation" in destination ? destination.generation : null,
  };
}

/** What a secret's key was used for; the key itself stays. */
export type KeyUseAction = "secret.signed" | "secret.verified" | "secret.encrypted" | "secret.decrypted";

const clipped = (text: string | null) => (text === null ? null : oneLine(text).slice(0, 200));

/**
 * One secret whose value is about to leave: the audit entry is committed before this resolves, together with those of
 * concurrent reads.
 *
 * @throws AppError audit_unavailable when the entry cannot be written; nothing is given out then (AU-1)
 */
export async function readSecretAudited(
  caller: Reader,
  scope: WorkspaceScope,
  id: string,
  action: "secret.read" | "secret.revealed" | KeyUseAction,
  detail: Record<string, unknown> | null = null,
): Promise<SecretRow | null> {
  return orUnavailable(() => secretReads().add({ caller, scope, id, action, detail, destination: null }));
}

/** The same for a request with the secret. For a destination that it does not allow, the entry says denied. @throws AppError audit_unavailable */
export async function readRequestAudited(
  caller: Reader,
  scope: WorkspaceScope,
  id: string,
  method: string,
  destination: Destination,
): Promise<RequestRow | null> {
  const asked = { caller, scope, id, action: "secret.requested", detail: { method }, destination };
  return orUnavailable(() => requestReads().add(asked));
}

/**
 * The same for a statement with the login.
 *
 * @returns null, and nothing is on record, when the secret is not there or has been edited since
 * @throws AppError audit_unavailable
 */
export async function readLoginAudited(
  caller: Reader,
  scope: WorkspaceScope,
  id: string,
  detail: Record<string, unknown>,
  destination: KnownHost,
): Promise<RequestRow | null> {
  const row = await orUnavailable(() =>
    requestReads().add({ caller, scope, id, action: "secret.sql", detail, destination }),
  );
  return row?.generation === destination.generation ? row : null;
}

/** The same for the access token alone. The entry says "failed" when none that lives is there. @throws AppError audit_unavailable */
export async function readTokenAudited(
  caller: Caller,
  scope: WorkspaceScope,
  id: string,
  action: "secret.token" | "secret.refused",
): Promise<TokenRow | null> {
  return orUnavailable(() => tokenReads().add({ caller, scope, id, action, detail: null, destination: null }));
}

/** Audited reads that are not committed yet; for metrics. */
export function readsWaiting(): { count: number; since: number | null } {
  const all = [secretReads().waiting(), tokenReads().waiting(), requestReads().waiting()];
  const since = all.map((one) => one.since).filter((one) => one !== null);
  return {
    count: all.reduce((sum, { count }) => sum + count, 0),
    since: since.length === 0 ? null : Math.min(...since),
  };
}
