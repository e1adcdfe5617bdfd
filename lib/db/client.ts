import { drizzle, type PostgresJsDatabase } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { settings } from "@/lib/config";
import { forget, installed, once } from "@/lib/process";

export type Sql = postgres.Sql;
export type Db = PostgresJsDatabase;

/**
 * The process's pool. Every connection runs as `latchkey_app`, which owns nothing and sees only the tenant named by the
 * transaction (AZ-5). The URL is DATABASE_URL's or the embedded server's, installed at start-up as "databaseUrl".
 */
export interface Database {
  /** For statements that need the bare driver: the named functions and batches. Timestamps come as text here. */
  sql: Sql;
  db: Db;
}

export function connect(url: string, max: number): Database {
  const sql = postgres(url, {
    max,
    onnotice: () => {},
    connect_timeout: 10,
    idle_timeout: 0,
    max_lifetime: null,
    connection: { application_name: "latchkey", role: "latchkey_app" } as Record<string, string>,
  });
  return { sql, db: drizzle(sql) };
}

export function databaseUrl(): string {
  const url = installed<string>("databaseUrl") ?? settings().databaseUrl;
  if (!url) throw new Error("No database yet: start-up installs its URL first.");
  return url;
}

export function database(): Database {
  return once("database", () => connect(databaseUrl(), settings().dbPool));
}

/**
 * One connection for the tenant keys alone. A transaction that seals or opens may have to fetch its tenant's key first;
 * would that wait for the pool, as many such transactions as the pool has connections would wait for each other for ever.
 */
export function keyDatabase(): Database {
  return once("key-database", () => connect(databaseUrl(), 1));
}

export async function closeDatabase(): Promise<void> {
  const open = ["database", "key-database"].map((name) => installed<Database>(name));
  for (const name of ["database", "key-database"]) forget(name);
  await Promise.all(open.map((one) => one?.sql.end({ timeout: 5 })));
}
