import { sql } from "drizzle-orm";
import { type Db, database } from "@/lib/db/client";

/** A transaction that sees one tenant. Stores take it as their first argument, so no query can forget whose row it reads. */
export type Tx = Parameters<Parameters<Db["transaction"]>[0]>[0];

/**
 * Runs `work` in one transaction in which row-level security shows `tenantId`'s rows and no others. Never talk to the
 * network inside (HOUSE sentence 5).
 */
export async function inTenant<T>(tenantId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
  return database().db.transaction(async (tx) => {
    await tx.execute(sql`select set_config('latchkey.tenant', ${tenantId}, true)`);
    return work(tx);
  });
}

/** PostgreSQL's SQLSTATE of an error thrown by a statement, wherever drizzle wrapped it. */
export function sqlState(error: unknown): string | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    const code = (current as { code?: unknown }).code;
    if (typeof code === "string" && /^[0-9A-Z]{5}$/.test(code)) return code;
  }
  return undefined;
}

/** The violated constraint's name, when `error` is a uniqueness violation. */
export function violatedConstraint(error: unknown): string | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    const detail = current as { code?: unknown; constraint_name?: unknown };
    if (detail.code === "23505") return typeof detail.constraint_name === "string" ? detail.constraint_name : "";
  }
  return undefined;
}
