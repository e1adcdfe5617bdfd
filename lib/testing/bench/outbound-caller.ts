import { Pool } from "undici";
import type { LoadReport } from "./load";
import { sustained } from "./sustained";
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
  const report = await sustained(load, async () => {
    const answer = await pool.request({ path: order.path, method: "POST", headers: order.headers, body: BODY });
    const bytes = (await answer.body.arrayBuffer()).byteLength;
    return answer.statusCode === 200 && bytes === 1024 ? null : `${answer.statusCode}, ${bytes} bytes`;
  });
  await pool.close();
  return report;
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
