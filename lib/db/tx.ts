import { sql } from "drizzle-orm";
import { systemClock } from "@/lib/clock";
import { type Database, database, type Sql, type Tx } from "@/lib/db/client";

/** A transaction that sees one tenant. Stores take it as their first argument, so no query can forget whose row it reads. */
export type { Tx } from "@/lib/db/client";

/**
 * Runs `work` in one transaction in which row-level security shows `tenantId`'s rows and no others. Never talk to the
 * network inside (HOUSE sentence 5), and begin no other transaction inside: it would wait for a connection that the outer
 * ones hold.
 */
export async function inTenant<T>(
  tenantId: string,
  work: (tx: Tx) => Promise<T>,
  open: () => Database = database,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    let begun = false;
    try {
      return await open().transaction(async (tx) => {
        await tx.execute(sql`select set_config('latchkey.tenant', ${tenantId}, true)`);
        begun = true;
        return work(tx);
      });
    } catch (error) {
      // A pooled connection that died while nobody looked may show it only now. Nothing was done yet, so another may be tried.
      if (begun || tries >= MAX_TRIES || !isLostConnection(error)) throw error;
      await systemClock.sleep(tries * SETTLE_MS);
    }
  }
}

/** Runs a statement outside any transaction that may run twice without harm; on another connection when one turns out dead. */
export async function repeatable<T>(statement: (sql: Sql) => PromiseLike<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await statement(database().sql);
    } catch (error) {
      if (tries >= MAX_TRIES || !isLostConnection(error)) throw error;
      await systemClock.sleep(tries * SETTLE_MS);
    }
  }
}

const MAX_TRIES = 4;
/** When one connection has died, others have often died with it, and show it a moment later. */
const SETTLE_MS = 20;

function isLostConnection(error: unknown): boolean {
  for (let current = error; current instanceof Error; current = current.cause) {
    const { code } = current as { code?: unknown };
    if (code === "57P01" || code === "CONNECTION_CLOSED" || code === "ECONNRESET" || code === "EPIPE") return true;
  }
  return false;
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
