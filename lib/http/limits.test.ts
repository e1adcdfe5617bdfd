import { readFileSync } from "node:fs";
import { type IncomingMessage, request as open, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { useDatabase } from "@/lib/testing/database";
import { endpoint } from "./endpoint";
import { listen } from "./listen";
import { answer } from "./node-entry";

/** DO-1: what is too large, too deep or malformed is refused before any code of a use case sees it, by both ways in. */
useDatabase();
let seen = 0;
const echo = endpoint({
  route: "POST /api/setup",
  access: { permission: "public", level: "none", ids: [] },
  body: z.unknown().refine(() => {
    seen += 1;
    return true;
  }),
  handle: async () => {
    seen += 1;
    return { status: 204 };
  },
});

let server: Server;
let origin: string;
beforeAll(async () => {
  // As server.ts has it, before it looks at the path.
  server = await listen((request, response) => void answer(request, response, "/", echo, {}), {
    host: "127.0.0.1",
    port: 0,
    setting: "PORT",
  });
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));
beforeEach(() => {
  seen = 0;
});

const WAYS = {
  next: (body: string) => echo(new Request("http://latchkey.test/", init(body)), { params: {} }),
  hot: (body: string) => fetch(`${origin}/`, init(body)),
};
const init = (body: string) => ({ method: "POST", headers: { "content-type": "application/json" }, body });
const wide = (n: number) => JSON.stringify(Array.from({ length: n }, () => 0));

const TOO_MUCH: [string, string, number, string][] = [
  ["32 levels and one", "[".repeat(33) + "]".repeat(33), 400, "invalid_json"],
  ["10,000 levels", '{"a":'.repeat(10_000), 400, "invalid_json"],
  ["1,001 items", wide(1_001), 400, "invalid_json"],
  ["1 MB and a little", `"${"x".repeat(1024 * 1024)}"`, 413, "too_large"],
  ["__proto__", '{"__proto__":{}}', 400, "invalid_attribute"],
  ["half of something", '{"a":', 400, "invalid_json"],
];

test.each(TOO_MUCH)("%s never reaches a use case, by either way", async (_what, body, status, code) => {
  for (const send of Object.values(WAYS)) {
    const refused = await send(body);
    expect(refused.status).toBe(status);
    expect((await refused.json()).errors[0].code).toBe(code);
  }
  expect(seen).toBe(0);
});

test("what is just small enough does, by both", async () => {
  for (const send of Object.values(WAYS))
    for (const body of ["[".repeat(32) + "]".repeat(32), wide(1_000), `"${"x".repeat(1024 * 1024 - 2)}"`])
      expect((await send(body)).status).toBe(204);
  expect(seen).toBe(2 * 3 * 2);
});

function withHeader(bytes: number): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = open(`${origin}/`, { method: "POST", agent: false, headers: { "x-large": "x".repeat(bytes) } });
    sent.on("error", reject).on("response", (response: IncomingMessage) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.end();
  });
}

test("headers of more than 16 KB are 431 and reach nobody; smaller ones are read", async () => {
  const refused = await withHeader(16 * 1024);
  expect(refused.status).toBe(431);
  expect(JSON.parse(refused.text).errors[0].detail).toContain("16 KB");
  expect(seen).toBe(0);
  // Without a body this is the endpoint's own complaint.
  expect((await withHeader(15 * 1024)).status).toBe(400);
  expect(readFileSync("server.ts", "utf8")).toMatch(/\blisten\(door, \{/);
});
