import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import { HOT_ROUTES } from "@/lib/http/hot-routes";
import { limitedServer } from "@/lib/http/limited-server";
import { answer, hotMatcher } from "@/lib/http/node-entry";
import { normalise } from "@/lib/http/normalise";
import { basic } from "./callers";
import type { Certificate } from "./certificates";
import type { InboundWorld } from "./inbound-world";
import type { RunningProxy } from "./topology/proxy";

/** What reached the program behind the proxy. */
interface Reached {
  method: string;
  url: string;
  headers: Record<string, unknown>;
  body: string;
}

/** A program, Latchkey's own listening server that guards it, and place for a proxy between them. */
export interface GuardedProgram {
  /** Since the test began. */
  reached: Reached[];
  /** 127.0.0.1:port of the program. */
  host: string;
  /** For files of the proxies. */
  folder: string;
  latchkeyPort: number;
  /** Opened by `right` and by tokens. */
  endpoint: string;
  /** Opened by tokens with the scope `orders`. */
  scoped: string;
  right: Record<string, string>;
  token(claims: Record<string, unknown>): Promise<string>;
  checkUrl(endpoint: string): string;
  /** Latchkey goes away, or comes back on the same port. */
  stopLatchkey(): Promise<void>;
  startLatchkey(): Promise<void>;
  /** Stopped at the end. */
  keep(proxy: RunningProxy): RunningProxy;
}

const listen = (server: Server, port = 0) =>
  new Promise<number>((resolve) =>
    server.listen(port, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)),
  );
export const close = (server: Server) =>
  new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

/** A port that nobody listens on. */
export async function unusedPort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await close(server);
  return port;
}

const hot = hotMatcher(HOT_ROUTES);

/** Latchkey's hot routes. */
const guarding: RequestListener = (request, response) => {
  const path = normalise(request, response);
  if (path === null) return;
  const match = hot(request.method ?? "GET", path);
  if (!match) throw new Error(`${path} is no hot route`);
  void answer(request, response, path, match.endpoint, match.params);
};

/** A server over TLS: Latchkey, or with a listener of its own an impostor. */
async function overTls(
  certificate: Certificate,
  port = 0,
  by = guarding,
): Promise<{ port: number; close(): Promise<void> }> {
  const server = createTlsServer({ key: certificate.key, cert: certificate.cert }, by) as unknown as Server;
  return { port: await listen(server, port), close: () => close(server) };
}

/** Bytes as they are, to `port`; the answer's first line and headers. */
export const raw = (port: number, text: string) =>
  new Promise<string>((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let said = "";
    socket.setEncoding("latin1").on("data", (piece: string) => {
      said += piece;
    });
    socket.once("close", () => resolve(said)).once("error", reject);
  });

/** Requests of every method, with bodies, reach the program by way of `proxy` as they were sent, and with who it is in headers. */
export async function expectEveryMethod(guarded: GuardedProgram, proxy: string): Promise<void> {
  for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"]) {
    guarded.reached = [];
    const body = method === "GET" ? undefined : "x".repeat(100_000);
    const headers = { ...guarded.right, cookie: "session=1" };
    const answered = await fetch(`${proxy}/orders?page=2`, { method, body, headers });
    expect([method, answered.status, await answered.text()]).toEqual([method, 200, "from the program"]);
    expect(guarded.reached).toEqual([
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
    // Of a password there are none: empty, or left out.
    expect(guarded.reached[0]?.headers["x-latchkey-scopes"] ?? "").toBe("");
  }
}

/** A caller who names the headers of who it is in `Connection` (RFC 9110 section 7.6.1) does not have them taken away. */
export async function expectIdentityStays(guarded: GuardedProgram, proxy: string): Promise<void> {
  for (const named of ["X-Latchkey-Subject, X-Latchkey-Secret", "x-latchkey-subject,x-LATCHKEY-secret"]) {
    const lines = [
      "GET / HTTP/1.1",
      "Host: 127.0.0.1",
      `Authorization: ${guarded.right.authorization}`,
      "X-Latchkey-Subject: admin",
      "X-Latchkey-Subject: admin",
      `Connection: close, ${named}`,
      `Connection: ${named}`,
    ];
    expect(await raw(Number(new URL(proxy).port), `${lines.join("\r\n")}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 200 /);
    expect(guarded.reached.at(-1)?.headers).toMatchObject({
      "x-latchkey-subject": "ann",
      "x-latchkey-secret": expect.stringMatching(/^[0-9a-f]{24}$/),
    });
  }
}

/** Behind `proxyTo`, which believes `own`, Latchkey opens over TLS, and whoever takes its place with another certificate does not. */
export async function expectNoImpostor(
  guarded: GuardedProgram,
  own: Certificate,
  other: Certificate,
  proxyTo: (checkUrl: string) => Promise<string>,
): Promise<number> {
  const real = await overTls(own);
  const url = await proxyTo(`https://localhost:${real.port}/inbound/${guarded.endpoint}/check`);
  expect((await fetch(url, { headers: guarded.right })).status).toBe(200);
  await real.close();
  const impostor = await overTls(other, real.port, (_request, response) => void response.writeHead(204).end());
  guarded.reached = [];
  const { status } = await fetch(url, { headers: guarded.right });
  expect(guarded.reached).toEqual([]);
  await impostor.close();
  return status;
}

/** Call it at the top of a test file, after `useInboundWorld`. */
export function useGuardedProgram(world: InboundWorld): GuardedProgram {
  const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const running: RunningProxy[] = [];
  let program: Server;
  let latchkey: Server;
  const guarded = { right: basic("ann", "the right one") } as GuardedProgram;
  beforeAll(async () => {
    guarded.folder = await mkdtemp(join(tmpdir(), "latchkey-inbound-"));
    program = createServer(async (request, response) => {
      const pieces: Buffer[] = [];
      for await (const piece of request) pieces.push(piece as Buffer);
      const { method = "", url = "", headers } = request;
      guarded.reached.push({ method, url, headers, body: Buffer.concat(pieces).toString() });
      response.end("from the program");
    });
    guarded.host = `127.0.0.1:${await listen(program)}`;
    latchkey = limitedServer(guarding);
    guarded.latchkeyPort = await listen(latchkey);
    const secret = await world.addSecret("basic", { username: "ann", password: "the right one" });
    const pem = pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const key = await world.addSecret("rs256", { private_key: pem });
    guarded.endpoint = await world.addEndpoint([secret, key]);
    guarded.scoped = await world.addEndpoint([key], { scopes: ["orders"] });
  }, 120_000);
  beforeEach(() => {
    guarded.reached = [];
  });
  afterAll(async () => {
    for (const one of running) await one.stop();
    await close(latchkey);
    await close(program);
    await rm(guarded.folder, { recursive: true, force: true });
  });
  guarded.token = (claims) =>
    new SignJWT(claims).setProtectedHeader({ alg: "RS256" }).setExpirationTime("5m").sign(pair.privateKey);
  guarded.checkUrl = (endpoint) => `http://127.0.0.1:${guarded.latchkeyPort}/inbound/${endpoint}/check`;
  guarded.stopLatchkey = () => close(latchkey);
  guarded.startLatchkey = async () => {
    latchkey = limitedServer(guarding);
    await listen(latchkey, guarded.latchkeyPort);
  };
  guarded.keep = (proxy) => {
    running.push(proxy);
    return proxy;
  };
  return guarded;
}
