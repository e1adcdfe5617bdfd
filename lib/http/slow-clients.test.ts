import type { Server } from "node:http";
import { Agent, request as open } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, beforeAll, expect, test } from "vitest";
import { POST as MAKE_KEY } from "@/app/v2/users/me/api-keys/route";
import { GET as ME } from "@/app/v2/users/me/route";
import { makePerson, makePlace, OWNER, type Person } from "@/lib/testing/callers";
import { useDatabase } from "@/lib/testing/database";
import type { Endpoint } from "./endpoint";
import { type LimitedOptions, limitedServer } from "./limited-server";
import { answer } from "./node-entry";
import { MAX_CONNECTIONS, REQUEST_MS, SERVER_LIMITS, SOCKET_IDLE_MS } from "./server-limits";

/**
 * DO-5: clients that send byte by byte, send nothing, or never read what they asked for hold sockets and nothing else: others are
 * answered meanwhile, and the slow ones are ended. 500 of them here; `LATCHKEY_SLOW_SOCKETS=2000` for what SECURITY asks.
 */
useDatabase();
const SLOW = Number(process.env.LATCHKEY_SLOW_SOCKETS ?? 500);
const OTHERS = 200;
/** More than kernels buffer for a reader who does not read. */
const BIG = Buffer.alloc(48 * 1024 * 1024, "x");
const EVER = 600_000;

let person: Person;
let server: Server | undefined;
/** In turn: says nothing; its headers by the byte; its body by the byte; never reads; is silent after an answer. */
const KINDS = ["silent", "headers", "body", "deaf", "idle"] as const;
interface Slow {
  kind: (typeof KINDS)[number];
  socket: Socket;
  drip?: NodeJS.Timeout;
  /** What it was told. */
  told: string;
}
let slow: Slow[] = [];

beforeAll(async () => {
  person = await makePerson(await makePlace(), OWNER);
});
afterEach(async () => {
  for (const { socket, drip } of slow) {
    clearInterval(drip);
    socket.destroy();
  }
  slow = [];
  const ending = server;
  if (ending) await new Promise<void>((resolve) => void ending.close(() => resolve()).closeAllConnections());
});

async function listen(options: LimitedOptions): Promise<number> {
  const made = limitedServer((request, response) => {
    const path = request.url ?? "";
    if (path === "/big") response.end(BIG);
    else void answer(request, response, path, (request.method === "POST" ? MAKE_KEY : ME) as Endpoint, {});
  }, options);
  server = made;
  await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
  return (made.address() as AddressInfo).port;
}

const connections = () =>
  new Promise<number>((resolve, reject) => server?.getConnections((error, n) => (error ? reject(error) : resolve(n))));

async function until(what: () => Promise<boolean>): Promise<void> {
  while (!(await what())) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function openSlow(port: number): Promise<void> {
  const auth = `host: x\r\nauthorization: ${person.basic.authorization}\r\n`;
  for (let i = 0; i < SLOW; i++) {
    // The deaf hold the kernel's buffers, so there are few of them.
    const kind = i % 50 === 0 ? "deaf" : (KINDS.filter((one) => one !== "deaf")[i % 4] as (typeof KINDS)[number]);
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined); // Ended by the server is what should happen.
    const one: Slow = { kind, socket, told: "" };
    if (kind === "deaf") socket.pause();
    else
      socket.on("data", (chunk: Buffer) => {
        one.told += chunk.toString();
      });
    if (kind === "deaf") socket.write("GET /big HTTP/1.1\r\nhost: x\r\n\r\n");
    if (kind === "idle") socket.write(`GET /v2/users/me HTTP/1.1\r\n${auth}\r\n`);
    if (kind === "headers") socket.write(`GET /v2/users/me HTTP/1.1\r\nhost: x\r\nx-slow: `);
    if (kind === "body")
      socket.write(
        `POST /v2/users/me/api-keys HTTP/1.1\r\n${auth}content-type: application/json\r\ncontent-length: 100000\r\n\r\n`,
      );
    if (kind === "headers" || kind === "body") one.drip = setInterval(() => void socket.write("x"), 100);
    slow.push(one);
    // No more at a time than a server keeps waiting to be let in.
    if (i % 200 === 199) await until(async () => slow.every(({ socket }) => !socket.connecting));
  }
}

async function askAll(port: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 10 });
  const one = () =>
    new Promise<number>((resolve, reject) => {
      const sent = open({ port, host: "127.0.0.1", path: "/v2/users/me", agent, headers: person.basic }, (response) => {
        response.resume().on("end", () => resolve(response.statusCode ?? 0));
      });
      sent.on("error", reject).end();
    });
  try {
    return await Promise.all(Array.from({ length: OTHERS }, one));
  } finally {
    agent.destroy();
  }
}

test(`while ${SLOW} slow clients hang, ${OTHERS} requests of others are answered`, async () => {
  const never = {
    headersTimeout: EVER,
    requestTimeout: EVER,
    requestMs: EVER,
    keepAliveTimeout: EVER,
    socketIdleMs: EVER,
  };
  const port = await listen(never);
  await openSlow(port);
  await until(async () => (await connections()) === SLOW);
  expect(await askAll(port)).toEqual(Array(OTHERS).fill(200));
  // None of them had ended meanwhile, so they were in nobody's way.
  expect(await connections()).toBeGreaterThanOrEqual(SLOW);
}, 120_000);

test("every one of them is ended by the server, whatever they do, and there is room again", async () => {
  const soon = { headersTimeout: 700, requestMs: 900, keepAliveTimeout: 500, socketIdleMs: 5_000 };
  const port = await listen({ ...soon, connectionsCheckingInterval: 100 });
  await openSlow(port);
  await until(
    async () => (await connections()) === 0 && slow.every((one) => one.kind === "deaf" || one.socket.destroyed),
  );
  // Each by its own limit: who did not get a request together is told so, and not merely cut off for being still.
  const begins = (kind: Slow["kind"]) => [
    ...new Set(slow.filter((one) => one.kind === kind).map((one) => one.told.slice(0, 12))),
  ];
  for (const kind of ["silent", "headers", "body"] as const)
    expect([kind, begins(kind)]).toEqual([kind, ["HTTP/1.1 408"]]);
  expect(begins("idle")).toEqual(["HTTP/1.1 200"]);
  expect(await askAll(port)).toEqual(Array(OTHERS).fill(200));
}, 120_000);

test("beyond the limit of sockets a new one is closed at once, and those within are answered", async () => {
  const port = await listen({ maxConnections: 20 });
  const within = connect(port, "127.0.0.1");
  slow.push({ kind: "silent", socket: within, told: "" });
  const answered = new Promise<string>((resolve) => within.once("data", (chunk) => resolve(chunk.toString())));
  for (let i = 0; i < 19; i++) slow.push({ kind: "silent", socket: connect(port, "127.0.0.1"), told: "" });
  await until(async () => (await connections()) === 20);
  const beyond = connect(port, "127.0.0.1").on("error", () => undefined);
  await new Promise<void>((resolve) => beyond.resume().once("close", () => resolve()));
  within.write(`GET /v2/users/me HTTP/1.1\r\nhost: x\r\nauthorization: ${person.basic.authorization}\r\n\r\n`);
  expect(await answered).toMatch(/^HTTP\/1\.1 200 /);
});

test("what ships has every limit", () => {
  const { headersTimeout, requestTimeout, keepAliveTimeout, connectionsCheckingInterval } = SERVER_LIMITS;
  for (const limit of [headersTimeout, REQUEST_MS, keepAliveTimeout, connectionsCheckingInterval, SOCKET_IDLE_MS])
    expect(limit > 0 && limit <= 65_000).toBe(true);
  // What passes through may take longer; it is never still for longer than SOCKET_IDLE_MS.
  expect(requestTimeout).toBeLessThanOrEqual(3_600_000);
  expect(MAX_CONNECTIONS).toBe(10_000);
  const made = limitedServer(() => undefined);
  expect([made.timeout, made.maxConnections, made.headersTimeout, made.requestTimeout, made.keepAliveTimeout]).toEqual([
    SOCKET_IDLE_MS,
    MAX_CONNECTIONS,
    headersTimeout,
    requestTimeout,
    keepAliveTimeout,
  ]);
});
