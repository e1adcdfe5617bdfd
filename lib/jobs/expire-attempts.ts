import { database } from "@/lib/db/client";

/** Removes authorizations that ended more than a day ago. @returns how many */
export async function expireAttempts(): Promise<number> {
  const [row] = await database().sql<{ n: string }[]>`select latchkey_expire_attempts() as n`;
  return Number(row?.n ?? 0);
}
