import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { once } from "@/lib/process";

/** Every metric's name, once. Prometheus text at /metrics. */
function make() {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    refreshes: new Counter({
      name: "latchkey_refresh_attempts_total",
      help: "Refresh attempts by outcome",
      labelNames: ["outcome"],
      registers,
    }),
    refreshSeconds: new Histogram({
      name: "latchkey_refresh_duration_seconds",
      help: "Time from the lease to a known outcome",
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 90],
      registers,
    }),
    storeTrouble: new Counter({
      name: "latchkey_landing_retries_total",
      help: "Times an answer had to wait in memory because the database did not take it",
      registers,
    }),
    due: new Gauge({ name: "latchkey_refresh_due", help: "Tokens due for refresh now", registers }),
    lag: new Gauge({
      name: "latchkey_refresh_due_lag_seconds",
      help: "How long the longest waiting due token waits",
      registers,
    }),
    leased: new Gauge({ name: "latchkey_leases", help: "Leases held", registers }),
    lapsed: new Gauge({ name: "latchkey_leases_lapsed", help: "Leases that lapsed and wait for a taker", registers }),
    soonest: new Gauge({
      name: "latchkey_soonest_expiry_seconds",
      help: "Time to expiry of the soonest renewable token",
      registers,
    }),
    circuit: new Gauge({
      name: "latchkey_circuit_open",
      help: "1 while the circuit of a token endpoint host is open",
      labelNames: ["host"],
      registers,
    }),
  };
}

export function metrics() {
  return once("metrics", make);
}
