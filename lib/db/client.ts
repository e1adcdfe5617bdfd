import { systemClock } from "@/lib/clock";
import { settings } from "@/lib/config";
import { Pool } from "@/lib/db/pool";
import { errorFields, log } from "@/lib/observability/log";
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
  return once("database", () => {
    const pool = connect(databaseUrl(), settings().dbPool);
    for (const [channel, subscription] of subscriptions()) void listen(pool, channel, subscription);
    return pool;
  });
}

export interface Subscription {
  notified(payload: string): void;
  /** Called each time listening has begun anew: what happened before may have been missed. */
  listening?(): void;
}

function subscriptions(): Set<readonly [channel: string, Subscription]> {
  return once("subscriptions", () => new Set());
}

/** Listens on a channel for as long as the process lives, on this pool and on every one that follows it. */
export function subscribe(channel: string, subscription: Subscription): void {
  const pool = installed<Database>("database");
  subscriptions().add([channel, subscription]);
  if (pool) void listen(pool, channel, subscription);
  else database();
}

const LISTEN_AGAIN_MS = 1_000;

/** Never rejects: nobody depends on notifications. */
async function listen(pool: Database, channel: string, subscription: Subscription): Promise<void> {
  const wanted = () => installed<Database>("database") === pool;
  // Not before the pool is known as the process's one: this runs while it is being made.
  await null;
  while (wanted())
    try {
      await pool.listen(channel, subscription.notified, subscription.listening);
      return;
    } catch (error) {
      log.warn("cannot listen for changes; those who wait poll instead", errorFields(error));
      await systemClock.sleep(LISTEN_AGAIN_MS);
    }
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
