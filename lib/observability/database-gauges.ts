import { systemClock } from "@/lib/clock";
import { database } from "@/lib/db/client";
import { once } from "@/lib/process";
import { errorFields, log } from "./log";

/** What the metrics show of all tokens and webhooks, as the database has it (`latchkey_refresh_gauges`, `latchkey_webhook_gauges`). */
export interface DatabaseGauges {
  due: number;
  lagS: number;
  leased: number;
  lapsed: number;
  /** Null: no token that is to be kept fresh ever expires. */
  soonestS: number | null;
  expired: number;
  brokenClients: number;
  throttledClients: number;
  failingWebhooks: number;
  webhookLagS: number;
}

/** Scrapes of several collectors, or of one in a hurry, look once in this time ... */
const KEEP_MS = 5_000;
/** ... or so many times what looking took: however large the table is, the metrics take a twentieth of one connection. */
const KEEP_FACTOR = 20;
/** A scrape waits this long for the database, then goes on without it. */
const PATIENCE_MS = 2_500;

interface Remembered {
  gauges: DatabaseGauges | null;
  /** Monotonic; nothing is asked before. */
  until: number;
  asking: Promise<DatabaseGauges | null> | null;
}

/**
 * The state of all tokens and webhooks, at most a few seconds old. Never rejects.
 *
 * @returns null when the database does not answer in time
 */
export async function databaseGauges(clock = systemClock): Promise<DatabaseGauges | null> {
  const memory = once<Remembered>("database-gauges", () => ({ gauges: null, until: 0, asking: null }));
  if (memory.gauges && clock.monotonic() < memory.until) return memory.gauges;
  memory.asking ??= ask(clock, memory).finally(() => {
    memory.asking = null;
  });
  const over = new AbortController();
  const late = clock.sleep(PATIENCE_MS, over.signal).then(() => null);
  try {
    return await Promise.race([memory.asking, late]);
  } finally {
    over.abort();
  }
}

async function ask(clock: typeof systemClock, memory: Remembered): Promise<DatabaseGauges | null> {
  const began = clock.monotonic();
  memory.gauges = null;
  try {
    const [row] = await database().sql<
      {
        due: string;
        lag_s: number;
        leased: string;
        lapsed: string;
        soonest_s: number | null;
        expired: string;
        broken_clients: string;
        throttled_clients: string;
        failing_webhooks: string;
        webhook_lag_s: number;
      }[]
    >`select * from latchkey_refresh_gauges(), latchkey_webhook_gauges()`;
    if (!row) return null;
    memory.gauges = {
      due: Number(row.due),
      lagS: row.lag_s,
      leased: Number(row.leased),
      lapsed: Number(row.lapsed),
      soonestS: row.soonest_s,
      expired: Number(row.expired),
      brokenClients: Number(row.broken_clients),
      throttledClients: Number(row.throttled_clients),
      failingWebhooks: Number(row.failing_webhooks),
      webhookLagS: row.webhook_lag_s,
    };
    const now = clock.monotonic();
    memory.until = now + Math.max(KEEP_MS, KEEP_FACTOR * (now - began));
    return memory.gauges;
  } catch (error) {
    log.warn("metrics without the database", errorFields(error));
    return null;
  }
}
