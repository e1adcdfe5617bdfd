import { database } from "@/lib/db/client";
import { metrics } from "@/lib/observability/metrics";
import { refresher } from "./live-world";

/** All metrics of this process, with the gauges read from the database now. */
export async function prometheusText(): Promise<{ text: string; type: string }> {
  const { registry, due, lag, leased, lapsed, soonest, circuit } = metrics();
  const [row] = await database().sql<
    { due: string; lag_s: number; leased: string; lapsed: string; soonest_s: number | null }[]
  >`
    select * from latchkey_refresh_gauges()`;
  if (row) {
    due.set(Number(row.due));
    lag.set(row.lag_s);
    leased.set(Number(row.leased));
    lapsed.set(Number(row.lapsed));
    if (row.soonest_s !== null) soonest.set(row.soonest_s);
  }
  for (const { host, open } of refresher().hosts.states()) circuit.set({ host }, open ? 1 : 0);
  return { text: await registry.metrics(), type: registry.contentType };
}
