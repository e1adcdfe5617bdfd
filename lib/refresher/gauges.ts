import { systemClock } from "@/lib/clock";
import { database } from "@/lib/db/client";
import { errorFields, log } from "@/lib/observability/log";
import { once } from "@/lib/process";
import { refresher } from "./live-world";

/** What the metrics show of all tokens, as the database has it (`latchkey_refresh_gauges`). */
export interface RefreshGauges {
  due: number;
  lagS: number;
  leased: number;
  lapsed: number;
  /** Null: no token that is to be kept fresh ever expires. */
  soonestS: number | null;
  expired: number;
  brokenClients: number;
  throttledClients: number;
}

/** Scrapes of several collectors, or of one in a hurry, look once in this time ... */
const KEEP_MS = 5_000;
/** ... or so many times what looking took: however large the table is, the metrics take a twentieth of one connection. */
const KEEP_FACTOR = 20;
/** A scrape waits this long for the database, then goes on without it. */
const PATIENCE_MS = 2_500;

interface Remembered {
  gauges: RefreshGauges | null;
  /** Monotonic; nothing is asked before. */
  until: number;
  asking: Promise<RefreshGauges | null> | null;
}

/**
 * The state of all tokens, at most a few seconds old. Never rejects.
 *
 * @returns null when the database does not answer in time
 */
export async function refreshGauges(clock = systemClock): Promise<RefreshGauges | null> {
  const memory = once<Remembered>("refresh-gauges", () => ({ gauges: null, until: 0, asking: null }));
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

async function ask(clock: typeof systemClock, memory: Remembered): Promise<RefreshGauges | null> {
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
      }[]
    >`select * from latchkey_refresh_gauges()`;
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
    };
    const now = clock.monotonic();
    memory.until = now + Math.max(KEEP_MS, KEEP_FACTOR * (now - began));
    return memory.gauges;
  } catch (error) {
    log.warn("metrics without the database", errorFields(error));
    return null;
  }
}

/** Circuits of this process by state, and the hosts whose circuit is not closed. */
export function circuits(): { counts: Record<"closed" | "open" | "half_open", number>; troubled: string[] } {
  const counts = { closed: 0, open: 0, half_open: 0 };
  const troubled: string[] = [];
  for (const { host, circuit } of refresher().hosts.states()) {
    counts[circuit] += 1;
    if (circuit !== "closed") troubled.push(host);
  }
  return { counts, troubled };
}

/** @returns ms since the sweep of this process last came round; null when it runs none */
export function sweepSilentMs(): number | null {
  const { sweptAt, world } = refresher();
  return sweptAt === null ? null : world.clock.monotonic() - sweptAt;
}
