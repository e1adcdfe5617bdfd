import { settings } from "@/lib/config";
import { database } from "@/lib/db/client";

/** As many months of the audit trail are made before they begin. */
const MONTHS_AHEAD = 3;

/**
 * Makes the audit trail's next months and drops those that ended more than LATCHKEY_AUDIT_RETENTION_DAYS ago. The database writes an
 * entry with every month it drops, in the same transaction (AU-3). Any number of processes may run it at once.
 *
 * @returns how many months were dropped
 */
export async function keepAudit(): Promise<number> {
  await database().sql`select latchkey_audit_months(${MONTHS_AHEAD})`;
  const [row] = await database().sql<
    { n: number }[]
  >`select latchkey_audit.drop_older(${settings().auditRetentionDays}) as n`;
  return row?.n ?? 0;
}
