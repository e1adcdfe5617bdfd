import { join } from "node:path";
import type postgres from "postgres";
import { startProxy } from "@/lib/testing/topology/proxy";
import { type Child, startPart } from "./child";
import type { LoadOrder, LoadReport } from "./load";
import { type Bench, CONNECTIONS, freePort, measured, median, ROUND_S, ROUNDS, until } from "./parts";
import type { ProviderOrder, ProviderReport } from "./provider";
import { fixed, rows, say } from "./report";
import { type Ground, seedSecrets } from "./seed";

const PROCESSES = [1, 2, 3];
/** What the provider takes for every answer: then it is the limit, and not the processor. */
const PROVIDER_MS = 200;
/** Due secrets for every worker of a run. */
const PER_WORKER = 640;

/**
 * "How it scales out": reads with one, two and three web processes behind nginx, refreshes with one, two and three workers at
 * a provider that takes 200 ms, all on one PostgreSQL and one machine.
 *
 * @param env settings of the measured processes, with DATABASE_URL and key
 * @param folder for nginx's files
 * @throws Error when an answer was bad or a refresh token was presented twice or not at all
 */
export async function scaleOutFigures(
  bench: Bench,
  owner: postgres.Sql,
  env: Record<string, string>,
  ground: Ground,
  provider: Child,
  folder: string,
): Promise<void> {
  const reads = await readsBehindProxy(bench, owner, env, ground, folder);
  const refreshes = await refreshesByWorkers(bench, owner, env, ground, provider);
  const line = (one: string, many: string, figures: number[], n: number): [string, string] => [
    `${n} ${n === 1 ? one : many}`,
    `${fixed(figures[n - 1] as number, 7)}/s   ${((figures[n - 1] as number) / (figures[0] as number)).toFixed(2)} × one`,
  ];
  rows(
    `Reads of a token through nginx, ${CONNECTIONS} connections, all on this one machine`,
    PROCESSES.map((n) => line("web process", "web processes", reads, n)),
  );
  rows(
    `Refreshes at a provider that takes ${PROVIDER_MS} ms (aim: 3 workers ≥ 2.7 × one)`,
    PROCESSES.map((n) => line("worker", "workers", refreshes, n)),
  );
}

async function readsBehindProxy(
  bench: Bench,
  owner: postgres.Sql,
  env: Record<string, string>,
  ground: Ground,
  folder: string,
): Promise<number[]> {
  const secrets = await seedSecrets(owner, ground, 200, "Scale read");
  const web: { port: number; child: Child }[] = [];
  const load = startPart("load");
  const figures: number[] = [];
  for (const n of PROCESSES) {
    say(`Reading through nginx with ${n} web process${n === 1 ? "" : "es"}`);
    const port = await freePort();
    const own = { ...env, PORT: String(port), LATCHKEY_ROLE: "web", LATCHKEY_STOP_DELAY_S: "0" };
    web.push({ port, child: await measured(bench, "dist/server.mjs", own, "Latchkey is ready") });
    const proxyPort = await freePort();
    const upstreams = web.map((one) => one.port);
    const proxy = await startProxy(bench.root, { folder: join(folder, `proxy-${n}`), port: proxyPort, upstreams });
    const order: LoadOrder = {
      port: proxyPort,
      paths: secrets.map(({ id }) => `/v2/workspaces/${ground.workspaceId}/secrets/${id}/token`),
      headers: [`Authorization: ${bench.basic}`],
      connections: CONNECTIONS,
      warmUpS: 0.7,
      seconds: ROUND_S,
    };
    const reports: LoadReport[] = [];
    for (let round = 0; round < ROUNDS; round++) reports.push(await load.ask<LoadReport>(order));
    const bad = reports.find((report) => report.bad > 0);
    if (bad) throw new Error(`${n} web processes: ${bad.bad} answers were bad, the first: ${bad.firstBad}`);
    figures.push(median(reports).perSecond);
    await proxy.stop();
  }
  await Promise.all([load.stop(), ...web.map(({ child }) => child.stop())]);
  return figures;
}

async function refreshesByWorkers(
  bench: Bench,
  owner: postgres.Sql,
  env: Record<string, string>,
  ground: Ground,
  provider: Child,
): Promise<number[]> {
  await provider.ask({ kind: "delay", ms: PROVIDER_MS } satisfies ProviderOrder);
  const workers: Child[] = [];
  const figures: number[] = [];
  for (const n of PROCESSES) {
    say(`Refreshing with ${n} worker${n === 1 ? "" : "s"} at a slow provider`);
    workers.push(
      await measured(bench, "dist/server.mjs", { ...env, LATCHKEY_ROLE: "worker" }, "Latchkey's worker is ready"),
    );
    const ids = (await seedSecrets(owner, ground, PER_WORKER * n, `Scale refresh ${n}`)).map(({ id }) => id);
    await provider.ask({ kind: "forget" } satisfies ProviderOrder);
    await owner`update token_state set refresh_due_at = now() - random() * interval '60 s' where secret_id = any(${ids})`;
    const done = await until(async () => {
      const [row] = await owner<{ left: number }[]>`
        select count(*)::int as left from token_state where secret_id = any(${ids}) and generation = 1`;
      return row?.left === 0 ? Date.now() : null;
    });
    const { calls, replays, firstCallAt } = await provider.ask<ProviderReport>({
      kind: "report",
    } satisfies ProviderOrder);
    if (calls !== ids.length || replays > 0)
      throw new Error(`${calls} calls for ${ids.length} secrets, ${replays} repeated`);
    figures.push((ids.length / (done - firstCallAt)) * 1000);
  }
  await Promise.all(workers.map((worker) => worker.stop()));
  await provider.ask({ kind: "delay", ms: 0 } satisfies ProviderOrder);
  return figures;
}
