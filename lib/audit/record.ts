import type { Caller } from "@/lib/access/caller";
import { database } from "@/lib/db/client";
import { groupCommit } from "@/lib/db/group-commit";
import { jsonText } from "@/lib/db/json-text";
import { sqlState, type Tx } from "@/lib/db/tx";
import { AppError } from "@/lib/errors";
import { databaseTrouble } from "@/lib/http/database-trouble";
import { metrics } from "@/lib/observability/metrics";
import { oneLine, oneLineInside } from "@/lib/observability/one-line";
import { once } from "@/lib/process";
import { insertAudit, type NewAuditRow } from "./store";

/** What happened, without any value (AU-2). */
export interface AuditFact {
  tenantId: string;
  workspaceId?: string | null;
  action: string;
  outcome?: "allowed" | "denied" | "failed";
  target?: { type: string; id?: string | null; name?: string | null };
  generation?: number | null;
  host?: string | null;
  detail?: Record<string, unknown>;
}

/** Who did it when no caller is there: the refresher, a command, a person not signed in. */
export interface Actor {
  kind: "anonymous" | "system" | "user";
  id?: string;
  name: string;
  via: string;
  requestId?: string;
  ip?: string | null;
  userAgent?: string | null;
}

const clip = (text: string | null | undefined, max: number) => (text == null ? null : oneLine(text).slice(0, max));

export function auditRow(who: Caller | Actor, fact: AuditFact): NewAuditRow {
  const caller = "holdings" in who ? who : null;
  const actor = "holdings" in who ? null : who;
  return {
    tenantId: fact.tenantId,
    actorKind: caller?.kind ?? (actor as Actor).kind,
    actorId: caller?.id ?? actor?.id ?? null,
    actorName: clip(caller?.name ?? actor?.name, 200),
    via: caller?.via ?? (actor as Actor).via,
    credentialId: caller?.credentialId ?? null,
    action: fact.action,
    outcome: fact.outcome ?? "allowed",
    workspaceId: fact.workspaceId ?? null,
    targetType: fact.target?.type ?? null,
    targetId: clip(fact.target?.id, 64),
    targetName: clip(fact.target?.name, 200),
    generation: fact.generation ?? null,
    host: clip(fact.host, 255),
    requestId: caller?.request.requestId ?? actor?.requestId ?? null,
    purpose: clip(caller?.request.purpose, 200),
    ip: caller?.request.ip ?? actor?.ip ?? null,
    userAgent: clip(caller?.request.userAgent ?? actor?.userAgent, 200),
    detail: fact.detail ? oneLineInside(fact.detail) : null,
  };
}

/**
 * The entry of a change, in the change's own transaction: both happen or neither.
 *
 * @throws AppError audit_unavailable when the database is there and refuses the entry; the transaction is lost then
 */
export async function recordWith(tx: Tx, who: Caller | Actor, fact: AuditFact): Promise<void> {
  try {
    await insertAudit(tx, [auditRow(who, fact)]);
  } catch (cause) {
    const state = sqlState(cause);
    if (state === undefined || databaseTrouble(cause) !== cause) throw cause;
    throw new AppError(
      "audit_unavailable",
      "The audit trail cannot be written, so nothing is changed. Try again shortly.",
      { cause, retryAfterS: 5 },
    );
  }
}

const COLUMNS = [
  "tenant_id",
  "actor_kind",
  "actor_id",
  "actor_name",
  "via",
  "credential_id",
  "action",
  "outcome",
  "workspace_id",
  "target_type",
  "target_id",
  "target_name",
  "generation",
  "host",
  "request_id",
  "purpose",
  "ip",
  "user_agent",
  "detail",
] as const;

function writer() {
  return once("audit-writer", () =>
    groupCommit<NewAuditRow, void>(
      async (rows) => {
        await writeBatch(rows);
        return rows.map(() => undefined);
      },
      { max: 500, parallel: 2 },
    ),
  );
}

/** Entries of reads and denials that are not committed yet; for metrics. */
export function auditWaiting(): { count: number; since: number | null } {
  return writer().waiting();
}

async function writeBatch(rows: NewAuditRow[]): Promise<void> {
  await database().sql`select latchkey_write_audit(${jsonText(rows.map(toJson))}::text::jsonb)`;
}

function toJson(row: NewAuditRow): Record<string, unknown> {
  const values = [
    row.tenantId,
    row.actorKind,
    row.actorId,
    row.actorName,
    row.via,
    row.credentialId,
    row.action,
    row.outcome,
    row.workspaceId,
    row.targetType,
    row.targetId,
    row.targetName,
    row.generation,
    row.host,
    row.requestId,
    row.purpose,
    row.ip,
    row.userAgent,
    row.detail,
  ];
  return Object.fromEntries(COLUMNS.map((column, i) => [column, values[i] ?? null]));
}

/**
 * The entry of a read or a denial. Resolves once it is committed, together with those of concurrent requests; the answer
 * must wait for it, and when it cannot be written the answer is 503 and no value leaves (AU-1).
 *
 * @throws AppError audit_unavailable
 */
export async function recordNow(who: Caller | Actor, fact: AuditFact): Promise<void> {
  await orUnavailable(() => writer().add(auditRow(who, fact)));
}

/**
 * Runs what commits an audit entry, and measures it.
 *
 * @throws AppError audit_unavailable when it fails: then nothing is given out
 */
export async function orUnavailable<T>(commit: () => Promise<T>): Promise<T> {
  const began = performance.now();
  try {
    const result = await commit();
    metrics().auditSeconds.observe((performance.now() - began) / 1000);
    return result;
  } catch (cause) {
    metrics().auditFailures.inc();
    throw new AppError(
      "audit_unavailable",
      "The audit trail cannot be written, so nothing is given out. Try again shortly.",
      { cause, retryAfterS: 5 },
    );
  }
}
