import pino from "pino";
import { beforeEach, expect, test } from "vitest";
import { GET as READYZ } from "@/app/readyz/route";
import { forget, install } from "@/lib/process";
import { call } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { readableLines } from "./readable-lines";

/** One event a request and one a refresh, with these fields and no others. */
const world = useOAuthWorld();
let lines: string[] = [];

beforeEach(() => {
  lines = [];
  install("logger", pino({ level: "info", base: null }, { write: (line: string) => void lines.push(line) }));
  return () => forget("logger");
});

const events = (name: string) => lines.map((line) => JSON.parse(line)).filter((event) => event.msg === name);

test("a read that refreshes is one event of a request and one of a refresh", async () => {
  const secret = await world.addSecret();
  await world.expire(secret.id);
  lines = [];
  expect((await world.token(secret.id, "?minimum_validity=5")).status).toBe(200);
  const [request, ...more] = events("request");
  expect(more).toEqual([]);
  expect(Object.keys(request).sort()).toEqual(
    ["callerId", "callerKind", "durationMs", "level", "method", "msg", "path", "requestId", "status", "time"].sort(),
  );
  expect(request.path).not.toContain("?");
  const [refresh, ...others] = events("refresh");
  expect(others).toEqual([]);
  expect(refresh).toMatchObject({
    level: 30,
    secretId: secret.id,
    generation: 1,
    cause: "demand",
    outcome: "landed",
    host: new URL(world.idp.url).host,
  });
  expect(refresh.durationMs).toBeGreaterThan(0);
});

test("a refresh that fails is one event too, and a warning", async () => {
  const secret = await world.addSecret();
  await world.expire(secret.id);
  world.idp.next({ error: { status: 503, body: "no" } });
  lines = [];
  await world.token(secret.id);
  expect(events("refresh")).toMatchObject([{ level: 40, outcome: "unknown", code: "provider_failing" }]);
});

test("at a terminal it is one line a person can read, without what would move the cursor", async () => {
  const out: string[] = [];
  install(
    "logger",
    pino(
      { level: "info", base: { pid: 1 }, timestamp: pino.stdTimeFunctions.isoTime },
      readableLines((text) => void out.push(text)),
    ),
  );
  await call(READYZ, { url: "/readyz" });
  expect(out).toHaveLength(1);
  expect(out[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} info {2}request GET \/readyz 200 [\d.]+ms requestId=[\w-]+\n$/);
  out.length = 0;
  readableLines((text) => void out.push(text)).write(
    JSON.stringify({
      level: 40,
      time: "2026-11-21T14:03:07.120Z",
      pid: 1,
      msg: "refresh",
      outcome: "dead",
      host: "a\u001b[2J\nb",
    }),
  );
  expect(out).toEqual(["14:03:07.120 warn  refresh dead host=a [2J b\n"]);
});
