import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { chromium, test as plain } from "@playwright/test";
import { Sentinels } from "@/lib/testing/sentinels";
import { apiOf, expect, makeClient, makeSecret, signIn, test, unique } from "./fixtures";
import { ACCOUNT, startLatchkey } from "./processes";

/**
 * What an OAuth callback leaves behind (OA-14): neither Latchkey's output nor a proxy's log in the README's format nor what the
 * browser shows of its history holds code or state. Chromium's own files keep every hop of a redirect (`History`, `Favicons`, a
 * measuring database); what they keep is spent, and opening it again gets nothing.
 */

/** Files of a Chromium profile that list each hop of a navigation; no answer of a server can keep one out of them. */
const LISTS_OF_HOPS = /^(Default\/(History|Favicons)(-journal|-wal)?|segmentation_platform\/ukm_db(-journal|-wal)?)$/;

/** nginx's variables that the README's format may use. None holds a query. */
const variables = (asked: IncomingMessage, answer: ServerResponse): Record<string, string> => ({
  remote_addr: asked.socket.remoteAddress ?? "",
  time_iso8601: new Date().toISOString(),
  request_method: asked.method ?? "",
  uri: decodeURIComponent((asked.url ?? "").split("?", 1)[0] ?? ""),
  server_protocol: `HTTP/${asked.httpVersion}`,
  status: String(answer.statusCode),
  body_bytes_sent: "0",
  request_time: "0.001",
});

/** The README's log_format, as one text. */
async function readmeFormat(): Promise<string> {
  const format = /log_format latchkey((?:\s+'[^']*')+);/.exec(await readFile("README.md", "utf8"))?.[1];
  if (!format) throw new Error("README.md has no log_format latchkey.");
  return [...format.matchAll(/'([^']*)'/g)].map((match) => match[1]).join("");
}

/** A proxy that writes two logs: the README's, and what nginx writes when nobody says otherwise. */
async function startProxy() {
  const format = await readmeFormat();
  const log: string[] = [];
  const usual: string[] = [];
  let target = 0;
  const server = createServer((asked, answer) => {
    const on = request(
      { port: target, host: "127.0.0.1", method: asked.method, path: asked.url, headers: asked.headers },
      (given) => {
        answer.writeHead(given.statusCode ?? 502, given.rawHeaders);
        given.pipe(answer);
        const values = variables(asked, answer);
        log.push(
          format.replace(/\$(\w+)/g, (whole, name: string) => {
            const value = values[name];
            if (value === undefined) throw new Error(`${whole} is not known to be without a query.`);
            return value;
          }),
        );
        usual.push(`"${asked.method} ${asked.url}" ${answer.statusCode} "${asked.headers.referer ?? "-"}"`);
      },
    );
    on.on("error", () => answer.destroy());
    answer.on("close", () => on.destroy());
    asked.pipe(on);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    to: (port: number) => {
      target = port;
    },
    log: () => log.join("\n"),
    usual: () => usual.join("\n"),
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

plain("the README's log format names nothing that holds a query", async () => {
  const names = [...(await readmeFormat()).matchAll(/\$(\w+)/g)].map((match) => match[1] ?? "");
  expect(names).toContain("uri");
  const known = variables({ socket: {}, url: "/" } as IncomingMessage, {} as ServerResponse);
  expect(names.filter((name) => !(name in known))).toEqual([]);
});

test("code and state are in no log and in no history that anybody is shown, and the browser's files keep only what is spent", async ({
  provider,
}) => {
  test.setTimeout(90_000);
  const proxy = await startProxy();
  const server = await startLatchkey({
    account: true,
    provider,
    env: { LATCHKEY_URL: proxy.url, LATCHKEY_TRUSTED_PROXIES: "127.0.0.1" },
  });
  proxy.to(server.port);
  const profile = await mkdtemp(join(tmpdir(), "latchkey-profile-"));
  const context = await chromium.launchPersistentContext(profile, {
    ...test.info().project.use.launchOptions,
    actionTimeout: 10_000,
  } as Parameters<typeof chromium.launchPersistentContext>[1]);
  const planted = new Sentinels();
  try {
    const api = apiOf(server.url, ACCOUNT.email, ACCOUNT.apiKey);
    const workspaceId = (await api("GET", "/v2/workspaces")).data[0].id;
    const name = unique("Traces");
    const client = await makeClient({ api, provider, workspaceId }, name);
    const id = await makeSecret(
      { api, workspaceId },
      { name, credentials: { scope: "openid offline_access" } },
      client.id,
    );

    const page = context.pages()[0] ?? (await context.newPage());
    const callbacks: URL[] = [];
    page.on("request", (asked) => {
      if (asked.url().includes("/api/oauth/callback/")) callbacks.push(new URL(asked.url()));
    });
    await signIn(page, server.url);
    await page.goto(`${server.url}/api/oauth/authorize/${id}`);
    await page.getByRole("button", { name: "Allow" }).click();
    await page.waitForURL(new RegExp(`${server.url}/workspaces/${workspaceId}/secrets\\?authorized=`));
    const [callback] = callbacks;
    if (!callback) throw new Error("There was no callback.");
    planted.add("code", callback.searchParams.get("code") ?? "");
    planted.add("state", callback.searchParams.get("state") ?? "");
    const { generation } = (await api("GET", `/v2/workspaces/${workspaceId}/secrets/${id}`)).data.attributes;
    expect(generation).toBeGreaterThanOrEqual(1);

    await test.step("what the browser shows of its history", async () => {
      const devtools = await context.newCDPSession(page);
      const { entries } = await devtools.send("Page.getNavigationHistory");
      expect(entries.length).toBeGreaterThanOrEqual(3);
      expect(planted.find(JSON.stringify(entries))).toEqual([]);
      expect(planted.find(await page.evaluate(() => document.referrer))).toEqual([]);
      await page.goto(`${server.url}/account`);
      await page.goBack();
      expect(planted.find(page.url())).toEqual([]);
      // Whole, or what it still does to its own address may get in the way of going back further.
      await expect(page.getByRole("heading", { name: "Secrets", level: 1 })).toBeVisible();
      await page.goBack({ waitUntil: "commit" });
      expect(page.url()).not.toContain("/callback/");

      const shown = await context.newPage();
      await shown.goto("chrome://history");
      const items = shown.locator("history-item a");
      await expect(items.filter({ hasText: "Secrets" }).first()).toBeVisible();
      const links = await items.evaluateAll((all) => all.map((one) => (one as HTMLAnchorElement).href));
      expect(planted.find(links.join("\n"))).toEqual([]);
      expect(links.filter((link) => link.includes("/api/oauth/callback"))).toEqual([]);
      await shown.close();
    });

    await test.step("the logs", async () => {
      // The usual format does hold them, so the callback did pass here.
      expect(planted.find(proxy.usual()).map((hit) => hit.name)).toEqual(["code", "state"]);
      expect(proxy.log()).toContain("/api/oauth/callback/");
      expect(planted.find(proxy.log())).toEqual([]);
      expect(server.output()).toContain(callback.pathname);
      expect(planted.find(server.output())).toEqual([]);
    });

    const cookies = (await context.cookies(server.url)).map((one) => `${one.name}=${one.value}`).join("; ");
    await context.close();
    await test.step("the browser's files", async () => {
      const files = (await readdir(profile, { recursive: true, withFileTypes: true })).filter((file) => file.isFile());
      expect(files.length).toBeGreaterThan(20);
      for (const file of files) {
        const path = join(file.parentPath, file.name);
        const short = path
          .slice(profile.length + 1)
          .split(sep)
          .join("/");
        if (LISTS_OF_HOPS.test(short)) continue;
        expect(planted.find(await readFile(path)), short).toEqual([]);
      }
    });

    await test.step("what those files keep redeems nothing, with the browser's cookies too", async () => {
      const again = await fetch(callback, { headers: { cookie: cookies }, redirect: "manual" });
      expect(again.status).toBe(303);
      expect(again.headers.get("location")).toContain("failed?reason=state_used");
    });
  } finally {
    await context.close();
    await server.stop();
    await proxy.stop();
    await rm(profile, { recursive: true, force: true });
  }
});
