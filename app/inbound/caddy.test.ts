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
  unusedPort,
  useGuardedProgram,
} from "@/lib/testing/guarded-program";
import { useInboundWorld } from "@/lib/testing/inbound-world";
import { startCaddy } from "@/lib/testing/topology/proxy";

/** A real Caddy with the very lines that the console gives to copy. */
const world = useInboundWorld();
const guarded = useGuardedProgram(world);
const { right, token } = guarded;
let proxy: string;

/** Caddy with what stands on the endpoint's page; only where it listens is another place. */
async function startProxyFor(checkUrl: string, trusted: string | null = null): Promise<string> {
  const port = await unusedPort();
  const lines = proxyLinesOf(checkUrl)
    .caddy.replace("app.example.com", `http://127.0.0.1:${port}`)
    .replace(YOUR_PROGRAM.replace("http://", ""), guarded.host);
  const text = `{\n  admin off\n}\n${lines}\n`;
  const folder = join(guarded.folder, `caddy-${port}`);
  guarded.keep(await startCaddy(process.cwd(), { folder, port, text }, trusted));
  return `http://127.0.0.1:${port}`;
}

beforeAll(async () => {
  proxy = await startProxyFor(guarded.checkUrl(guarded.endpoint));
}, 120_000);

test("the right credentials reach the program, with who it is in headers, whatever the method and body", async () => {
  await expectEveryMethod(guarded, proxy);
});

test("what a caller says of itself does not count, in any spelling", async () => {
  const said = {
    "x-latchkey-subject": "admin",
    "X-Latchkey-Scopes": "all",
    X_Latchkey_Subject: "admin",
    "X-Latchkey_Scopes": "all",
    "x-latchkey_secret": "0",
  };
  for (const headers of [right, { authorization: `Bearer ${await token({ scope: "a b" })}` }]) {
    expect((await fetch(proxy, { headers: { ...headers, ...said } })).status).toBe(200);
    // As a program reads them that knows no difference between - and _.
    const seen = Object.entries(guarded.reached.at(-1)?.headers ?? {}).filter(([name]) =>
      name.replaceAll("_", "-").startsWith("x-latchkey-"),
    );
    for (const [name, value] of seen) expect([name, value]).not.toEqual([name, expect.stringMatching(/admin|all|^0$/)]);
  }
  await expectIdentityStays(guarded, proxy);
});

test("wrong or no credentials do not: the guard's own answer is the caller's", async () => {
  for (const headers of [undefined, basic("ann", "wrong"), { authorization: "Bearer x.y.z" }] as const) {
    const answered = await fetch(`${proxy}/orders?api_key=x`, { headers });
    expect(answered.status).toBe(401);
    expect(answered.headers.get("www-authenticate")).toContain(`Basic realm="${guarded.endpoint}"`);
  }
  const url = await startProxyFor(guarded.checkUrl(guarded.scoped));
  const status = async (scope: string) =>
    (await fetch(url, { headers: { authorization: `Bearer ${await token({ scope })}` } })).status;
  expect(guarded.reached).toEqual([]);
  expect([await status("order"), await status("orders")]).toEqual([403, 200]);
});

test("a password that is guessed is slowed by the address that Caddy tells", async () => {
  const statuses: number[] = [];
  for (let i = 0; i < 24; i++) statuses.push((await fetch(proxy, { headers: basic("ann", `guess ${i}`) })).status);
  expect(new Set(statuses)).toEqual(new Set([401, 429]));
  expect(guarded.reached).toEqual([]);
  world.leap(120_000);
  expect((await fetch(proxy, { headers: right })).status).toBe(200);
});

test("nobody passes while Latchkey is stopped, and everybody with the right credentials when it is back", async () => {
  await guarded.stopLatchkey();
  expect((await fetch(proxy, { headers: right })).status).toBe(502);
  expect(guarded.reached).toEqual([]);
  await guarded.startLatchkey();
  expect((await fetch(proxy, { headers: right })).status).toBe(200);
});

test("over TLS an impostor in Latchkey's place opens nothing", async () => {
  const own = makeCertificate("DNS:localhost");
  const trusted = join(guarded.folder, "trusted.pem");
  await writeFile(trusted, own.cert);
  const status = await expectNoImpostor(guarded, own, makeCertificate("DNS:localhost"), (checkUrl) =>
    startProxyFor(checkUrl, trusted),
  );
  expect(status).toBe(502);
});
