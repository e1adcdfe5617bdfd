import { and, desc, eq, sql } from "drizzle-orm";
import { auditEntries } from "@/drizzle/schema/audit";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import type { Tx } from "@/lib/db/tx";

/** What the instance knows about itself. Each function expects `tx` in the instance's tenant. */

/** Makes processes that start at once compare and record one after the other. */
export async function lockStart(tx: Tx): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(7425014)`);
}

export interface Recorded {
  at: Date;
  detail: Record<string, unknown>;
}

/** The newest entry of this action in the instance's own trail. */
export async function lastRecorded(tx: Tx, action: string): Promise<Recorded | null> {
  const [row] = await tx
    .select({ at: auditEntries.at, detail: auditEntries.detail })
    .from(auditEntries)
    .where(and(eq(auditEntries.tenantId, INSTANCE_TENANT), eq(auditEntries.action, action)))
    .orderBy(desc(auditEntries.id))
    .limit(1);
  return row ? { at: row.at, detail: row.detail ?? {} } : null;
}

export interface DatabaseFacts {
  version: string;
  /** Of the oldest month of the audit trail that is still there; null while there is one partition of all older entries. */
  auditSince: Date | null;
}

export async function databaseFacts(tx: Tx): Promise<DatabaseFacts> {
  const [row] = await tx.execute<{ version: string; since_ms: number | null }>(sql`
    select current_setting('server_version') as version,
           (select nullif(extract(epoch from min(begins)), '-Infinity')::float8 * 1000 from latchkey_audit.months) as since_ms`);
  return { version: row?.version ?? "", auditSince: row?.since_ms == null ? null : new Date(row.since_ms) };
}
