import type postgres from "postgres";
import { freePort } from "@/lib/db/free-port";
import { type Child, startPart } from "./child";
import { databaseCpuUs, postmasterOf } from "./database-usage";
import { type DuePlan, duePlan } from "./due-plan";
import { clearSecrets, fillTo } from "./growth-rows";
import type { LoadOrder, LoadReport } from "./load";
import { type Go, signIn } from "./page-size";
import { type Bench, FULL, measured, median } from "./parts";
import { each, refreshAll } from "./refresh-figures";
import { judged, mb, rows, say } from "./report";
import { type Ground, seedSecrets } from "./seed";

const SMALL = 10_000;
const LARGE = FULL ? 1_000_000 : 50_000;
/** Secrets that are really refreshed and read; the others lie there. */
const REAL = 1_500;
const RUNS = 3;
const CLAIM = 200;
const CLAIMS = 15;
const ASKED = 15;
/** Flat: the large figure is at most this many times the small one. */
const FLAT = 1.2;
const FIRST_ROWS_MS = 300;

/** What one size costs. */
interface Cost {
  refreshNodeUs: number;
  refreshDatabaseUs: number | null;
  claimMs: number;
  readP50Ms: number;
  readNodeUs: number;
  readDatabaseUs: number | null;
  workerBytes: number;
  plan: DuePlan;
}

/**
 * "How cost grows": the same refreshes and reads with few and very many secrets in the tables, and the list of a workspace of
 * ten thousand.
 *
 * @param env settings of the measured processes, with DATABASE_URL and key
 * @throws Error when an answer was bad or a refresh was lost
 */
export async function growthFigures(
  bench: Bench,
  owner: postgres.Sql,
  env: Record<string, string>,
  ground: Ground,
  provider: Child,
  person: { email: string; password: string },
): Promise<void> {
  await clearSecrets(owner);
  const real = (await seedSecrets(owner, ground, REAL, "Growth")).map(({ id }) => id);
  const like = real[0] as string;
  say(`Filling the tables up to ${SMALL} secrets`);
  await fillTo(owner, ground, like, SMALL);
  const port = await freePort();
  const web = await measured(
    bench,
    "dist/server.mjs",
    { ...env, PORT: String(port), LATCHKEY_ROLE: "web" },
    "Latchkey is ready",
  );
  const worker = await measured(
    bench,
    "dist/server.mjs",
    { ...env, LATCHKEY_ROLE: "worker" },
    "Latchkey's worker is ready",
  );
  const load = startPart("load");
  const postmaster = await postmasterOf(owner);
  const costOf = async (size: number): Promise<Cost> => {
    say(`Refreshing and reading with ${size} secrets in the tables`);
    const claimMs = await claimTime(owner, ground, real);
    const refreshes = [];
    for (let run = 0; run <= RUNS; run++)
      refreshes.push(await refreshAll(owner, worker, provider, postmaster, ground.tenantId, real));
    const measuredRuns = refreshes.slice(1); // The first one warms up.
    const reads = await readCost(bench, { web, port, load, postmaster }, ground, real);
    return {
      refreshNodeUs: middle(measuredRuns.map((run) => run.cpuUs)),
      refreshDatabaseUs: middleOrNull(measuredRuns.map((run) => run.databaseUs)),
      claimMs,
      ...reads,
      workerBytes: (await worker.usage()).rssBytes,
      plan: await duePlan(owner),
    };
  };
  const small = await costOf(SMALL);
  const list = await listTimes(bench, port, ground, person);
  say(`Filling the tables up to ${LARGE} secrets`);
  const began = performance.now();
  await fillTo(owner, ground, like, LARGE);
  say(`  in ${((performance.now() - began) / 1000).toFixed(0)} s`);
  const large = await costOf(LARGE);
  const listInLarge = await listTimes(bench, port, ground, person);
  await Promise.all([web.stop(), worker.stop(), load.stop()]);

  const grown = (a: number | null, b: number | null, text: (value: number) => string) =>
    a === null || b === null
      ? "unknown without /proc"
      : judged(`${text(a)} → ${text(b)}`, "flat within a fifth", b <= a * FLAT);
  const us = (value: number) => `${Math.round(value)} µs`;
  const ms = (value: number) => `${value.toFixed(2)} ms`;
  const planText = ({ indexes, readsAll }: DuePlan) => `${indexes.join(", ")}${readsAll ? ", reads all" : ""}`;
  const indexed = [small, large].every(({ plan }) => plan.indexes.includes("token_state_due") && !plan.readsAll);
  rows(`How cost grows: ${SMALL} → ${LARGE} secrets in the tables${FULL ? "" : " (a million with --full)"}`, [
    ["a refresh, Node CPU", grown(small.refreshNodeUs, large.refreshNodeUs, us)],
    ["a refresh, PostgreSQL CPU", grown(small.refreshDatabaseUs, large.refreshDatabaseUs, us)],
    [`a claim of ${CLAIM}, the quickest of ${CLAIMS}`, grown(small.claimMs, large.claimMs, ms)],
    ["a read of a token, one connection, p50", grown(small.readP50Ms, large.readP50Ms, ms)],
    ["  Node CPU", grown(small.readNodeUs, large.readNodeUs, us)],
    ["  PostgreSQL CPU", grown(small.readDatabaseUs, large.readDatabaseUs, us)],
    ["memory of the worker", grown(small.workerBytes, large.workerBytes, mb)],
    [
      "the due query goes by",
      judged(`${planText(small.plan)} → ${planText(large.plan)}`, "token_state_due at both, never all", indexed),
    ],
  ]);
  const shown = (times: number[]) => `${Math.round(middle(times))} (${Math.round(Math.max(...times))})`;
  rows(
    `A workspace of ${SMALL} secrets, ms until the whole answer is there: median (slowest) of ${ASKED}; then with ${LARGE} in the tables`,
    Object.entries(list).map(([name, times]) => {
      const after = listInLarge[name] ?? [];
      const met = Math.max(middle(times), middle(after)) <= FIRST_ROWS_MS;
      return [name, judged(`${shown(times)} → ${shown(after)}`, `≤ ${FIRST_ROWS_MS}`, met)];
    }),
  );
}

/** Ms of leasing `CLAIM` due secrets, each time undone: the quickest, because other work on the machine only adds to it. */
async function claimTime(owner: postgres.Sql, { tenantId }: Ground, ids: string[]): Promise<number> {
  const UNDONE = new Error("undone");
  const times: number[] = [];
  for (let n = 0; n < CLAIMS; n++) {
    const work = owner.begin(async (tx) => {
      await tx`update token_state set refresh_due_at = now() - interval '1 min'
        where tenant_id = ${tenantId} and secret_id = any(${ids.slice(0, CLAIM)})`;
      const began = performance.now();
      const found = await tx`select * from latchkey_refresh_claim('bench', ${CLAIM}, '{}')`;
      times.push(performance.now() - began);
      if (found.length !== CLAIM) throw new Error(`A claim found ${found.length} of ${CLAIM}`);
      throw UNDONE;
    });
    await work.catch((error) => {
      if (error !== UNDONE) throw error;
    });
  }
  return Math.min(...times);
}

async function readCost(
  bench: Bench,
  { web, port, load, postmaster }: { web: Child; port: number; load: Child; postmaster: number },
  ground: Ground,
  ids: string[],
): Promise<Pick<Cost, "readP50Ms" | "readNodeUs" | "readDatabaseUs">> {
  const order: LoadOrder = {
    port,
    paths: ids.map((id) => `/v2/workspaces/${ground.workspaceId}/secrets/${id}/token`),
    headers: [`Authorization: ${bench.basic}`],
    connections: 1,
    warmUpS: 1,
    seconds: 1.5,
  };
  const reports: LoadReport[] = [];
  const [node, database] = [await web.usage(), await databaseCpuUs(postmaster)];
  for (let run = 0; run < RUNS; run++) reports.push(await load.ask<LoadReport>(order));
  const [nodeAfter, databaseAfter] = [await web.usage(), await databaseCpuUs(postmaster)];
  const bad = reports.find((report) => report.bad > 0);
  if (bad) throw new Error(`${bad.bad} reads were bad, the first: ${bad.firstBad}`);
  const all = reports.reduce((sum, report) => sum + report.all, 0);
  return {
    readP50Ms: median(reports).p50Ms,
    readNodeUs: (nodeAfter.cpuUs - node.cpuUs) / all,
    readDatabaseUs: each(database, databaseAfter, all),
  };
}

/** Ms of each answer, by what was asked for, as the console asks. */
async function listTimes(
  bench: Bench,
  port: number,
  { workspaceId }: Ground,
  person: { email: string; password: string },
): Promise<Record<string, number[]>> {
  const url = `http://localhost:${port}`;
  const go = await signIn(url, person);
  const program: Go = (target, init = {}) =>
    fetch(`${url}${target}`, { ...init, headers: { authorization: bench.basic } });
  const list = `/v2/workspaces/${workspaceId}/secrets`;
  const paged = `${list}?include=auth_client,user&page[size]=100&page[number]=`;
  const asked: [string, Go, string][] = [
    ["the secrets page (HTML)", go, `/workspaces/${workspaceId}/secrets`],
    ["its first 100 rows, who needs a person first", go, `${paged}1&sort=attention`],
    ["its first 100 rows by name", go, `${paged}1&sort=name`],
    ["its last 100 rows by name", go, `${paged}${SMALL / 100}&sort=name`],
    ["a search that finds a few", go, `${paged}1&sort=attention&filter[search]=filling%20000777`],
    ["a search that finds nothing", go, `${paged}1&sort=attention&filter[search]=no%20such%20name`],
    ["the first 100 rows with values, by API key", program, `${paged}1`],
  ];
  const times: Record<string, number[]> = {};
  for (const [name, ask, target] of asked) {
    const own: number[] = [];
    for (let n = 0; n <= ASKED; n++) {
      const began = performance.now();
      const response = await ask(target);
      await response.arrayBuffer();
      if (response.status !== 200) throw new Error(`${target} answered ${response.status}`);
      if (n > 0) own.push(performance.now() - began); // The first one warms up.
    }
    times[name] = own;
  }
  return times;
}

function middle(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}

function middleOrNull(values: (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === values.length ? middle(known) : null;
}
