import { generateKeyPairSync } from "node:crypto";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DELETE as RETIRE } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/keys/[kid]/route";
import { POST as ROTATE } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/keys/rotate/route";
import { DELETE as DELETE_SECRET } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { systemClock } from "@/lib/clock";
import { HOT_ROUTES } from "@/lib/http/hot-routes";
import { answer, hotMatcher } from "@/lib/http/node-entry";
import { normalise } from "@/lib/http/normalise";
import { addWorkspace, basic, makePlace, type Place } from "@/lib/testing/callers";
import { call } from "@/lib/testing/http";
import { useInboundWorld } from "@/lib/testing/inbound-world";

/** Callers who mean ill, before the guard (SECURITY JW-6, JW-7, SES-7). */
const world = useInboundWorld();
const hot = hotMatcher(HOT_ROUTES);
let server: Server;
let port: number;
let password: string;
let id: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    const path = normalise(request, response);
    const match = path === null ? null : hot(request.method ?? "GET", path);
    if (path === null || !match) throw new Error("No hot route.");
    void answer(request, response, path, match.endpoint, match.params);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
  password = await world.addSecret("basic", { username: "ann", password: "the right one" });
  const key = await world.addSecret("api_key", { headerName: "X-API-Key", headerValue: "k-123456" });
  id = await world.addEndpoint([password, key]);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** The status of a request sent as these bytes. */
const raw = (lines: (string | Buffer)[], path = `/inbound/${id}/check`) =>
  new Promise<number>((resolve, reject) => {
    const head = [`GET ${path} HTTP/1.1`, "Host: x", "Connection: close", ...lines, "", ""];
    const socket = connect(port, "127.0.0.1", () =>
      socket.write(
        Buffer.concat(head.flatMap((line, at) => (at === 0 ? [] : [Buffer.from("\r\n")]).concat(Buffer.from(line)))),
      ),
    );
    let said = "";
    socket.setEncoding("latin1").on("data", (piece: string) => {
      said += piece;
    });
    socket.once("close", () => resolve(Number(said.slice(9, 12)))).once("error", reject);
  });
const encoded = (text: string | Buffer) => `Authorization: Basic ${Buffer.from(text).toString("base64")}`;

describe("odd requests", () => {
  test("open nothing", async () => {
    const right = encoded("ann:the right one");
    expect(await raw([right])).toBe(204);
    expect(await raw(["X-API-Key: k-123456"])).toBe(204);
    const cases: [string, string[], number][] = [
      ["no colon", [encoded("annthe right one")], 401],
      ["only a colon", [encoded(":")], 401],
      ["nothing", ["Authorization: Basic "], 401],
      ["a NUL behind the name", [encoded("ann\0:the right one")], 401],
      ["bytes that are no UTF-8", [encoded(Buffer.from([0x61, 0x6e, 0x6e, 0xff, 0x3a, 0xc3, 0x28]))], 401],
      ["the name in another case", [encoded("Ann:the right one")], 401],
      ["a combined letter for another", [encoded("ann\u0301:the right one")], 401],
      ["the password and more", [encoded("ann:the right one\n")], 401],
      ["a name of 10 kB", [encoded(`${"a".repeat(7_500)}:x`)], 401],
      ["two keys, the first right", ["X-API-Key: k-123456", "X-API-Key: x"], 401],
      ["two keys, the second right", ["X-API-Key: x", "X-API-Key: k-123456"], 401],
      ["a name with _ for -", ["X_API_Key: k-123456"], 401],
      ["a blank before the colon", ["X-API-Key : k-123456"], 400],
      ["a continued line", [right.slice(0, 25), ` ${right.slice(25)}`], 400],
      ["a length and chunks", [right, "Content-Length: 5", "Transfer-Encoding: chunked"], 400],
      ["two lengths", [right, "Content-Length: 5", "Content-Length: 6"], 400],
    ];
    for (const [what, lines, status] of cases) expect([what, await raw(lines)]).toEqual([what, status]);
  });

  test("what a caller says of where it comes from counts for nothing without a proxy that is trusted", async () => {
    const guess = (n: number) =>
      raw([
        encoded(`bob:guess ${n}`),
        `X-Forwarded-For: 203.0.113.${n}`,
        "X-Latchkey-Peer: 203.0.113.9",
        `X-Real-IP: 203.0.113.${n}`,
      ]);
    const statuses: number[] = [];
    for (let n = 0; n < 24; n++) statuses.push(await guess(n));
    expect(statuses.at(-1)).toBe(429);
    world.leap(120_000);
  });
});

describe("secrets", () => {
  test("of another workspace or tenant open nothing, though the row names them", async () => {
    const elsewhere: Pick<Place, "workspaceId">[] = [
      { workspaceId: await addWorkspace(world.place) },
      await makePlace(),
    ];
    for (const { workspaceId } of elsewhere) {
      const endpoint = await world.addEndpoint([]);
      const { owner } = world.database;
      const other = await world.addSecret("basic", { username: "eve", password: "eve's own" });
      const [{ tenant_id } = { tenant_id: null }] = await owner<{ tenant_id: string }[]>`
        select tenant_id from workspaces where id = ${workspaceId}`;
      await owner`update secrets set workspace_id = ${workspaceId}, tenant_id = ${tenant_id} where id = ${other}`;
      await owner`update endpoints set secret_ids = ${[other]} where id = ${endpoint}`;
      expect((await world.check(endpoint, basic("eve", "eve's own"))).status).toBe(403);
    }
  });

  test("that were rotated, retired or deleted open nothing after a second", async () => {
    const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const secretId = await world.addSecret("rs256", {
      private_key: pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    });
    const endpoint = await world.addEndpoint([secretId]);
    const token = await new SignJWT({ exp: Math.floor(systemClock.now() / 1000) + 3_600 })
      .setProtectedHeader({ alg: "RS256" })
      .sign(pair.privateKey);
    const passes = async () => {
      world.aSecondLater();
      return (await world.check(endpoint, { authorization: `Bearer ${token}` })).status;
    };
    const at = { as: world.owner.basic, params: { workspaceId: world.place.workspaceId, secretId } };
    expect(await passes()).toBe(204);
    const rotated = await call(ROTATE, { ...at, method: "POST", json: { bits: 2048 } });
    expect(rotated.status).toBe(200);
    // The earlier key verifies until somebody retires it.
    expect(await passes()).toBe(204);
    const [, earlier] = rotated.body.data.attributes.public_keys;
    const retired = await call(RETIRE, { ...at, method: "DELETE", params: { ...at.params, kid: earlier.kid } });
    expect(retired.status, JSON.stringify(retired.body)).toBeLessThan(300);
    expect(await passes()).toBe(401);
    await call(DELETE_SECRET, { ...at, method: "DELETE" });
    expect(await passes()).toBe(403);
  });
});
