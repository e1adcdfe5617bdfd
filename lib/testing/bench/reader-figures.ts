import type postgres from "postgres";
import { freePort } from "@/lib/db/free-port";
import { type Child, startPart } from "./child";
import type { LoadOrder, LoadReport } from "./load";
import { type Bench, measured } from "./parts";
import type { ProviderOrder, ProviderReport } from "./provider";
import { rows, say } from "./report";
import { type Ground, seedSecrets } from "./seed";

const READERS = 1_000;

/** A thousand readers of one expired token over two processes. */
export async function readerFigures(
  bench: Bench,
  owner: postgres.Sql,
  env: Record<string, string>,
  ground: Ground,
  provider: Child,
): Promise<void> {
  say(`${READERS} readers of one expired token, two processes`);
  const ports = [await freePort(), await freePort()];
  const web = await Promise.all(
    ports.map((port) =>
      measured(bench, "dist/server.mjs", { ...env, PORT: String(port), LATCHKEY_ROLE: "web" }, "Latchkey is ready"),
    ),
  );
  const loads = ports.map(() => startPart("load"));
  const [secret] = await seedSecrets(owner, ground, 1, "Storm");
  if (!secret) throw new Error("No secret was made");
  const path = `/v2/workspaces/${ground.workspaceId}/secrets/${secret.id}/token`;
  const order = (port: number, connections: number): LoadOrder => ({
    port,
    paths: [path],
    headers: [`Authorization: ${bench.basic}`],
    connections,
    warmUpS: 0,
    seconds: 0,
    once: true,
  });
  // One read each before, so that what is measured is the storm and not the first opening of everything.
  await Promise.all(loads.map((load, i) => load.ask<LoadReport>(order(ports[i] as number, 1))));
  await provider.ask({ kind: "forget" } satisfies ProviderOrder);
  await provider.ask({ kind: "delay", ms: 300 } satisfies ProviderOrder);
  await owner`update token_state set expires_at = now() - interval '1 s', refresh_due_at = now() - interval '1 s'
    where secret_id = ${secret.id}`;
  const reports = await Promise.all(
    loads.map((load, i) => load.ask<LoadReport>(order(ports[i] as number, READERS / ports.length))),
  );
  const { calls } = await provider.ask<ProviderReport>({ kind: "delay", ms: 0 } satisfies ProviderOrder);
  await Promise.all([...web, ...loads].map((child) => child.stop()));
  const served = reports.reduce((sum, report) => sum + report.answers, 0);
  const bad = reports.find((report) => report.bad > 0);
  if (calls !== 1 || served !== READERS || bad)
    throw new Error(`${calls} calls to the provider, ${served} of ${READERS} readers served; ${bad?.firstBad ?? ""}`);
  const slowest = Math.max(...reports.map((report) => report.p99Ms));
  rows(`${READERS} readers of one expired token over two processes (aim: 1 call)`, [
    ["calls to the provider", `${calls}`],
    ["readers served", `${served}; 99 of 100 within ${slowest.toFixed(0)} ms, of which the provider takes 300`],
  ]);
}
