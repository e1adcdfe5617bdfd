import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { proxyLinesOf, YOUR_PROGRAM } from "@/components/endpoints/proxy-lines";
import { HOT_ROUTES } from "@/lib/http/hot-routes";
import { limitedServer } from "@/lib/http/limited-server";
import { answer, hotMatcher } from "@/lib/http/node-entry";
import { normalise } from "@/lib/http/normalise";
import { basic } from "@/lib/testing/callers";
import { makeCertificate } from "@/lib/testing/certificates";
import { useInboundWorld } from "@/lib/testing/inbound-world";
import { type RunningProxy, startNginx } from "@/lib/testing/topology/proxy";

/** A real nginx with the very lines that the console gives to copy, in front of a program and of Latchkey's own listening server. */
const world = useInboundWorld();
const hot = hotMatcher(HOT_ROUTES);
const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
const right = basic("ann", "the right one");
const running: RunningProxy[] = [];
let folder: string;
let latchkey: Server;
let latchkeyPort: number;
let program: Server;
/** What reached the program behind the proxy. */
let reached: { method: string; url: string; headers: Record<string, unknown>; body: string }[];
let endpoint: string;
let scoped: string;
let proxy: string;

const guarding: RequestListener = (request, response) => {
  const path = normalise(request, response);
  if (path === null) return;
  const match = hot(request.method ?? "GET", path);
  if (!match) throw new Error(`${path} is no hot route`);
  void answer(request, response, path, match.endpoint, match.params);
};
const listen = (server: Server, port = 0) =>
  new Promise<number>((resolve) =>
    server.listen(port, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)),
  );
const close = (server: Server) =>
  new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

/** nginx with what stands on the endpoint's page, in a `server` block. */
async function startProxyFor(checkUrl: string, change: (lines: string) => string = (lines) => lines): Promise<string> {
  const free = createServer();
  const port = await listen(free);
  await close(free);
  const { port: programPort } = program.address() as AddressInfo;
  const lines = change(proxyLinesOf(checkUrl).nginx).replace(YOUR_PROGRAM, `http://127.0.0.1:${programPort}`);
  const place = join(folder, `nginx-${port}`);
  const kinds = ["client_body", "proxy", "fastcgi", "scgi", "uwsgi"];
  const text = `worker_processes 1;
pid ${place}/pid;
error_log ${place}/error.log warn;
events { worker_connections 512; }
http {
  access_log off;
  ${kinds.map((kind) => `${kind}_temp_path ${place}/${kind};`).join("\n  ")}
  server {
    listen 127.0.0.1:${port};
    ${lines}
  }
}
`;
  const started = await startNginx(process.cwd(), { folder: place, port, text });
  running.push(started);
  return `http://127.0.0.1:${port}`;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "latchkey-inbound-"));
  program = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const { method = "", url = "", headers } = request;
    reached.push({ method, url, headers, body: Buffer.concat(pieces).toString() });
    response.end("from the program");
  });
  await listen(program);
  latchkey = limitedServer(guarding);
  latchkeyPort = await listen(latchkey);
  const secret = await world.addSecret("basic", { username: "ann", password: "the right one" });
  const pem = pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const key = await world.addSecret("rs256", { private_key: pem });
  endpoint = await world.addEndpoint([secret, key]);
  scoped = await world.addEndpoint([key], { scopes: ["orders"] });
  proxy = await startProxyFor(`http://127.0.0.1:${latchkeyPort}/inbound/${endpoint}/check`);
}, 120_000);
beforeEach(() => {
  reached = [];
});
afterAll(async () => {
  for (const one of running) await one.stop();
  await close(latchkey);
  await close(program);
  await rm(folder, { recursive: true, force: true });
});

const token = (claims: Record<string, unknown>) =>
  new SignJWT(claims).setProtectedHeader({ alg: "RS256" }).setExpirationTime("5m").sign(pair.privateKey);

/** Bytes as they are, to `port`; the answer's first line and headers. */
const raw = (port: number, text: string) =>
  new Promise<string>((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let said = "";
    socket.setEncoding("latin1").on("data", (piece: string) => {
      said += piece;
    });
    socket.once("close", () => resolve(said)).once("error", reject);
  });

test("the right credentials reach the program, with who it is in headers, whatever the method and body", async () => {
  for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"]) {
    reached = [];
    const body = method === "GET" ? undefined : "x".repeat(100_000);
    const answered = await fetch(`${proxy}/orders?page=2`, {
      method,
      body,
      headers: { ...right, cookie: "session=1" },
    });
    expect([method, answered.status, await answered.text()]).toEqual([method, 200, "from the program"]);
    expect(reached).toEqual([
      {
        method,
        url: "/orders?page=2",
        body: body ?? "",
        headers: expect.objectContaining({
          "x-latchkey-subject": "ann",
          "x-latchkey-secret": expect.stringMatching(/^[0-9a-f]{24}$/),
          cookie: "session=1",
        }),
      },
    ]);
    expect(reached[0]?.headers).not.toHaveProperty("x-latchkey-scopes");
  }
  const answered = await fetch(proxy, {
    headers: {
      authorization: `Bearer ${await token({ scope: "a b" })}`,
      "x-latchkey-subject": "admin",
      "x-latchkey-scopes": "all",
    },
  });
  expect(answered.status).toBe(200);
  // What the caller says of itself does not count, also where the token says nothing.
  expect(reached.at(-1)?.headers).toMatchObject({ "x-latchkey-scopes": "a b" });
  expect(reached.at(-1)?.headers).not.toHaveProperty("x-latchkey-subject");
});

test("wrong or no credentials do not: 401 with the way to ask", async () => {
  for (const headers of [undefined, basic("ann", "wrong"), { authorization: "Bearer x.y.z" }] as const) {
    const answered = await fetch(`${proxy}/orders`, { headers });
    expect(answered.status).toBe(401);
    expect(answered.headers.get("www-authenticate")).toContain(`Basic realm="${endpoint}"`);
  }
  const url = await startProxyFor(`http://127.0.0.1:${latchkeyPort}/inbound/${scoped}/check`);
  const status = async (scope: string) =>
    (await fetch(url, { headers: { authorization: `Bearer ${await token({ scope })}` } })).status;
  expect(reached).toEqual([]);
  expect([await status("order"), await status("orders")]).toEqual([403, 200]);
  expect(reached).toHaveLength(1);
});

test("two Authorization headers and headers without end open nothing, through nginx and straight", async () => {
  const { authorization } = right;
  const twice = (first: string, second: string) =>
    `GET /inbound/${endpoint}/check HTTP/1.1\r\nHost: x\r\nAuthorization: ${first}\r\nAuthorization: ${second}\r\nConnection: close\r\n\r\n`;
  for (const [first, second] of [
    [authorization, "Basic eDp5"],
    ["Basic eDp5", authorization],
    [authorization, authorization],
  ] as string[][]) {
    const [one, two] = [first as string, second as string];
    expect(await raw(latchkeyPort, twice(one, two))).toMatch(/^HTTP\/1\.1 401 /);
    expect(await raw(Number(new URL(proxy).port), twice(one, two))).toMatch(/^HTTP\/1\.1 4\d\d /);
  }
  const huge = `GET /inbound/${endpoint}/check HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nX-Huge: ${"x".repeat(20_000)}\r\nConnection: close\r\n\r\n`;
  expect(await raw(latchkeyPort, huge)).toMatch(/^HTTP\/1\.1 431 /);
  expect(await raw(Number(new URL(proxy).port), huge)).toMatch(/^HTTP\/1\.1 [45]\d\d /);
  // What nginx takes and Latchkey does not.
  const large = Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`x-large-${i}`, "x".repeat(4_000)]));
  expect((await fetch(proxy, { headers: { ...right, ...large } })).status).toBe(500);
  expect(reached).toEqual([]);
});

test("HEAD and OPTIONS, of proxies that ask with the method they were asked with", async () => {
  for (const method of ["HEAD", "OPTIONS"]) {
    const status = async (headers?: Record<string, string>) =>
      (await fetch(`http://127.0.0.1:${latchkeyPort}/inbound/${endpoint}/check`, { method, headers })).status;
    expect([method, await status(right), await status()]).toEqual([method, 204, 401]);
  }
});

test("a password that is guessed is slowed by the address that nginx tells", async () => {
  const from = (address: string, headers: Record<string, string>) =>
    fetch(`${proxy}/`, { headers: { "x-forwarded-for": address, ...headers } });
  const statuses: number[] = [];
  for (let i = 0; i < 24; i++) statuses.push((await from("192.0.2.1", basic("ann", `guess ${i}`))).status);
  // 429 is none of the answers that nginx hands on.
  expect(new Set(statuses)).toEqual(new Set([401, 500]));
  expect(reached).toEqual([]);
  world.leap(120_000);
  expect((await from("192.0.2.1", right)).status).toBe(200);
});

test("nobody passes while Latchkey is stopped, and everybody with the right credentials when it is back", async () => {
  await close(latchkey);
  expect((await fetch(`${proxy}/`, { headers: right })).status).toBe(500);
  expect(reached).toEqual([]);
  latchkey = limitedServer(guarding);
  await listen(latchkey, latchkeyPort);
  expect((await fetch(`${proxy}/`, { headers: right })).status).toBe(200);
});

test("over TLS an impostor in Latchkey's place opens nothing", async () => {
  const own = makeCertificate("DNS:localhost");
  const trusted = join(folder, "trusted.pem");
  await writeFile(trusted, own.cert);
  const behindTls = createTlsServer({ key: own.key, cert: own.cert }, guarding) as unknown as Server;
  const port = await listen(behindTls);
  const url = await startProxyFor(`https://localhost:${port}/inbound/${endpoint}/check`, (lines) =>
    lines.replace("/etc/ssl/certs/ca-certificates.crt", trusted),
  );
  expect((await fetch(url, { headers: right })).status).toBe(200);
  await close(behindTls);
  const other = makeCertificate("DNS:localhost");
  const impostor = createTlsServer({ key: other.key, cert: other.cert }, (_request, response) => {
    response.writeHead(204).end();
  }) as unknown as Server;
  await listen(impostor, port);
  reached = [];
  expect((await fetch(url, { headers: right })).status).toBe(500);
  expect(reached).toEqual([]);
  await close(impostor);
});
