import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { proxyLinesOf, YOUR_PROGRAM } from "@/components/endpoints/proxy-lines";
import { basic } from "@/lib/testing/callers";
import { makeCertificate } from "@/lib/testing/certificates";
import {
  expectEveryMethod,
  expectIdentityStays,
  expectNoImpostor,
  raw,
  unusedPort,
  useGuardedProgram,
} from "@/lib/testing/guarded-program";
import { useInboundWorld } from "@/lib/testing/inbound-world";
import { startNginx } from "@/lib/testing/topology/proxy";

/** A real nginx with the very lines that the console gives to copy, in front of a program and of Latchkey's own listening server. */
const world = useInboundWorld();
const guarded = useGuardedProgram(world);
const { right, token } = guarded;
let proxy: string;

/** nginx with what stands on the endpoint's page, in a `server` block. */
async function startProxyFor(checkUrl: string, change: (lines: string) => string = (lines) => lines): Promise<string> {
  const port = await unusedPort();
  const lines = change(proxyLinesOf(checkUrl).nginx).replace(YOUR_PROGRAM, `http://${guarded.host}`);
  const place = join(guarded.folder, `nginx-${port}`);
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
  guarded.keep(await startNginx(process.cwd(), { folder: place, port, text }));
  return `http://127.0.0.1:${port}`;
}

beforeAll(async () => {
  proxy = await startProxyFor(guarded.checkUrl(guarded.endpoint));
}, 60_000);

test("the right credentials reach the program, with who it is in headers, whatever the method and body", async () => {
  await expectEveryMethod(guarded, proxy);
  const answered = await fetch(proxy, {
    headers: {
      authorization: `Bearer ${await token({ scope: "a b" })}`,
      "x-latchkey-subject": "admin",
      "x-latchkey-scopes": "all",
    },
  });
  expect(answered.status).toBe(200);
  // What the caller says of itself does not count, also where the token says nothing.
  expect(guarded.reached.at(-1)?.headers).toMatchObject({ "x-latchkey-scopes": "a b" });
  expect(guarded.reached.at(-1)?.headers).not.toHaveProperty("x-latchkey-subject");
});

test("who it is stays in the headers, whatever the caller says of its connection", () =>
  expectIdentityStays(guarded, proxy));

test("wrong or no credentials do not: 401 with the way to ask", async () => {
  for (const headers of [undefined, basic("ann", "wrong"), { authorization: "Bearer x.y.z" }] as const) {
    const answered = await fetch(`${proxy}/orders`, { headers });
    expect(answered.status).toBe(401);
    expect(answered.headers.get("www-authenticate")).toContain(`Basic realm="${guarded.endpoint}"`);
  }
  const url = await startProxyFor(guarded.checkUrl(guarded.scoped));
  const status = async (scope: string) =>
    (await fetch(url, { headers: { authorization: `Bearer ${await token({ scope })}` } })).status;
  expect(guarded.reached).toEqual([]);
  expect([await status("order"), await status("orders")]).toEqual([403, 200]);
  expect(guarded.reached).toHaveLength(1);
});

test("two Authorization headers and headers without end open nothing, through nginx and straight", async () => {
  const { authorization } = right;
  const twice = (first: string, second: string) =>
    `GET /inbound/${guarded.endpoint}/check HTTP/1.1\r\nHost: x\r\nAuthorization: ${first}\r\nAuthorization: ${second}\r\nConnection: close\r\n\r\n`;
  for (const [first, second] of [
    [authorization, "Basic eDp5"],
    ["Basic eDp5", authorization],
    [authorization, authorization],
  ] as string[][]) {
    const [one, two] = [first as string, second as string];
    expect(await raw(guarded.latchkeyPort, twice(one, two))).toMatch(/^HTTP\/1\.1 401 /);
    expect(await raw(Number(new URL(proxy).port), twice(one, two))).toMatch(/^HTTP\/1\.1 4\d\d /);
  }
  const huge = `GET /inbound/${guarded.endpoint}/check HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nX-Huge: ${"x".repeat(20_000)}\r\nConnection: close\r\n\r\n`;
  expect(await raw(guarded.latchkeyPort, huge)).toMatch(/^HTTP\/1\.1 431 /);
  expect(await raw(Number(new URL(proxy).port), huge)).toMatch(/^HTTP\/1\.1 [45]\d\d /);
  // What nginx takes and Latchkey does not.
  const large = Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`x-large-${i}`, "x".repeat(4_000)]));
  expect((await fetch(proxy, { headers: { ...right, ...large } })).status).toBe(500);
  expect(guarded.reached).toEqual([]);
});

test("HEAD and OPTIONS, of proxies that ask with the method they were asked with", async () => {
  for (const method of ["HEAD", "OPTIONS"]) {
    const status = async (headers?: Record<string, string>) =>
      (await fetch(guarded.checkUrl(guarded.endpoint), { method, headers })).status;
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
  expect(guarded.reached).toEqual([]);
  world.leap(120_000);
  expect((await from("192.0.2.1", right)).status).toBe(200);
});

test("nobody passes while Latchkey is stopped, and everybody with the right credentials when it is back", async () => {
  await guarded.stopLatchkey();
  expect((await fetch(`${proxy}/`, { headers: right })).status).toBe(500);
  expect(guarded.reached).toEqual([]);
  await guarded.startLatchkey();
  expect((await fetch(`${proxy}/`, { headers: right })).status).toBe(200);
});

test("over TLS an impostor in Latchkey's place opens nothing", async () => {
  const own = makeCertificate("DNS:localhost");
  const trusted = join(guarded.folder, "trusted.pem");
  await writeFile(trusted, own.cert);
  const status = await expectNoImpostor(guarded, own, makeCertificate("DNS:localhost"), (checkUrl) =>
    startProxyFor(checkUrl, (lines) => lines.replace("/etc/ssl/certs/ca-certificates.crt", trusted)),
  );
  expect(status).toBe(500);
});
