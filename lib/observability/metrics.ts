import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { once } from "@/lib/process";
import type { RefreshEvent } from "@/lib/refresher/world";

/**
 * Every metric's name, once. Prometheus text at /metrics. Labels hold words of our own only (a route as it is declared, an
 * outcome, a state), so that their number is bounded and nothing of a tenant or a secret is in them; the one exception is
 * the host of an open circuit, and of those at most `MAX_HOSTS` are named. The alert rules and the dashboard beside this file
 * may use no other name; a test holds that.
 */
function make() {
  const registry = new Registry();
  const registers = [registry];
  const all = {
    registry,

    // -------------------------------------------------------------- requests
    requests: new Counter({
      name: "latchkey_requests_total",
      help: "Requests answered by an endpoint, by declared route and class of status (2xx, 4xx, 5xx)",
      labelNames: ["route", "status"],
      registers,
    }),
    requestSeconds: new Histogram({
      name: "latchkey_request_duration_seconds",
      help: "Time from a request's arrival at its endpoint to its answer; the reads are the routes that begin with GET",
      labelNames: ["route"],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30],
      registers,
    }),

    // -------------------------------------------------------------- refreshing
    refreshes: new Counter({
      name: "latchkey_refresh_attempts_total",
      help: "Refresh attempts that ended, by what caused them (due, demand, probe) and what became of them",
      labelNames: ["cause", "outcome"],
      registers,
    }),
    refreshSeconds: new Histogram({
      name: "latchkey_refresh_duration_seconds",
      help: "Time from the lease to a known outcome",
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 90],
      registers,
    }),
    running: new Gauge({
      name: "latchkey_refreshes_running",
      help: "Refresh attempts under way in this process",
      registers,
    }),
    leaseWait: new Histogram({
      name: "latchkey_lease_wait_seconds",
      help: "How long a caller who needed a fresher token waited for an attempt that somebody else had begun",
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25],
      registers,
    }),
    conflicts: new Counter({
      name: "latchkey_generation_conflicts_total",
      help: "Times the row had moved on: at the guard, when an answer landed (moved, foreign), or when a failure was recorded",
      labelNames: ["at"],
      registers,
    }),
    storeTrouble: new Counter({
      name: "latchkey_landing_retries_total",
      help: "Times an answer had to wait in memory because the database did not take it",
      registers,
    }),
    circuits: new Gauge({
      name: "latchkey_circuits",
      help: "Token endpoint hosts this process has called, by the state of their circuit (closed, open, half_open)",
      labelNames: ["state"],
      registers,
    }),
    circuit: new Gauge({
      name: "latchkey_circuit_open",
      help: "1 for a token endpoint host whose circuit is open or half open; the first hosts only",
      labelNames: ["host"],
      registers,
    }),

    // -------------------------------------------------------------- what lies in the database (the same in every process)
    databaseUp: new Gauge({
      name: "latchkey_database_up",
      help: "1 when the database answered this scrape or the one remembered; else 0, and what is read from it is absent",
      registers,
    }),
    due: new Gauge({
      name: "latchkey_refresh_due",
      help: "Tokens due that nobody has taken yet, counted up to 10000; those that wait for a person or because a provider asked are left out",
      registers,
    }),
    lag: new Gauge({
      name: "latchkey_refresh_due_lag_seconds",
      help: "How long the longest waiting of the tokens due waits",
      registers,
    }),
    leased: new Gauge({
      name: "latchkey_leases",
      help: "Leases held by living processes, counted up to 10000",
      registers,
    }),
    lapsed: new Gauge({
      name: "latchkey_leases_lapsed",
      help: "Leases that lapsed and wait for a taker, counted up to 10000",
      registers,
    }),
    soonest: new Gauge({
      name: "latchkey_soonest_expiry_seconds",
      help: "Time to expiry of the soonest token that is to be kept fresh; negative when it has expired, absent when there is none",
      registers,
    }),
    expired: new Gauge({
      name: "latchkey_tokens_expired",
      help: "Tokens that are to be kept fresh and have expired, counted up to 10000",
      registers,
    }),
    brokenClients: new Gauge({
      name: "latchkey_auth_clients_broken",
      help: "Auth clients that wait for an administrator; their secrets are not refreshed meanwhile",
      registers,
    }),
    throttledClients: new Gauge({
      name: "latchkey_auth_clients_throttled",
      help: "Auth clients whose provider asked to wait, in one tenant each",
      registers,
    }),

    // -------------------------------------------------------------- audit
    auditSeconds: new Histogram({
      name: "latchkey_audit_commit_seconds",
      help: "How long a read or a denial waited for its audit entry to be committed",
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 10],
      registers,
    }),
    auditLag: new Gauge({
      name: "latchkey_audit_lag_seconds",
      help: "How long the oldest audit entry that is not committed yet has been waiting; 0 when none waits",
      registers,
    }),
    auditWaiting: new Gauge({
      name: "latchkey_audit_waiting",
      help: "Audit entries that are not committed yet",
      registers,
    }),
    auditFailures: new Counter({
      name: "latchkey_audit_failures_total",
      help: "Answers withheld because their audit entry could not be written",
      registers,
    }),

    // -------------------------------------------------------------- webhooks
    webhookDeliveries: new Counter({
      name: "latchkey_webhook_deliveries_total",
      help: "Attempts to deliver a message, by what became of them (delivered, retrying, failed: the last attempt)",
      labelNames: ["outcome"],
      registers,
    }),
    webhooksSwitchedOff: new Counter({
      name: "latchkey_webhooks_switched_off_total",
      help: "Webhooks that Latchkey switched off, by reason (gone: the receiver answered 410; failing: nothing arrived for three days)",
      labelNames: ["reason"],
      registers,
    }),
    webhooksFailing: new Gauge({
      name: "latchkey_webhooks_failing",
      help: "Webhooks that are on and have not taken a message since one failed (the same in every process)",
      registers,
    }),
    webhookLag: new Gauge({
      name: "latchkey_webhook_due_lag_seconds",
      help: "How long the longest waiting of the messages due waits for a worker; not of a webhook that has one under way (the same in every process)",
      registers,
    }),

    // -------------------------------------------------------------- connections
    connections: new Gauge({
      name: "latchkey_db_connections",
      help: "Connections of this process's pool, by state (busy, idle)",
      labelNames: ["state"],
      registers,
    }),
    connectionsMax: new Gauge({
      name: "latchkey_db_connections_max",
      help: "How many connections the pool may open (LATCHKEY_DB_POOL)",
      registers,
    }),
    connectionWaiters: new Gauge({
      name: "latchkey_db_waiting",
      help: "Callers who wait for a connection of the pool",
      registers,
    }),
  };
  // From nought on: Prometheus sees no increase in a series that begins with its first event.
  for (const outcome of OUTCOMES) for (const cause of CAUSES) all.refreshes.inc({ cause, outcome }, 0);
  for (const at of CONFLICTS) all.conflicts.inc({ at }, 0);
  for (const outcome of ["delivered", "retrying", "failed"]) all.webhookDeliveries.inc({ outcome }, 0);
  for (const reason of ["gone", "failing"]) all.webhooksSwitchedOff.inc({ reason }, 0);
  return all;
}

const CAUSES = ["due", "demand", "probe"] as const;
/** All of them: the compiler holds that. */
const OUTCOMES = Object.keys({
  landed: true,
  late: true,
  moved: true,
  foreign: true,
  superseded: true,
  released: true,
  not_sent: true,
  unknown: true,
  throttled: true,
  refused: true,
  dead: true,
  client: true,
  config: true,
  integrity: true,
  deadline: true,
} satisfies Record<RefreshEvent["outcome"], true>);
const CONFLICTS = ["guard", "moved", "foreign", "failure"] as const;

/** Open circuits named by their host; more are only counted. A tenant chooses hosts, so their number is his. */
export const MAX_HOSTS = 50;

export function metrics() {
  return once("metrics", make);
}
