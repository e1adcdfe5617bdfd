import { availableParallelism } from "node:os";
import { join } from "node:path";
import type postgres from "postgres";
import { freePort } from "@/lib/db/free-port";
import { startProxy } from "@/lib/testing/topology/proxy";
import { type Child, startPart } from "./child";
import { databaseCpuUs, postmasterOf } from "./database-usage";
import type { LoadOrder, LoadReport } from "./load";
import { type Bench, CONNECTIONS, measured, median, ROUND_S, ROUNDS, until } from "./parts";
import type { ProviderOrder, ProviderReport } from "./provider";
import { each } from "./refresh-figures";
import { fixed, judged, rows, say } from "./report";
import { type Ground, seedSecrets } from "./seed";

const PROCESSES = [1, 2, 3];
/** What the provider takes for every answer: then it is the limit, and not the processor. */
const PROVIDER_MS = 200;
/** LATCHKEY_REFRESH_HOST_CONCURRENCY's default: so many calls are under way at one provider per process. */
const AT_ONCE = 32;
/** Due secrets for every worker of a run. */
const PER_WORKER = 1_600;
/** The part of them by which the rate is taken. */
const COUNTED = 0.8;

interface ReadFigure {
  perSecond: number;
  /** Answers for a second of CPU of all the web processes and the database together; null where the database's is unknown. */
  perCpuSecond: number | null;
}

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
  const times = (judge: boolean, figure: number, first: number) => {
    const ratio = first === 0 ? 0 : figure / first;
    const text = `${fixed(figure, 7)}/s   ${ratio.toFixed(2)} × one`;
    return judge ? judged(text, "≥ 2.7", ratio >= 2.7) : text;
  };
  const cores = availableParallelism();
  // With fewer cores the processor is the limit, which says nothing of more machines.
  const judgesReads = cores > 6;
  rows(
    `Reads of a token through nginx, ${CONNECTIONS} connections; load, nginx, database and all processes share ${cores} cores`,
    reads.map(({ perSecond, perCpuSecond }, i) => {
      const [n, first] = [PROCESSES[i] as number, reads[0] as ReadFigure];
      const cost =
        perCpuSecond === null ? "" : `   ${fixed(perCpuSecond, 6)} reads a CPU second (processes and database)`;
      return [
        n === 1 ? "1 web process" : `${n} web processes`,
        `${times(judgesReads && n === 3, perSecond, first.perSecond)}${cost}`,
      ];
    }),
  );
  rows(
    `Refreshes at a provider that takes ${PROVIDER_MS} ms, ${AT_ONCE} at once per worker`,
    refreshes.map((figure, i) => {
      const n = PROCESSES[i] as number;
      const used = (figure * PROVIDER_MS) / 1000 / (AT_ONCE * n);
      return [
        n === 1 ? "1 worker" : `${n} workers`,
        `${times(n === 3, figure, refreshes[0] as number)}   ${Math.round(used * 100)} % of what the provider takes`,
      ];
    }),
  );
}

async function readsBehindProxy(
  bench: Bench,
  owner: postgres.Sql,
  env: Record<string, string>,
  ground: Ground,
  folder: string,
): Promise<ReadFigure[]> {
  const postmaster = await postmasterOf(owner);
  const secrets = await seedSecrets(owner, ground, 200, "Scale read");
  const web: { port: number; child: Child }[] = [];
  const load = startPart("load");
  const figures: ReadFigure[] = [];
  const cpuUs = async () => {
    const processes = await Promise.all(web.map(({ child }) => child.usage()));
    const database = await databaseCpuUs(postmaster);
    return database === null ? null : processes.reduce((sum, one) => sum + one.cpuUs, database);
  };
  for (const n of PROCESSES) {
    say(`Reading through nginx with ${n} web process${n === 1 ? "" : "es"}`);
    const port = await freePort();
    const own = { ...env, PORT: String(port), LATCHKEY_ROLE: "web", LATCHKEY_STOP_DELAY_S: "0" };
    web.push({ port, child: await measured(bench, "dist/server.mjs", own, "Latchkey is ready") });
    const proxyPort = await freePort();
    const upstreams = web.map((one) => one.port);
    const proxy = await startProxy(bench.root, { folder: join(folder, `proxy-${n}`), port: proxyPort, upstreams });
    bench.closing.push(() => proxy.stop());
    const order: LoadOrder = {
      port: proxyPort,
      paths: secrets.map(({ id }) => `/v2/workspaces/${ground.workspaceId}/secrets/${id}/token`),
      headers: [`Authorization: ${bench.basic}`],
      connections: CONNECTIONS,
      warmUpS: 0.7,
      seconds: ROUND_S,
    };
    const reports: LoadReport[] = [];
    const before = await cpuUs();
    for (let round = 0; round < ROUNDS; round++) reports.push(await load.ask<LoadReport>(order));
    const bad = reports.find((report) => report.bad > 0);
    if (bad) throw new Error(`${n} web processes: ${bad.bad} answers were bad, the first: ${bad.firstBad}`);
    const cost = each(before, await cpuUs(), sum(reports));
    figures.push({ perSecond: median(reports).perSecond, perCpuSecond: cost === null ? null : 1e6 / cost });
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
    await owner`update token_state set refresh_due_at = now() - random() * interval '60 s'
      where tenant_id = ${ground.tenantId} and secret_id = any(${ids})`;
    // At the end some workers have nothing left while others still have a line of it, so the rate is that of the first part.
    let perSecond = 0;
    await until(async () => {
      const report = await provider.ask<ProviderReport>({ kind: "report" } satisfies ProviderOrder);
      if (perSecond === 0 && report.calls >= ids.length * COUNTED)
        perSecond = (report.calls / (report.lastCallAt - report.firstCallAt)) * 1000;
      if (report.calls < ids.length) return null;
      const [row] = await owner<{ left: number }[]>`
        select count(*)::int as left from token_state
         where tenant_id = ${ground.tenantId} and secret_id = any(${ids}) and generation = 1`;
      return row?.left === 0 ? true : null;
    });
    const { calls, replays } = await provider.ask<ProviderReport>({
      kind: "report",
    } satisfies ProviderOrder);
    if (calls !== ids.length || replays > 0)
      throw new Error(`${calls} calls for ${ids.length} secrets, ${replays} repeated`);
    figures.push(perSecond);
  }
  await Promise.all(workers.map((worker) => worker.stop()));
  await provider.ask({ kind: "delay", ms: 0 } satisfies ProviderOrder);
  return figures;
}

function sum(reports: LoadReport[]): number {
  return reports.reduce((all, report) => all + report.all, 0);
}
