import { and, desc, eq, lt, type SQL, sql } from "drizzle-orm";
import { auditEntries } from "@/drizzle/schema/audit";
import type { Tx } from "@/lib/db/tx";

export type AuditRow = typeof auditEntries.$inferSelect;
export type NewAuditRow = Omit<typeof auditEntries.$inferInsert, "id" | "at">;

export async function insertAudit(tx: Tx, rows: NewAuditRow[]): Promise<void> {
  await tx.insert(auditEntries).values(rows);
}

export interface AuditFilter {
  workspaceId: string;
  targetId?: string;
  action?: string;
  beforeId?: number;
}

function matching(tenantId: string, filter: AuditFilter): SQL | undefined {
  return and(
    eq(auditEntries.tenantId, tenantId),
    eq(auditEntries.workspaceId, filter.workspaceId),
    filter.targetId ? eq(auditEntries.targetId, filter.targetId) : undefined,
    filter.action ? eq(auditEntries.action, filter.action) : undefined,
    filter.beforeId ? lt(auditEntries.id, filter.beforeId) : undefined,
  );
}

/** Newest first. */
export async function listAudit(
  tx: Tx,
  tenantId: string,
  filter: AuditFilter,
  page: { limit: number; offset: number },
): Promise<{ rows: AuditRow[]; total: number }> {
  const where = matching(tenantId, filter);
  const rows = await tx
    .select()
    .from(auditEntries)
    .where(where)
    .orderBy(desc(auditEntries.id))
    .limit(page.limit)
    .offset(page.offset);
  const [count] = await tx.select({ n: sql<number>`count(*)::int` }).from(auditEntries).where(where);
  return { rows, total: count?.n ?? 0 };
}
