import { Pool } from "undici";
import type { LoadReport } from "./load";
import "./end-with-parent";

/** A client that uses undici as its users do: many small requests at once, or one large answer. */

export interface CallOrder {
  origin: string;
  path: string;
  headers: Record<string, string>;
  /** 1 KB is posted on each of so many connections for so many seconds. Null: one answer is read and measured. */
  load: { connections: number; warmUpS: number; seconds: number } | null;
}

export interface DownloadReport {
  bytes: number;
  ms: number;
}

const BODY = Buffer.alloc(1024, "y");

process.on("message", (order: CallOrder) => {
  (order.load ? post(order, order.load) : download(order)).then((report) => process.send?.(report));
});

async function post(order: CallOrder, load: NonNullable<CallOrder["load"]>): Promise<LoadReport> {
  const pool = new Pool(order.origin, { connections: load.connections, pipelining: 1 });
  const latencies: number[] = [];
  let [counting, over, all, bad] = [false, false, 0, 0];
  let firstBad: string | null = null;
  const caller = async () => {
    while (!over) {
      const began = performance.now();
      const answer = await pool.request({ path: order.path, method: "POST", headers: order.headers, body: BODY });
      const bytes = (await answer.body.arrayBuffer()).byteLength;
      if (answer.statusCode !== 200 || bytes !== 1024) {
        bad += 1;
        firstBad ??= `${answer.statusCode}, ${bytes} bytes`;
      } else all += 1;
      if (counting) latencies.push(performance.now() - began);
    }
  };
  const callers = Array.from({ length: load.connections }, caller);
  await sleep(load.warmUpS * 1000);
  const began = performance.now();
  counting = true;
  await sleep(load.seconds * 1000);
  counting = false;
  const elapsedMs = performance.now() - began;
  over = true;
  await Promise.all(callers);
  await pool.close();
  latencies.sort((a, b) => a - b);
  const at = (part: number) => latencies[Math.floor(latencies.length * part)] ?? 0;
  return {
    perSecond: (latencies.length / elapsedMs) * 1000,
    answers: latencies.length,
    all,
    bad,
    firstBad,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
}

async function download(order: CallOrder): Promise<DownloadReport> {
  const pool = new Pool(order.origin, { connections: 1 });
  const began = performance.now();
  const answer = await pool.request({ path: order.path, method: "GET", headers: order.headers });
  let bytes = 0;
  for await (const chunk of answer.body) bytes += (chunk as Buffer).length;
  const ms = performance.now() - began;
  await pool.close();
  return { bytes, ms };
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
