import { Agent, createServer, get, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { GET as READYZ } from "@/app/readyz/route";
import { forget } from "@/lib/process";
import { useDatabase } from "@/lib/testing/database";
import { HandClock } from "@/lib/testing/hand-clock";
import { call } from "@/lib/testing/http";
import { gracefulEnd, isStopping } from "./graceful-end";

useDatabase();

let server: Server;
let port: number;
let agent: Agent;
const answering: ServerResponse[] = [];
let clock: HandClock;
let ending: ReturnType<typeof gracefulEnd>;

beforeEach(async () => {
  clock = new HandClock();
  ending = gracefulEnd(clock);
  server = createServer((request, response) => {
    ending.begun(response);
    if (request.url === "/later") answering.push(response);
    else if (request.url === "/events") response.setHeader("content-type", "text/event-stream").write(":\n\n");
    else response.end("now");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
  agent = new Agent({ keepAlive: true });
});

afterEach(() => {
  forget("stopping");
  answering.length = 0;
  agent.destroy();
  server.closeAllConnections();
  server.close();
});

const ask = (path: string): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, path, agent }, resolve).once("error", reject);
  });
const textOf = async (answer: IncomingMessage) => {
  let text = "";
  for await (const chunk of answer) text += chunk;
  return text;
};
const arrived = (count: number) => vi.waitUntil(() => answering.length === count);

test("it says that it ends while it still takes connections; every answer then ends its connection", async () => {
  const before = await ask("/now");
  expect(before.headers.connection).toBe("keep-alive");
  await textOf(before);
  const later = ask("/later");
  await arrived(1);

  const ended = ending.end(server, 2_000, 28_000);
  expect(isStopping()).toBe(true);
  expect(await call(READYZ)).toMatchObject({
    status: 503,
    body: { status: "stopping", checks: { database: "ok", key: "ok", schema: "ok" } },
  });
  clock.leap(1_900);
  expect(server.listening).toBe(true);
  const meanwhile = await ask("/now");
  expect(meanwhile.headers.connection).toBe("close");
  expect(await textOf(meanwhile)).toBe("now");

  clock.leap(200);
  await vi.waitUntil(() => !server.listening);
  await expect(ask("/now")).rejects.toThrow("ECONNREFUSED");

  // What began before the listener closed is answered whole, and only then is all over.
  let over = false;
  void ended.then(() => {
    over = true;
  });
  clock.leap(5_000);
  await new Promise((resolve) => setImmediate(resolve));
  expect(over).toBe(false);
  answering[0]?.end("in the end");
  const answer = await later;
  expect(answer.headers.connection).toBe("close");
  expect(await textOf(answer)).toBe("in the end");
  await ended;
});

test("an event stream is ended at once, an answer that never comes at the limit", async () => {
  const events = await ask("/events");
  const cut = new Promise((resolve) => events.once("close", resolve));
  events.on("error", () => undefined).resume();
  const never = ask("/later").catch((error: Error) => error.message);
  await arrived(1);

  const ended = ending.end(server, 2_000, 28_000);
  await cut;
  clock.leap(2_000);
  await vi.waitUntil(() => !server.listening);
  expect(answering[0]?.destroyed).toBe(false);
  let over = false;
  void ended.then(() => {
    over = true;
  });
  clock.leap(28_000);
  await vi.waitUntil(() => over, { timeout: 10_000 });
  expect(await never).toBe("socket hang up");
});
