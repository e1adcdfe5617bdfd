import { settings } from "@/lib/config";
import { Pool } from "@/lib/db/pool";
import { forget, installed, once } from "@/lib/process";

export type { Sql, Tx } from "@/lib/db/pool";

/**
 * The process's pool. Every connection runs as `latchkey_app`, which owns nothing and sees only the tenant named by the
 * transaction (AZ-5). The URL is DATABASE_URL's or the embedded server's, installed at start-up as "databaseUrl".
 */
export type Database = Pool;

export function connect(url: string, max: number): Database {
  return new Pool(url, {
    max,
    connectTimeoutS: 10,
    connection: { application_name: "latchkey", role: "latchkey_app" },
  });
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
  await Promise.all(open.map((one) => one?.end({ timeout: 5 })));
}
