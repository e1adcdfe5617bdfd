import { database } from "@/lib/db/client";

/** A timeline is for the people who wonder what happened lately; the audit trail keeps the rest. */
const KEEP_DAYS = 90;

/** Removes timeline entries older than 90 days. @returns how many */
export async function pruneEvents(): Promise<number> {
  const [row] = await database().sql<{ n: string }[]>`select latchkey_prune_events(${KEEP_DAYS}) as n`;
  return Number(row?.n ?? 0);
}
