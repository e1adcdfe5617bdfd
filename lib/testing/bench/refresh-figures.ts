import type postgres from "postgres";
import { openJson } from "@/lib/crypto/envelope";
import type { SealedTokens } from "@/lib/oauth/token-set";
import { tokenPlace } from "@/lib/refresher/token-place";
import { type Child, startMeasured } from "./child";
import { type Bench, count, measured, part, until } from "./parts";
import type { ProviderOrder, ProviderReport } from "./provider";
import { fixed, mb, rows, say } from "./report";
import { type Ground, type SeededSecret, seedSecrets } from "./seed";

/** Due secrets refreshed in the measured part. */
export const REFRESHES = count("LATCHKEY_BENCH_REFRESHES", 5_000, 20_000);
export const WARM_UP_REFRESHES = 1_000;

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

  say(`Refreshing ${REFRESHES} secrets with the bare loop`);
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
  const bareRun = async (amount: number) => {
    await owner`update bench_tokens set due_at = now() - random() * interval '60 s' where id in (
      select id from bench_tokens where n = 0 limit ${amount})`;
    const before = await bareLoop.usage();
    const began = performance.now();
    const { refreshed } = await bareLoop.ask<{ refreshed: number }>("run");
    const ms = performance.now() - began;
    if (refreshed !== amount) throw new Error(`The bare loop refreshed ${refreshed} of ${amount}`);
    return { perSecond: (amount / ms) * 1000, cpuUs: ((await bareLoop.usage()).cpuUs - before.cpuUs) / amount };
  };
  await bareRun(WARM_UP_REFRESHES);
  const bare = await bareRun(REFRESHES);
  await bareLoop.stop();

  say(`Refreshing ${REFRESHES} secrets with one worker`);
  await provider.ask({ kind: "forget" } satisfies ProviderOrder);
  const worker = await measured(
    bench,
    "dist/server.mjs",
    { ...env, LATCHKEY_ROLE: "worker" },
    "Latchkey's worker is ready",
  );
  const ids = secrets.map(({ id }) => id);
  const workerRun = async (chosen: string[]) => {
    await owner`vacuum token_state`;
    const before = await worker.usage();
    await provider.ask({ kind: "forget" } satisfies ProviderOrder);
    await owner`update token_state set refresh_due_at = now() - random() * interval '60 s' where secret_id = any(${chosen})`;
    const last = await until(async () => {
      const report = await provider.ask<ProviderReport>({ kind: "report" } satisfies ProviderOrder);
      if (report.calls < chosen.length) return null;
      const [row] = await owner<{ left: number }[]>`
        select count(*)::int as left from token_state where secret_id = any(${chosen}) and generation = 1`;
      return row?.left === 0 ? { report, at: Date.now() } : null;
    });
    const after = await worker.usage();
    const ms = last.at - last.report.firstCallAt;
    return {
      perSecond: (chosen.length / ms) * 1000,
      cpuUs: (after.cpuUs - before.cpuUs) / chosen.length,
      report: last.report,
    };
  };
  const warmUp = await workerRun(ids.slice(0, WARM_UP_REFRESHES));
  const run = await workerRun(ids.slice(WARM_UP_REFRESHES));
  const memory = await worker.usage();
  await worker.stop();
  const truth = { calls: warmUp.report.calls + run.report.calls, replays: warmUp.report.replays + run.report.replays };
  const lost = await countLost(owner, ground, secrets, run.report.grants);
  if (lost > 0 || truth.replays > 0 || truth.calls !== all)
    throw new Error(`${truth.calls} calls for ${all} secrets, ${truth.replays} repeated, ${lost} lost`);
  rows(
    `Refreshing ${REFRESHES} due secrets, one worker (aims: ≥ 0.40 of the bare loop's throughput, ≤ 2.5 × its CPU)`,
    [
      ["bare loop", `${fixed(bare.perSecond, 7)}/s   ${fixed(bare.cpuUs, 4)} µs of Node CPU each`],
      [
        "worker (lease, guard, ledger, timeline)",
        `${fixed(run.perSecond, 7)}/s   ${fixed(run.cpuUs, 4)} µs of Node CPU each   ` +
          `${(run.perSecond / bare.perSecond).toFixed(2)} of bare   ${(run.cpuUs / bare.cpuUs).toFixed(2)} × its CPU`,
      ],
      ["counted at the provider", `${truth.calls} calls for ${all} secrets, 0 lost, 0 doubled`],
      ["memory of the worker after it", mb(memory.rssBytes)],
    ],
  );
}

/** Secrets whose stored refresh token is not the one that the provider takes next. */
export async function countLost(
  owner: postgres.Sql,
  { tenantId }: Ground,
  secrets: SeededSecret[],
  grants: Record<string, number>,
): Promise<number> {
  const stored = await owner<{ secret_id: string; generation: number; sealed: Buffer }[]>`
    select secret_id, generation, sealed from token_state where secret_id = any(${secrets.map(({ id }) => id)})`;
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
