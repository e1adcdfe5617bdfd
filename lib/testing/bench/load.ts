import { connect } from "node:net";
import "./end-with-parent";

/**
 * The load generator, in a process of its own: every connection keeps one request in flight, written as ready bytes. It does
 * as little as wrk does, so that the servers are measured and not it.
 */

export interface LoadOrder {
  port: number;
  /** Paths, asked for in turn. */
  paths: string[];
  /** Header lines besides Host. */
  headers: string[];
  connections: number;
  warmUpS: number;
  seconds: number;
  /** The status of a good answer; 200 when absent. */
  expected?: number;
  /** Instead of a time: every connection asks once and that is all. */
  once?: boolean;
}

export interface LoadReport {
  perSecond: number;
  answers: number;
  /** Good answers in all, those of the warming up too: what CPU time was spent on. */
  all: number;
  /** Answers of another status than expected, and connections that broke. */
  bad: number;
  firstBad: string | null;
  p50Ms: number;
  p99Ms: number;
}

process.on("message", (order: LoadOrder) => {
  run(order).then((report) => process.send?.(report));
});

async function run(order: LoadOrder): Promise<LoadReport> {
  const requests = order.paths.map((path) =>
    Buffer.from([`GET ${path} HTTP/1.1`, `Host: 127.0.0.1:${order.port}`, ...order.headers, "", ""].join("\r\n")),
  );
  const state = { counting: order.once === true, over: false, bad: 0, good: 0, firstBad: null as string | null };
  const latencies: number[] = [];
  const loops = Array.from({ length: order.connections }, (_, i) => client(order, requests, i, state, latencies));
  let elapsedMs = 0;
  if (!order.once) {
    await sleep(order.warmUpS * 1000);
    state.counting = true;
    const began = performance.now();
    await sleep(order.seconds * 1000);
    elapsedMs = performance.now() - began;
    state.counting = false;
    state.over = true;
  }
  await Promise.all(loops);
  latencies.sort((a, b) => a - b);
  const at = (part: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))] ?? 0;
  return {
    perSecond: elapsedMs === 0 ? 0 : (latencies.length / elapsedMs) * 1000,
    answers: latencies.length,
    all: state.good,
    bad: state.bad,
    firstBad: state.firstBad,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
}

function client(
  order: LoadOrder,
  requests: Buffer[],
  index: number,
  state: { counting: boolean; over: boolean; bad: number; good: number; firstBad: string | null },
  latencies: number[],
): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port: order.port, host: "127.0.0.1", noDelay: true });
    let turn = Math.floor((index * requests.length) / order.connections);
    let askedAt = 0;
    let got: Buffer | null = null;
    const expected = String(order.expected ?? 200);
    const ask = () => {
      askedAt = performance.now();
      socket.write(requests[turn++ % requests.length] as Buffer);
    };
    const complain = (what: string) => {
      state.bad += 1;
      state.firstBad ??= what;
    };
    socket.on("connect", ask);
    socket.on("data", (chunk) => {
      got = got ? Buffer.concat([got, chunk]) : chunk;
      if (!isWhole(got)) return;
      if (got.toString("latin1", 9, 12) !== expected) complain(got.toString("utf8", 0, 600));
      else {
        state.good += 1;
        if (state.counting) latencies.push(performance.now() - askedAt);
      }
      got = null;
      if (state.over || order.once) socket.end();
      else ask();
    });
    socket.on("error", (error) => complain(error.message));
    socket.on("close", () => resolve());
  });
}

/** Of an answer with a length, in chunks, or without a body (204), as node:http writes them. */
function isWhole(bytes: Buffer): boolean {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return false;
  if (bytes.toString("latin1", 9, 12) === "204") return true;
  const length = /\r\ncontent-length: (\d+)/i.exec(bytes.toString("latin1", 0, end))?.[1];
  if (length !== undefined) return bytes.length >= end + 4 + Number(length);
  return bytes.toString("latin1", bytes.length - 5) === "0\r\n\r\n";
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
