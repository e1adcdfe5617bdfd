import type postgres from "postgres";
import { openJson } from "@/lib/crypto/envelope";
import type { SealedTokens } from "@/lib/oauth/token-set";
import { tokenPlace } from "@/lib/refresher/token-place";
import { type Child, startMeasured } from "./child";
import { databaseCpuUs, postmasterOf, us } from "./database-usage";
import { type Bench, count, FULL, measured, part, until } from "./parts";
import type { ProviderOrder, ProviderReport } from "./provider";
import { fixed, judged, mb, rows, say } from "./report";
import { type Ground, type SeededSecret, seedSecrets } from "./seed";

/** Due secrets refreshed in the measured part. */
export const REFRESHES = count("LATCHKEY_BENCH_REFRESHES", FULL ? 20_000 : 5_000, 20_000);
export const WARM_UP_REFRESHES = 1_000;
/** The loop and the worker take turns, because machines change their speed; compared is what stands side by side. */
const TURNS = 5;

/** Refreshing with one worker, beside a bare loop. */
export async function refreshFigures(
  bench: Bench,
  owner: postgres.Sql,
  env: Record<string, string>,
  ground: Ground,
  provider: Child,
  providerUrl: string,
  bareKey: string,
): Promise<void> {
  const all = REFRESHES + WARM_UP_REFRESHES;
  const secrets = await seedSecrets(owner, ground, all, "Refresh");

  say(`Refreshing ${REFRESHES} secrets with the bare loop and with one worker, in turns`);
  const bareLoop = startMeasured(
    part("bare-refresh"),
    {
      BENCH_DATABASE_URL: env.DATABASE_URL as string,
      BENCH_KEY: bareKey,
      BENCH_PROVIDER: providerUrl,
    },
    bench.logFile,
  );
  await bareLoop.line("ready");
  const postmaster = await postmasterOf(owner);
  const bareRun = async (amount: number) => {
    await owner`update bench_tokens set due_at = now() - random() * interval '60 s' where id in (
      select id from bench_tokens where n = 0 limit ${amount})`;
    const before = await bareLoop.usage();
    const database = await databaseCpuUs(postmaster);
    const began = performance.now();
    const { refreshed } = await bareLoop.ask<{ refreshed: number }>("run");
    const ms = performance.now() - began;
    if (refreshed !== amount) throw new Error(`The bare loop refreshed ${refreshed} of ${amount}`);
    return {
      perSecond: (amount / ms) * 1000,
      cpuUs: ((await bareLoop.usage()).cpuUs - before.cpuUs) / amount,
      databaseUs: each(database, await databaseCpuUs(postmaster), amount),
    };
  };
  await bareRun(WARM_UP_REFRESHES);

  await provider.ask({ kind: "forget" } satisfies ProviderOrder);
  const worker = await measured(
    bench,
    "dist/server.mjs",
    { ...env, LATCHKEY_ROLE: "worker" },
    "Latchkey's worker is ready",
  );
  const ids = secrets.map(({ id }) => id);
  const workerRun = (chosen: string[]) => refreshAll(owner, worker, provider, postmaster, ground.tenantId, chosen);
  const warmUp = await workerRun(ids.slice(0, WARM_UP_REFRESHES));
  const turns: { bare: Omit<RefreshRun, "report">; worker: RefreshRun }[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    const [from, to] = [turn, turn + 1].map((n) => WARM_UP_REFRESHES + Math.round((n * REFRESHES) / TURNS));
    const chosen = ids.slice(from, to);
    turns.push({ bare: await bareRun(chosen.length), worker: await workerRun(chosen) });
  }
  await bareLoop.stop();
  const memory = await worker.usage();
  await worker.stop();
  const runs = [warmUp, ...turns.map((turn) => turn.worker)];
  const calls = sum(runs.map((run) => run.report.calls));
  const replays = sum(runs.map((run) => run.report.replays));
  const lost = await countLost(owner, ground, secrets, provider);
  if (lost > 0 || replays > 0 || calls !== all)
    throw new Error(`${calls} calls for ${all} secrets, ${replays} repeated, ${lost} lost`);
  const [ofBare, times] = [
    middle(turns.map((turn) => turn.worker.perSecond / turn.bare.perSecond)),
    middle(turns.map((turn) => turn.worker.cpuUs / turn.bare.cpuUs)),
  ];
  const [bare, run] = [typical(turns.map((turn) => turn.bare)), typical(turns.map((turn) => turn.worker))];
  rows(`Refreshing ${REFRESHES} due secrets, one worker, median of ${TURNS} turns`, [
    [
      "bare loop",
      `${fixed(bare.perSecond, 7)}/s   CPU each: Node ${us(bare.cpuUs)}, PostgreSQL ${us(bare.databaseUs)}`,
    ],
    [
      "worker (lease, guard, ledger, timeline)",
      `${fixed(run.perSecond, 7)}/s   CPU each: Node ${us(run.cpuUs)}, PostgreSQL ${us(run.databaseUs)}   ` +
        `${judged(`${ofBare.toFixed(2)} of bare`, "≥ 0.40", ofBare >= 0.4)}  ` +
        judged(`${times.toFixed(2)} × its Node CPU`, "≤ 2.5", times <= 2.5),
    ],
    ["", judged(`${fixed(run.perSecond, 7)}/s`, "about 2,000/s on two cores", run.perSecond >= 1_800)],
    ["counted at the provider", `${calls} calls for ${all} secrets, 0 lost, 0 doubled   (aim: met)`],
    ["memory of the worker after it", mb(memory.rssBytes)],
  ]);
}

const sum = (numbers: number[]) => numbers.reduce((all, one) => all + one, 0);

const middle = (numbers: number[]) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;

/** The run in the middle. */
const typical = (runs: Omit<RefreshRun, "report">[]) =>
  runs.find((run) => run.perSecond === middle(runs.map(({ perSecond }) => perSecond))) as Omit<RefreshRun, "report">;

/** One run of a worker: what it did and what each refresh cost, µs of CPU. */
export interface RefreshRun {
  perSecond: number;
  cpuUs: number;
  databaseUs: number | null;
  report: ProviderReport;
}

/** Makes the chosen secrets due, which are all of one generation, and waits until a running worker has refreshed them all. */
export async function refreshAll(
  owner: postgres.Sql,
  worker: Child,
  provider: Child,
  postmaster: number,
  tenantId: string,
  chosen: string[],
): Promise<RefreshRun> {
  await owner`vacuum token_state`;
  await provider.ask({ kind: "forget" } satisfies ProviderOrder);
  const [before, database] = [await worker.usage(), await databaseCpuUs(postmaster)];
  const [{ generation = 0 } = {}] = await owner<{ generation: number }[]>`
    update token_state set refresh_due_at = now() - random() * interval '60 s'
     where tenant_id = ${tenantId} and secret_id = any(${chosen}) returning generation`;
  const last = await until(async () => {
    const report = await provider.ask<ProviderReport>({ kind: "report" } satisfies ProviderOrder);
    if (report.calls < chosen.length) return null;
    const [row] = await owner<{ left: number }[]>`
      select count(*)::int as left from token_state
       where tenant_id = ${tenantId} and secret_id = any(${chosen}) and generation = ${generation}`;
    return row?.left === 0 ? { report, at: Date.now() } : null;
  });
  const ms = last.at - last.report.firstCallAt;
  return {
    perSecond: (chosen.length / ms) * 1000,
    cpuUs: ((await worker.usage()).cpuUs - before.cpuUs) / chosen.length,
    databaseUs: each(database, await databaseCpuUs(postmaster), chosen.length),
    report: last.report,
  };
}

/** What lies between two sums, for each of `n`. */
export function each(before: number | null, after: number | null, n: number): number | null {
  return before === null || after === null ? null : (after - before) / n;
}

/** Secrets whose stored refresh token is not the one that the provider takes next. */
export async function countLost(
  owner: postgres.Sql,
  { tenantId }: Ground,
  secrets: SeededSecret[],
  provider: Child,
): Promise<number> {
  const { grants } = await provider.ask<ProviderReport>({ kind: "report", grants: true } satisfies ProviderOrder);
  const stored = await owner<{ secret_id: string; generation: number; sealed: Buffer }[]>`
    select secret_id, generation, sealed from token_state
     where tenant_id = ${tenantId} and secret_id = any(${secrets.map(({ id }) => id)})`;
  const byId = new Map(stored.map((row) => [row.secret_id, row]));
  let lost = 0;
  for (const { id, grant } of secrets) {
    const row = byId.get(id);
    if (!row) throw new Error(`The secret ${id} has gone`);
    const tokens = await openJson<SealedTokens>(tokenPlace(tenantId, id, row.generation), row.sealed);
    if (tokens.reveal().refresh_token !== `r.${grant}.${grants[grant] ?? 0}`) lost += 1;
  }
  return lost;
}
