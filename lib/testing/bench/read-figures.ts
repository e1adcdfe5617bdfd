import { join } from "node:path";
import { startPart } from "./child";
import type { LoadOrder, LoadReport } from "./load";
import { buildEmptyNext } from "./next-app";
import { type Bench, CONNECTIONS, median, portOf, ROUND_S, ROUNDS } from "./parts";
import { fixed, rows, say } from "./report";
import type { SeededSecret } from "./seed";

/** Reads of a secret and its token, beside a bare program and an empty Next app. */
export async function readFigures(
  bench: Bench,
  port: number,
  databaseUrl: string,
  bare: { key: string; ids: string[] },
  workspaceId: string,
  secrets: SeededSecret[],
): Promise<void> {
  say("Building an empty Next app to compare with");
  await buildEmptyNext(join(bench.root, "dist", "bench", "next"));
  const bareServer = startPart("bare-read", { BENCH_DATABASE_URL: databaseUrl, BENCH_KEY: bare.key });
  const nextServer = startPart("next-server", { BENCH_NEXT_DIR: join(bench.root, "dist", "bench", "next") });
  const load = startPart("load");
  const paths = secrets.map(({ id }) => `/v2/workspaces/${workspaceId}/secrets/${id}`);
  const order = (port: number, paths: string[], headers: string[] = []): LoadOrder => ({
    port,
    paths,
    headers,
    connections: CONNECTIONS,
    warmUpS: 0.7,
    seconds: ROUND_S,
  });
  const headers = [`Authorization: ${bench.basic}`];
  const contestants = {
    bare: order(
      await portOf(bareServer),
      bare.ids.map((id) => `/${id}`),
    ),
    secret: order(port, paths, headers),
    token: order(
      port,
      paths.map((path) => `${path}/token`),
      headers,
    ),
    next: order(await portOf(nextServer), ["/empty"]),
  };
  const seen: Record<keyof typeof contestants, LoadReport[]> = { bare: [], secret: [], token: [], next: [] };
  for (let round = 1; round <= ROUNDS; round++) {
    say(`Reading, round ${round} of ${ROUNDS}`);
    for (const [name, contestant] of Object.entries(contestants)) {
      const report = await load.ask<LoadReport>(contestant);
      if (report.bad > 0) throw new Error(`${name}: ${report.bad} answers were bad, the first: ${report.firstBad}`);
      seen[name as keyof typeof contestants].push(report);
    }
  }
  await Promise.all([bareServer.stop(), nextServer.stop(), load.stop()]);
  const best = (name: keyof typeof contestants) => median(seen[name]);
  const [b, n] = [best("bare"), best("next")];
  const line = (title: string, report: LoadReport): [string, string] => [
    title,
    `${fixed(report.perSecond, 7)}/s   p50 ${report.p50Ms.toFixed(1)} ms  p99 ${report.p99Ms.toFixed(1)} ms   ` +
      `${(report.perSecond / b.perSecond).toFixed(2)} of bare   ${(report.perSecond / n.perSecond).toFixed(1)} × Next`,
  ];
  rows(
    `Reads, ${CONNECTIONS} connections, median of ${ROUNDS} rounds (aims: secret and token ≥ 0.50 of bare, ≥ 3 × Next)`,
    [
      line("bare node:http, select, AES-GCM", b),
      line("secret (auth, permission, audit, log)", best("secret")),
      line("its token (the same)", best("token")),
      line("empty Next route handler", n),
    ],
  );
}
