import { join } from "node:path";
import { type Child, startMeasured, startPart } from "./child";
import { databaseCpuUs, us } from "./database-usage";
import type { LoadOrder, LoadReport } from "./load";
import { buildEmptyNext } from "./next-app";
import { type Bench, CONNECTIONS, median, part, portOf, ROUND_S, ratioOf } from "./parts";
import { fixed, judged, rows, say } from "./report";
import type { SeededSecret } from "./seed";

/** More and shorter ones than of the other parts: reads are compared round by round. */
const ROUNDS = 9;

/** A round of one contestant, with what it cost its process and the database, µs of CPU a read. */
interface Round extends LoadReport {
  nodeUs: number;
  databaseUs: number | null;
}

/** Reads of a secret and its token, beside a bare program and an empty Next app. */
export async function readFigures(
  bench: Bench,
  { server, port, databaseUrl, postmaster }: { server: Child; port: number; databaseUrl: string; postmaster: number },
  bare: { key: string; ids: string[] },
  workspaceId: string,
  secrets: SeededSecret[],
): Promise<void> {
  say("Building an empty Next app to compare with");
  await buildEmptyNext(join(bench.root, "dist", "bench", "next"));
  const bareEnv = { BENCH_DATABASE_URL: databaseUrl, BENCH_KEY: bare.key };
  const bareServer = startMeasured(part("bare-read"), bareEnv, bench.logFile);
  const nextEnv = { BENCH_NEXT_DIR: join(bench.root, "dist", "bench", "next") };
  const nextServer = startMeasured(part("next-server"), nextEnv, bench.logFile);
  const load = startPart("load");
  const paths = secrets.map(({ id }) => `/v2/workspaces/${workspaceId}/secrets/${id}`);
  const order = (port: number, paths: string[], headers: string[] = []): LoadOrder => ({
    port,
    paths,
    headers,
    connections: CONNECTIONS,
    warmUpS: 0.3,
    seconds: ROUND_S / 2.5,
  });
  const headers = [`Authorization: ${bench.basic}`];
  const contestants = {
    bare: {
      of: bareServer,
      order: order(
        await portOf(bareServer),
        bare.ids.map((id) => `/${id}`),
      ),
    },
    secret: { of: server, order: order(port, paths, headers) },
    token: {
      of: server,
      order: order(
        port,
        paths.map((path) => `${path}/token`),
        headers,
      ),
    },
    next: { of: nextServer, order: order(await portOf(nextServer), ["/empty"]) },
  };
  const seen: Record<keyof typeof contestants, Round[]> = { bare: [], secret: [], token: [], next: [] };
  for (let round = 1; round <= ROUNDS; round++) {
    say(`Reading, round ${round} of ${ROUNDS}`);
    for (const [name, contestant] of Object.entries(contestants)) {
      const [node, database] = [await contestant.of.usage(), await databaseCpuUs(postmaster)];
      const report = await load.ask<LoadReport>(contestant.order);
      const [nodeAfter, databaseAfter] = [await contestant.of.usage(), await databaseCpuUs(postmaster)];
      if (report.bad > 0) throw new Error(`${name}: ${report.bad} answers were bad, the first: ${report.firstBad}`);
      seen[name as keyof typeof contestants].push({
        ...report,
        nodeUs: (nodeAfter.cpuUs - node.cpuUs) / report.all,
        databaseUs: database === null || databaseAfter === null ? null : (databaseAfter - database) / report.all,
      });
    }
  }
  await Promise.all([bareServer.stop(), nextServer.stop(), load.stop()]);
  const line = (title: string, name: keyof typeof contestants): [string, string] => {
    const report = median(seen[name]);
    const [ofBare, ofNext] = [ratioOf(seen[name], seen.bare), ratioOf(seen[name], seen.next)];
    const measured = name === "secret" || name === "token";
    return [
      title,
      `${fixed(report.perSecond, 7)}/s   p50 ${report.p50Ms.toFixed(1)} ms  p99 ${report.p99Ms.toFixed(1)} ms   ` +
        `CPU a read: Node ${us(report.nodeUs)}, PostgreSQL ${name === "next" ? "none" : us(report.databaseUs)}   ` +
        (measured
          ? `${judged(`${ofBare.toFixed(2)} of bare`, "≥ 0.50", ofBare >= 0.5)}  ${judged(`${ofNext.toFixed(1)} × Next`, "≥ 3", ofNext >= 3)}`
          : `${ofBare.toFixed(2)} of bare   ${ofNext.toFixed(1)} × Next`),
    ];
  };
  rows(`Reads, ${CONNECTIONS} connections, median of ${ROUNDS} rounds, compared within each`, [
    line("bare node:http, select, AES-GCM", "bare"),
    line("secret (auth, permission, audit, log)", "secret"),
    line("its token (the same)", "token"),
    line("empty Next route handler", "next"),
  ]);
}
