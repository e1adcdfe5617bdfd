import { test as base, expect, type Locator, type Page } from "@playwright/test";
import { ACCOUNT, type Latchkey, type Provider, startLatchkey, startProvider } from "./processes";

/** What the stories share: one server with an account and one provider per worker, and a signed-in page. */

/** Calls the API with a key; throws what it did not expect. */
export type Api = (method: string, path: string, body?: unknown) => Promise<ApiAnswer>;
// biome-ignore lint/suspicious/noExplicitAny: stories look into answers of many shapes
type ApiAnswer = any;

interface WorkerFixtures {
  provider: Provider;
  server: Latchkey;
}
interface TestFixtures {
  api: Api;
  /** The id of the account's workspace. */
  workspaceId: string;
  /** A page of a signed-in person, at the secrets of the workspace. */
  console: Page;
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  provider: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures from the pattern
    async ({}, use) => {
      const provider = await startProvider();
      await use(provider);
      await provider.stop();
    },
    { scope: "worker", timeout: 60_000 },
  ],
  server: [
    async ({ provider }, use) => {
      const server = await startLatchkey({ account: true, provider });
      await use(server);
      await server.stop();
    },
    { scope: "worker", timeout: 90_000 },
  ],
  baseURL: async ({ server }, use) => use(server.url),
  api: async ({ server }, use) => use(apiOf(server.url, ACCOUNT.email, ACCOUNT.apiKey)),
  workspaceId: async ({ api }, use) => use((await api("GET", "/v2/workspaces")).data[0].id),
  console: async ({ page, server, workspaceId }, use) => {
    await signIn(page, server.url);
    await page.goto(`/workspaces/${workspaceId}/secrets`);
    await use(page);
  },
});

export { expect };

/** A curl-like client with an API key, as an integration step is one. */
export function apiOf(url: string, user: string, key: string): Api {
  return async (method, path, body) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Basic ${Buffer.from(`${user}:${key}`).toString("base64")}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  };
}

export async function signIn(page: Page, url: string, who = ACCOUNT): Promise<void> {
  await page.goto(`${url}/sign-in`);
  await page.getByLabel("Email").fill(who.email);
  await page.getByLabel("Password", { exact: true }).fill(who.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL((to) => !to.pathname.startsWith("/sign-in"));
}

let count = 0;
/** A name no other test uses. */
export const unique = (what: string) => `${what} ${process.pid}-${++count}`;

/** An oauth2 client of the workspace at the provider, for the redirect URI of a secret of this name. */
export async function makeClient(
  { api, provider, workspaceId }: { api: Api; provider: Provider; workspaceId: string },
  secretName: string,
  credentials: Record<string, unknown> = {},
) {
  const preview = await api("GET", `/v2/workspaces/${workspaceId}/redirect-uri?name=${encodeURIComponent(secretName)}`);
  const registered = await provider.register(preview.data.attributes.redirect_uri);
  const name = unique("Client");
  const { data } = await api("POST", "/v2/auth-clients", {
    data: {
      type: "auth-client",
      attributes: {
        name,
        type: "oauth2",
        credentials: {
          client_id: registered.clientId,
          client_secret: registered.clientSecret,
          issuer: provider.issuer,
          authorize_params: { prompt: "consent" },
          ...credentials,
        },
      },
      relationships: { workspace: { data: { id: workspaceId, type: "workspace" } } },
    },
  });
  return { id: data.id as string, name };
}

export async function makeSecret(
  { api, workspaceId }: { api: Api; workspaceId: string },
  attributes: Record<string, unknown>,
  clientId?: string,
): Promise<string> {
  const { data } = await api("POST", `/v2/workspaces/${workspaceId}/secrets`, {
    data: {
      type: "auth-secret",
      attributes,
      ...(clientId ? { relationships: { auth_client: { data: { id: clientId, type: "auth-client" } } } } : {}),
    },
  });
  return data.id;
}

/** The row of the list that shows a secret of this name. */
export const rowOf = (page: Page, name: string) => page.getByRole("row").filter({ hasText: name });

/** What Ctrl+V does, without the clipboard that a headless browser may not have. */
export async function paste(field: Locator, text: string): Promise<void> {
  await field.focus();
  await field.evaluate((element, pasted) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text", pasted);
    element.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
  }, text);
}

/** Pictures of a page in both widths and both colours, where LATCHKEY_SHOTS names a folder for them. */
export async function pictures(page: Page, name: string): Promise<void> {
  const shots = process.env.LATCHKEY_SHOTS;
  if (!shots) return;
  const before = page.viewportSize();
  for (const [width, height] of [
    [1440, 900],
    [390, 844],
  ] as const)
    for (const colorScheme of ["light", "dark"] as const) {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: `${shots}/${name}-${colorScheme}-${width}.png`, fullPage: true });
    }
  if (before) await page.setViewportSize(before);
  await page.emulateMedia({ colorScheme: null });
}
