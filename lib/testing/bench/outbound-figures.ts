import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Child, startPart } from "./child";
import { databaseCpuUs, us } from "./database-usage";
import type { LoadReport } from "./load";
import type { CallOrder, DownloadReport } from "./outbound-caller";
import { type Bench, CONNECTIONS, made, median, middle, ROUND_S, ROUNDS } from "./parts";
import { fixed, judged, mb, rows, say } from "./report";

const MEGABYTES = 100;

/** Requests that pass through, beside the same ones made by undici directly; `apiPort` is that of an `outbound-api`. */
export async function outboundFigures(
  bench: Bench,
  {
    server,
    url,
    apiPort,
    workspaceId,
    postmaster,
  }: { server: Child; url: string; apiPort: number; workspaceId: string; postmaster: number },
): Promise<void> {
  const host = `127.0.0.1:${apiPort}`;
  const secretId = await makeSecret(bench, url, workspaceId, host);
  const caller = startPart("outbound-caller");
  const ways = {
    direct: { origin: `http://${host}`, prefix: "", headers: { authorization: "Bearer bench-password-of-a-secret" } },
    through: {
      origin: url,
      prefix: `/outbound/${secretId}/${host}`,
      headers: { authorization: bench.basic, "x-latchkey-scheme": "http" },
    },
  };
  const order = (way: keyof typeof ways, path: string, load: CallOrder["load"]): CallOrder => ({
    origin: ways[way].origin,
    path: `${ways[way].prefix}${path}`,
    headers: ways[way].headers,
    load,
  });
  const seen: Record<keyof typeof ways, LoadReport[]> = { direct: [], through: [] };
  const alone: Record<keyof typeof ways, LoadReport[]> = { direct: [], through: [] };
  const speeds: Record<keyof typeof ways, number[]> = { direct: [], through: [] };
  const cpu: { node: number[]; database: number[] } = { node: [], database: [] };
  let most = 0;
  const idle = (await server.usage()).rssBytes;
  for (let round = 1; round <= ROUNDS; round++) {
    say(`Requests that pass through, round ${round} of ${ROUNDS}`);
    for (const way of ["direct", "through"] as const) {
      const load = { connections: CONNECTIONS, warmUpS: 0.7, seconds: ROUND_S };
      const [node, database] = [await server.usage(), await databaseCpuUs(postmaster)];
      const report = await caller.ask<LoadReport>(order(way, "/kb", load));
      const [nodeAfter, databaseAfter] = [await server.usage(), await databaseCpuUs(postmaster)];
      if (report.bad > 0) throw new Error(`${way}: ${report.bad} answers were bad, the first: ${report.firstBad}`);
      seen[way].push(report);
      if (way === "direct") continue;
      cpu.node.push((nodeAfter.cpuUs - node.cpuUs) / report.all);
      if (database !== null && databaseAfter !== null) cpu.database.push((databaseAfter - database) / report.all);
    }
    // With nobody else under way nothing queues: what is added then is what one request costs.
    for (const way of ["direct", "through"] as const) {
      const load = { connections: 1, warmUpS: 0.3, seconds: ROUND_S / 2 };
      const report = await caller.ask<LoadReport>(order(way, "/kb", load));
      if (report.bad > 0) throw new Error(`${way}: ${report.bad} answers were bad, the first: ${report.firstBad}`);
      alone[way].push(report);
    }
    const before = (await server.usage()).rssBytes;
    for (const way of ["direct", "through"] as const) {
      const { bytes, ms } = await caller.ask<DownloadReport>(order(way, `/mb/${MEGABYTES}`, null));
      if (bytes !== MEGABYTES * 1024 * 1024) throw new Error(`${way}: ${bytes} bytes came`);
      speeds[way].push(bytes / 1024 / 1024 / (ms / 1000));
    }
    most = Math.max(most, (await server.usage()).rssBytes - before);
  }
  await caller.stop();
  const [direct, through] = [median(seen.direct), median(seen.through)];
  const [fast, slow] = [middle(speeds.direct), middle(speeds.through)];
  const ratio = through.perSecond / direct.perSecond;
  const addedMs = through.p50Ms - direct.p50Ms;
  const aloneMs = median(alone.through).p50Ms - median(alone.direct).p50Ms;
  const line = ({ perSecond, p50Ms, p99Ms }: LoadReport) =>
    `${fixed(perSecond, 7)}/s   p50 ${p50Ms.toFixed(2)} ms  p99 ${p99Ms.toFixed(1)} ms`;
  rows(`Requests with a secret, ${CONNECTIONS} connections, 1 KB each way, median of ${ROUNDS} rounds`, [
    ["undici to the API", line(direct)],
    ["undici through /outbound", line(through)],
    ["throughput", judged(`${ratio.toFixed(2)} of direct`, "≥ 0.50", ratio >= 0.5)],
    ["added p50", judged(`${addedMs.toFixed(2)} ms`, "≤ 1 ms", addedMs <= 1)],
    [
      "added p50, one connection",
      judged(`${aloneMs.toFixed(2)} ms over ${median(alone.direct).p50Ms.toFixed(2)}`, "≤ 1 ms", aloneMs <= 1),
    ],
    [
      "CPU a request",
      `Node ${us(middle(cpu.node))}, PostgreSQL ${us(cpu.database.length > 0 ? middle(cpu.database) : null)}`,
    ],
    // Its entry in the audit is on the disk before a request leaves.
    ["one sync of this disk", `p50 ${(await syncMs()).toFixed(2)} ms`],
    [
      `${MEGABYTES} MB answer`,
      `${fixed(slow, 5)} MB/s of ${Math.round(fast)}   ${judged(`${(slow / fast).toFixed(2)} of direct`, "≥ 0.60", slow / fast >= 0.6)}`,
    ],
    ["memory", `idle ${mb(idle)}, at most ${mb(Math.max(0, most))} more after ${MEGABYTES} MB than before`],
  ]);
}

/** What the machine takes to have 8 KB on its disk for certain, median, beside nothing else of the bench. */
async function syncMs(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "latchkey-bench-sync-"));
  const file = await open(join(folder, "sync"), "w");
  const page = Buffer.alloc(8192);
  const taken: number[] = [];
  for (let i = 0; i < 100; i++) {
    const began = performance.now();
    await file.write(page, 0, page.length, i * page.length);
    await file.datasync();
    taken.push(performance.now() - began);
  }
  await file.close();
  await rm(folder, { recursive: true });
  return middle(taken);
}

function makeSecret(bench: Bench, url: string, workspaceId: string, host: string): Promise<string> {
  const attributes = {
    name: "Bench outbound",
    type: "password",
    credentials: { password: "bench-password-of-a-secret" },
    allowed_hosts: [host],
  };
  return made(bench, `${url}/v2/workspaces/${workspaceId}/secrets`, { type: "auth-secret", attributes });
}
