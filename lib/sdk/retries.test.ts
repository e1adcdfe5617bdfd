import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createClient, type RequestOptions } from "./client";
import { LatchkeyError } from "./errors";

/** Which failures are asked again, over real sockets. */
type Answer = number | { status: number; retryAfter: string } | "hang" | "reset";
let server: Server;
let url: string;
let asked: number;
let plan: Answer[];

beforeEach(async () => {
  [asked, plan] = [0, []];
  server = createServer((request, response) => {
    request.resume();
    asked += 1;
    give(plan.shift() ?? 200, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

function give(answer: Answer, response: ServerResponse): void {
  if (answer === "hang") return;
  if (answer === "reset") return void response.socket?.resetAndDestroy();
  const { status, retryAfter } = typeof answer === "number" ? { status: answer, retryAfter: null } : answer;
  response.writeHead(status, retryAfter === null ? {} : { "retry-after": retryAfter });
  response.end(status === 200 ? '{"data":{}}' : "{}");
}

type Method = "GET" | "POST";
const ask = (method: Method = "GET", more: RequestOptions = {}, retries = 2, timeoutMs = 10_000) =>
  createClient({ baseUrl: url, retries, timeoutMs }).request(method, "/x", more);

const fails = async (promise: Promise<unknown>) => {
  const error = await promise.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(LatchkeyError);
  return [(error as LatchkeyError).status, (error as LatchkeyError).code, asked];
};

test.each<[string, Answer]>([
  ["429", { status: 429, retryAfter: "0" }],
  ["502", 502],
  ["503", 503],
  ["504", 504],
  ["a broken connection", "reset"],
])("a GET is made again after %s", async (_what, answer) => {
  plan = [answer, answer, 200];
  expect(await ask()).toEqual({ data: {} });
  expect(asked).toBe(3);
});

test("no oftener than told", async () => {
  plan = [503, 503, 503, 503];
  expect(await fails(ask())).toEqual([503, "unknown", 3]);
  plan = [503];
  asked = 0;
  expect(await fails(ask("GET", {}, 0))).toEqual([503, "unknown", 1]);
});

test.each([400, 401, 403, 404, 409, 424, 500])("%i is an answer, not a hiccup", async (status) => {
  plan = [status];
  expect(await fails(ask())).toEqual([status, "unknown", 1]);
});

test("a POST is made again only where it did nothing, or may be done twice", async () => {
  for (const answer of [503, "reset"] as const) {
    [asked, plan] = [0, [answer]];
    expect((await fails(ask("POST"))).at(-1)).toBe(1);
  }
  [asked, plan] = [0, [{ status: 429, retryAfter: "0" }]];
  await ask("POST");
  expect(asked).toBe(2);
  [asked, plan] = [0, ["reset"]];
  await ask("POST", { repeatable: true });
  expect(asked).toBe(2);
});

test("a long Retry-After is told to the caller instead of being waited for", async () => {
  plan = [{ status: 429, retryAfter: "60" }];
  const error = await ask().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ status: 429, retryAfterS: 60 });
  expect(asked).toBe(1);
});

test("an attempt that takes too long is ended and said to be", async () => {
  plan = ["hang", "hang"];
  expect(await fails(ask("GET", {}, 1, 100))).toEqual([0, "timeout", 2]);
});

test("the caller's abort ends a call, and the pause before the next", async () => {
  plan = ["hang"];
  const abort = new AbortController();
  const call = ask("GET", { signal: abort.signal });
  setTimeout(() => abort.abort(), 50);
  await expect(call).rejects.toMatchObject({ name: "AbortError" });
  [asked, plan] = [0, [{ status: 429, retryAfter: "4" }]];
  const pausing = new AbortController();
  const paused = ask("GET", { signal: pausing.signal });
  while (asked === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  pausing.abort();
  await expect(paused).rejects.toMatchObject({ name: "AbortError" });
  expect(asked).toBe(1);
});
