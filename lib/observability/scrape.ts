import { auditWaiting } from "@/lib/audit/record";
import { database } from "@/lib/db/client";
import { circuits } from "@/lib/refresher/gauges";
import { refresher } from "@/lib/refresher/live-world";
import { readsWaiting } from "@/lib/secrets/audited-read-store";
import { type DatabaseGauges, databaseGauges } from "./database-gauges";
import { MAX_HOSTS, metrics } from "./metrics";

/**
 * All metrics of this process as Prometheus text, with the gauges as they are now. Never rejects: what cannot be known is
 * absent, and `latchkey_database_up` says whether that is the database's fault.
 */
export async function prometheusText(): Promise<{ text: string; type: string }> {
  setDatabaseGauges(await databaseGauges());
  setProcessGauges();
  const { registry } = metrics();
  return { text: await registry.metrics(), type: registry.contentType };
}

function setDatabaseGauges(found: DatabaseGauges | null): void {
  const all = metrics();
  all.databaseUp.set(found ? 1 : 0);
  for (const [gauge, value] of [
    [all.due, found?.due],
    [all.lag, found?.lagS],
    [all.leased, found?.leased],
    [all.lapsed, found?.lapsed],
    [all.soonest, found?.soonestS],
    [all.expired, found?.expired],
    [all.brokenClients, found?.brokenClients],
    [all.throttledClients, found?.throttledClients],
    [all.webhooksFailing, found?.failingWebhooks],
    [all.webhookLag, found?.webhookLagS],
  ] as const)
    if (typeof value === "number") gauge.set(value);
    else gauge.remove();
}

function setProcessGauges(): void {
  const all = metrics();
  all.running.set(refresher().running.size);

  const { counts, troubled } = circuits();
  for (const [state, count] of Object.entries(counts)) all.circuits.set({ state }, count);
  all.circuit.reset();
  for (const host of troubled.slice(0, MAX_HOSTS)) all.circuit.set({ host }, 1);

  const waiting = [auditWaiting(), readsWaiting()];
  const since = waiting.flatMap((one) => one.since ?? []);
  all.auditWaiting.set(waiting.reduce((sum, one) => sum + one.count, 0));
  all.auditLag.set(since.length === 0 ? 0 : (performance.now() - Math.min(...since)) / 1000);

  const { busy, idle, max, waiting: waiters } = database().usage();
  all.connections.set({ state: "busy" }, busy);
  all.connections.set({ state: "idle" }, idle);
  all.connectionsMax.set(max);
  all.connectionWaiters.set(waiters);
}
