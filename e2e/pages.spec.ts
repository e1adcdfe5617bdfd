import type { BrowserContext, Page, Response } from "@playwright/test";
import { Sentinels } from "@/lib/testing/sentinels";
import { type Api, apiOf, test as base, expect } from "./fixtures";
import { ACCOUNT, type Latchkey, type Provider, startLatchkey } from "./processes";

/**
 * What holds on every page: it fits narrow and wide, light and dark; nothing goes wrong in its console; nothing comes from
 * elsewhere; the headers of SES-4; and no planted value in anything the browser is sent (SES-9, VAL-1, OA-12; FAULTS C12).
 */

const planted = new Sentinels();
interface World {
  server: Latchkey;
  workspaceId: string;
  oauthSecret: string;
  clientId: string;
  webhookId: string;
  endpointId: string;
}

/** As long as a name may be, and nowhere to break it. */
const UNBROKEN = (what: string) => what.padEnd(200, "x");

async function plant(api: Api, provider: Provider): Promise<Omit<World, "server">> {
  const workspaceId = (await api("GET", "/v2/workspaces")).data[0].id;
  const client = await api("POST", "/v2/auth-clients", {
    data: {
      type: "auth-client",
      attributes: {
        name: UNBROKEN("client"),
        type: "oauth2",
        credentials: {
          client_id: "pages",
          client_secret: planted.token("client secret"),
          auth_uri: `${provider.issuer}/auth`,
          token_uri: `${provider.issuer}/token`,
        },
      },
      relationships: { workspace: { data: { id: workspaceId, type: "workspace" } } },
    },
  });
  const secret = async (attributes: Record<string, unknown>, clientId?: string) =>
    (
      await api("POST", `/v2/workspaces/${workspaceId}/secrets`, {
        data: {
          type: "auth-secret",
          attributes,
          ...(clientId ? { relationships: { auth_client: { data: { id: clientId, type: "auth-client" } } } } : {}),
        },
      })
    ).data.id as string;
  const oauthSecret = await secret(
    {
      name: UNBROKEN("oauth"),
      credentials: {
        access_token: planted.token("access token"),
        refresh_token: planted.token("refresh token"),
        expires_in: 86_400,
        scope: "openid a.very.long.scope.name/that.goes.on.and.on.and.on.to.the.very.end",
        undefined_params: { id_token: planted.token("undefined_params") },
        fields: { note: planted.text("fields") },
      },
    },
    client.data.id,
  );
  await secret({ name: "Waiting for somebody to authorize it", credentials: { scope: "openid" } }, client.data.id);
  const basic = await secret({
    name: "Basic",
    type: "basic",
    credentials: { username: planted.text("user name"), password: planted.text("password") },
  });
  await secret({
    name: "Key",
    type: "api_key",
    credentials: { headerName: "X-Key", headerValue: planted.token("API key value") },
  });
  await secret({ name: "x".repeat(200), type: "noauth", credentials: {} });
  const webhook = await api("POST", `/v2/workspaces/${workspaceId}/webhooks`, {
    data: {
      type: "webhook",
      attributes: {
        name: UNBROKEN("webhook"),
        url: `https://${"receiver.".repeat(25)}example.com/${"a-long-path/".repeat(12)}`,
        events: ["secret.reauthorization_needed", "secret.recovered", "client.paused"],
      },
    },
  });
  planted.add("signing secret", webhook.data.attributes.signing_secret);
  planted.add("API key", ACCOUNT.apiKey);
  planted.add("account password", ACCOUNT.password);
  const endpoint = await api("POST", `/v2/workspaces/${workspaceId}/endpoints`, {
    data: {
      type: "endpoint",
      attributes: {
        name: UNBROKEN("endpoint"),
        scopes: ["s".repeat(100)],
      },
      relationships: { secrets: { data: [{ id: basic, type: "auth-secret" }] } },
    },
  });
  const endpointId = endpoint.data.id as string;
  const wrong = Buffer.from(`somebody:${planted.text("wrong password at an endpoint")}`).toString("base64");
  await fetch(endpoint.data.attributes.check_url, { headers: { authorization: `Basic ${wrong}` } });
  return { workspaceId, oauthSecret, clientId: client.data.id, webhookId: webhook.data.id, endpointId };
}

const test = base.extend<object, { world: World }>({
  world: [
    async ({ provider }, use) => {
      const server = await startLatchkey({ account: true, provider });
      await use({ server, ...(await plant(apiOf(server.url, ACCOUNT.email, ACCOUNT.apiKey), provider)) });
      await server.stop();
    },
    { scope: "worker", timeout: 90_000 },
  ],
  baseURL: async ({ world }, use) => use(world.server.url),
});

/** Every page.tsx under app/, with ids put in; a new page is added here or the test below fails. */
const PAGES: Record<string, (world: World) => string> = {
  "/": () => "/",
  "/sign-in": () => "/sign-in",
  "/setup": () => "/setup#a-code-that-is-not-known",
  "/connect-failed": () => "/connect-failed?reason=state_unknown",
  "/account": () => "/account",
  "/instance": () => "/instance",
  "/people": () => "/people",
  "/workspaces/[workspaceId]/secrets": (w) => `/workspaces/${w.workspaceId}/secrets`,
  "/workspaces/[workspaceId]/secrets/new": (w) => `/workspaces/${w.workspaceId}/secrets/new`,
  "/workspaces/[workspaceId]/secrets/[secretId]/edit": (w) =>
    `/workspaces/${w.workspaceId}/secrets/${w.oauthSecret}/edit`,
  "/workspaces/[workspaceId]/secrets/[secretId]/try": (w) =>
    `/workspaces/${w.workspaceId}/secrets/${w.oauthSecret}/try`,
  "/workspaces/[workspaceId]/secrets/[secretId]/failed": (w) =>
    `/workspaces/${w.workspaceId}/secrets/${w.oauthSecret}/failed?reason=state_used`,
  "/workspaces/[workspaceId]/auth-clients": (w) => `/workspaces/${w.workspaceId}/auth-clients`,
  "/workspaces/[workspaceId]/auth-clients/new": (w) => `/workspaces/${w.workspaceId}/auth-clients/new`,
  "/workspaces/[workspaceId]/auth-clients/[clientId]": (w) => `/workspaces/${w.workspaceId}/auth-clients/${w.clientId}`,
  "/workspaces/[workspaceId]/webhooks": (w) => `/workspaces/${w.workspaceId}/webhooks`,
  "/workspaces/[workspaceId]/webhooks/[webhookId]": (w) => `/workspaces/${w.workspaceId}/webhooks/${w.webhookId}`,
  "/workspaces/[workspaceId]/endpoints": (w) => `/workspaces/${w.workspaceId}/endpoints`,
  "/workspaces/[workspaceId]/endpoints/new": (w) => `/workspaces/${w.workspaceId}/endpoints/new`,
  "/workspaces/[workspaceId]/endpoints/[endpointId]": (w) => `/workspaces/${w.workspaceId}/endpoints/${w.endpointId}`,
  "/workspaces/[workspaceId]/endpoints/[endpointId]/edit": (w) =>
    `/workspaces/${w.workspaceId}/endpoints/${w.endpointId}/edit`,
  "/workspaces/[workspaceId]/activity": (w) => `/workspaces/${w.workspaceId}/activity`,
  "/workspaces/[workspaceId]/settings": (w) => `/workspaces/${w.workspaceId}/settings`,
};
/** Besides pages of their own: the drawer, and what is not there. */
const VIEWS: Record<string, (world: World) => string> = {
  ...PAGES,
  "the drawer of a secret": (w) => `/workspaces/${w.workspaceId}/secrets?manage=${w.oauthSecret}`,
  "a page that does not exist": () => "/there/is/no/such/page",
  "a workspace that does not exist": () => "/workspaces/0123456789abcdef01234567/secrets",
};

/** Signs in once for the whole file, so that forty pages are not forty sign-ins. */
async function signedIn(context: BrowserContext, url: string): Promise<void> {
  const { csrfToken } = await (await context.request.get(`${url}/api/auth/csrf`)).json();
  const answer = await context.request.post(`${url}/api/auth/callback/credentials`, {
    headers: { origin: url },
    form: { csrfToken, email: ACCOUNT.email, password: ACCOUNT.password, json: "true" },
  });
  expect(answer.status()).toBe(200);
}

/** Watches a page from before its first byte. */
function watch(page: Page, origin: string) {
  const complaints: string[] = [];
  const answers: Response[] = [];
  page.on("console", (message) => {
    // A 404 that a test asks for is told there too.
    if (message.type() === "error" && !/status of 40[134]/.test(message.text()))
      complaints.push(`console: ${message.text()}`);
    if (/Content Security Policy/i.test(message.text())) complaints.push(`CSP: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (!["data:", "blob:"].includes(url.protocol) && url.origin !== origin) complaints.push(`foreign: ${url.href}`);
  });
  page.on("response", (response) => answers.push(response));
  return { complaints, answers };
}

test("every page of the app is looked at", async () => {
  const { readdir } = await import("node:fs/promises");
  const files = await readdir("app", { recursive: true });
  const pages = files
    .filter((file) => /(^|\/)page\.tsx$/.test(file))
    .map(
      (file) =>
        `/${file
          .split("/")
          .slice(0, -1)
          .filter((part) => !part.startsWith("("))
          .join("/")}`,
    );
  expect(Object.keys(PAGES).sort()).toEqual(pages.sort());
});

for (const [width, height] of [
  [1440, 900],
  [390, 844],
] as const)
  for (const colorScheme of ["light", "dark"] as const)
    test(`pages at ${width} px, ${colorScheme}`, async ({ browser, world }) => {
      test.setTimeout(300_000);
      const { url } = world.server;
      const context = await browser.newContext({ viewport: { width, height }, colorScheme, baseURL: url });
      await signedIn(context, url);
      for (const [name, at] of Object.entries(VIEWS)) {
        await test.step(name, async () => {
          const page = await context.newPage();
          const { complaints, answers } = watch(page, new URL(url).origin);
          await page.goto(at(world));
          await expect(page.locator("h1, h2").first()).toBeVisible();
          await expect(page.locator("[aria-busy=true], .skeleton")).toHaveCount(0);
          await page.waitForTimeout(150);

          const wide = await page.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
          );
          expect(wide, `${name} scrolls sideways`).toBeLessThanOrEqual(0);
          const background = await page.evaluate(() => {
            // A canvas knows every way of writing a colour.
            const context = document.createElement("canvas").getContext("2d");
            if (!context) return [];
            context.fillStyle = getComputedStyle(document.body).backgroundColor;
            context.fillRect(0, 0, 1, 1);
            return [...context.getImageData(0, 0, 1, 1).data];
          });
          const [r = 0, g = 0, b = 0] = background;
          const light = (r + g + b) / 3 > 128;
          expect(light, `${name}: ${background}`).toBe(colorScheme === "light");
          await context.storageState().then((state) => expect(planted.find(JSON.stringify(state))).toEqual([]));
          const html = await page.content();
          // The account's own name and mail are no secrets; what was planted is.
          expect(planted.find(html)).toEqual([]);
          for (const answer of answers) {
            if (answer.status() >= 300 && answer.status() < 400) continue;
            if ((answer.headers()["content-type"] ?? "").startsWith("text/event-stream")) continue;
            const body = await answer.body().catch(() => Buffer.alloc(0));
            expect(planted.find(body), answer.url()).toEqual([]);
          }
          expect(complaints, name).toEqual([]);
          await page.close();
        });
      }
      await context.close();
    });

test("a page whose script is gone, as after an upgrade, comes back by its button", async ({ browser, world }) => {
  const { url } = world.server;
  const context = await browser.newContext({ baseURL: url });
  await signedIn(context, url);
  const at = `/workspaces/${world.workspaceId}/webhooks`;
  const here = await (await context.request.get(at)).text();
  const page = await context.newPage();
  const script = /\/_next\/static\/chunks\/[^?]*\.js/;
  await page.route(script, (route) =>
    here.includes(new URL(route.request().url()).pathname) ? route.continue() : route.abort(),
  );
  await page.goto(at);
  await page.getByRole("link", { name: "Activity" }).first().click();
  await expect(page.getByRole("heading", { name: "This page broke" })).toBeVisible();
  await page.unroute(script);
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("heading", { name: "Activity", level: 1 })).toBeVisible();
  await context.close();
});

test("the flight data of every page holds no planted value", async ({ browser, world }) => {
  const context = await browser.newContext({ baseURL: world.server.url });
  await signedIn(context, world.server.url);
  for (const at of Object.values(PAGES)) {
    const answer = await context.request.get(at(world), { headers: { RSC: "1" } });
    expect(planted.find(await answer.body()), at(world)).toEqual([]);
    expect(planted.find(JSON.stringify(answer.headers()))).toEqual([]);
  }
  await context.close();
});

test("reveal shows a value once it is asked for, and nothing keeps it", async ({ browser, world }) => {
  const context = await browser.newContext({ baseURL: world.server.url });
  await signedIn(context, world.server.url);
  const page = await context.newPage();
  await page.goto(`/workspaces/${world.workspaceId}/secrets?manage=${world.oauthSecret}`);
  const drawer = page.getByRole("dialog");
  await drawer.getByRole("button", { name: "Reveal access token. This is recorded" }).click();
  await expect(drawer.getByText(planted.valueOf("access token"))).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(drawer).toBeHidden();
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
  expect(planted.find(kept)).toEqual([]);
  expect(planted.find(await page.content())).toEqual([]);
  expect(planted.find(page.url())).toEqual([]);
  await context.close();
});

test("the headers of SES-4 are on pages, API, static files and errors alike", async ({ browser, world }) => {
  const context = await browser.newContext({ baseURL: world.server.url });
  const page = await context.newPage();
  await page.goto("/sign-in");
  const script = await page.evaluate(() => document.querySelector<HTMLScriptElement>("script[src]")?.src ?? "");
  await signedIn(context, world.server.url);
  const w = world.workspaceId;
  const table: [
    string,
    string,
    { status?: number; cache?: boolean; referrer?: string; headers?: Record<string, string> },
  ][] = [
    ["page", "/sign-in", { headers: { cookie: "" } }],
    ["page", `/workspaces/${w}/secrets`, {}],
    ["page", "/there/is/no/such/page", { status: 404 }],
    ["page", `/workspaces/${w}/secrets/${world.oauthSecret}/failed?reason=state_used`, { referrer: "no-referrer" }],
    ["api", "/v2/workspaces", {}],
    ["api", "/v2/there/is/no/such", { status: 404 }],
    ["api", "/v2/auth-clients?nonsense=1", { status: 400 }],
    ["api", `/v2/workspaces/${w}/secrets/${world.oauthSecret}`, {}],
    ["api", "/v2/users/me", { status: 401, headers: { cookie: "", authorization: "Basic eDp5" } }],
    ["api", "/healthz", {}],
    ["api", "/api/oauth/callback/x.y?state=z&code=c", { status: 303, referrer: "no-referrer" }],
    ["api", "/api/auth/session", {}],
    ["static", script, {}],
    ["static", "/_next/static/chunks/no-such-chunk.js", { status: 404 }],
    ["api", "/v2/%ZZ", { status: 400 }],
  ];
  const nonces = new Set<string>();
  for (const [kind, path, want] of table) {
    const answer = await fetchRaw(world.server.url, path, {
      cookie: (await context.cookies()).map((one) => `${one.name}=${one.value}`).join("; "),
      ...want.headers,
    });
    const about = `${path}: ${answer.status}`;
    expect(answer.status, about).toBe(want.status ?? 200);
    const has = (name: string) => answer.headers.get(name) ?? "";
    expect(has("x-content-type-options"), about).toBe("nosniff");
    expect(has("cross-origin-opener-policy"), about).toBe("same-origin");
    expect(has("cross-origin-resource-policy"), about).toBe("same-origin");
    expect(has("referrer-policy"), about).toBe(want.referrer ?? "strict-origin");
    expect(has("strict-transport-security"), about).toBe("");
    expect(has("x-powered-by"), about).toBe("");
    const policy = has("content-security-policy");
    for (const part of ["object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"])
      expect(policy, about).toContain(part);
    if (kind === "api") expect(has("cache-control"), about).toContain("no-store");
    if (kind === "page") {
      const nonce = /'nonce-([^']+)'/.exec(policy)?.[1] ?? "";
      expect(nonce.length, about).toBeGreaterThanOrEqual(22);
      expect(nonces.has(nonce), about).toBe(false);
      nonces.add(nonce);
      expect(policy, about).not.toContain("'unsafe-eval'");
      expect(policy.split("style-src")[0], about).not.toContain("'unsafe-inline'");
    }
  }
  await context.close();
});

const fetchRaw = (base: string, path: string, headers: Record<string, string>) =>
  fetch(new URL(path, base), { headers, redirect: "manual" });

test("what the server printed at level trace holds no planted value", async ({ world }) => {
  const api = apiOf(world.server.url, ACCOUNT.email, ACCOUNT.apiKey);
  await api("GET", `/v2/workspaces/${world.workspaceId}/secrets/${world.oauthSecret}/token`);
  const output = world.server.output();
  expect(output).toContain('"request"');
  expect(planted.find(output)).toEqual([]);
});

test("Node has no warning about what the server did for all these pages", async ({ world }) => {
  const lines = world.server.output().split("\n");
  expect(lines.filter((line) => line.includes("Warning: "))).toEqual([]);
});
