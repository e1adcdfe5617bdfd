// `npm run demo`: Latchkey in a folder of its own, with a local OpenID provider and two example secrets. It prepares its
// workspace through the public API and the browser's own redirect flow, so it is also the shortest proof that both work.
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { handOver, ROOT, refuse } from "./lib/begin.mjs";
import { Browser } from "./lib/browser.mjs";
import { bundleFolder, ensureBuilt } from "./lib/build.mjs";
import { startDemoProvider } from "./lib/demo-provider.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";

const CLIENT = "Demo provider";
const AUTHORIZED = "Demo account";
const WAITING = "Waiting for you";
const SCOPE = "openid profile offline_access";

const port = Number(process.env.PORT?.trim() || 3000);
const folder = resolve(ROOT, process.env.LATCHKEY_DATA_DIR?.trim() || ".latchkey/demo");
if (process.env.DATABASE_URL?.trim()) refuse("The demo keeps its own database: unset DATABASE_URL.");
process.env.NODE_ENV = "production";

await ensureDependencies();
await ensureBuilt();
const login = await rememberedLogin();
process.env.LATCHKEY_DATA_DIR = folder;
process.env.LATCHKEY_BOOTSTRAP_EMAIL = login.email;
process.env.LATCHKEY_BOOTSTRAP_PASSWORD = login.password;
process.env.LATCHKEY_BOOTSTRAP_API_KEY = login.apiKey;
process.env.LATCHKEY_LOG_LEVEL ??= "error";
process.env.LATCHKEY_EGRESS_ALLOW = [process.env.LATCHKEY_EGRESS_ALLOW, `localhost:${port + 1}`]
  .filter(Boolean)
  .join(",");

handOver();
const { ready } = await import(pathToFileURL(join(ROOT, bundleFolder(), "server.mjs")).href);
const latchkey = await ready;
try {
  const provider = await startDemoProvider(port + 1);
  await prepare(provider);
  process.stdout.write(
    `\nThe demo is ready. Sign in, open "${AUTHORIZED}" and watch its token being renewed; authorize "${WAITING}" yourself.\n` +
      `Latchkey: ${latchkey.url}\nEmail: ${login.email}\nPassword: ${login.password}\nProvider: ${provider.issuer}\n`,
  );
} catch (error) {
  process.stderr.write(`\nThe demo could not be prepared: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
  await latchkey.stop(1);
}

async function rememberedLogin() {
  const path = join(folder, "demo.json");
  const known = await readFile(path, "utf8").catch(() => null);
  if (known) return JSON.parse(known);
  const made = {
    email: "demo@example.com",
    password: `demo-${randomBytes(9).toString("base64url")}`,
    apiKey: `demo-${randomBytes(30).toString("base64url")}`,
    clientSecret: randomBytes(24).toString("base64url"),
  };
  await mkdir(folder, { recursive: true, mode: 0o711 });
  await writeFile(path, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600 });
  return made;
}

async function prepare(provider) {
  const [workspace] = (await api("GET", "/v2/workspaces")).data;
  const w = workspace.id;
  const client = await ensure(`/v2/auth-clients?workspace_id=${w}`, "/v2/auth-clients", CLIENT, {
    type: "auth-client",
    attributes: {
      name: CLIENT,
      type: "oauth2",
      credentials: {
        client_id: "latchkey-demo",
        client_secret: login.clientSecret,
        issuer: provider.issuer,
        auth_uri: `${provider.issuer}/auth`,
        token_uri: `${provider.issuer}/token`,
        refresh_token_uri: `${provider.issuer}/token`,
        revocation_uri: `${provider.issuer}/token/revocation`,
        redirect_uri_per: "client",
        authorize_params: { prompt: "consent" },
      },
    },
    relationships: { workspace: { data: { id: w, type: "workspace" } } },
  });
  await provider.open({
    id: "latchkey-demo",
    secret: login.clientSecret,
    redirectUri: client.attributes.redirect_uri,
  });
  const secrets = `/v2/workspaces/${w}/secrets`;
  const secret = (name) =>
    ensure(secrets, secrets, name, {
      type: "auth-secret",
      attributes: { name, credentials: { scope: SCOPE } },
      relationships: { auth_client: { data: { id: client.id, type: "auth-client" } } },
    });
  const authorized = await secret(AUTHORIZED);
  await secret(WAITING);
  // Each time: the provider of the demo remembers nothing over a restart.
  await authorize(`${secrets}/${authorized.id}`, provider.issuer);
}

async function ensure(list, create, name, data) {
  const found = (await api("GET", list)).data.find((one) => one.attributes.name === name);
  return found ?? (await api("POST", create, { data })).data;
}

async function authorize(secret, issuer) {
  const browser = new Browser();
  const { csrfToken } = await (await browser.go(`${latchkey.url}/api/auth/csrf`)).json();
  await browser.go(`${latchkey.url}/api/auth/callback/credentials`, {
    method: "POST",
    headers: { Origin: latchkey.url },
    body: new URLSearchParams({ csrfToken, email: login.email, password: login.password, json: "true" }),
  });
  const { data } = await api("POST", `${secret}/authorize`);
  const end = await browser.follow(data.attributes.url, (url) => url.startsWith(`${issuer}/interaction/`));
  if (!new URL(end).searchParams.has("authorized")) throw new Error(`the example secret was not authorized (${end})`);
}

async function api(method, path, body) {
  const response = await fetch(`${latchkey.url}${path}`, {
    method,
    headers: {
      Authorization: `Basic ${Buffer.from(`${login.email}:${login.apiKey}`).toString("base64")}`,
      ...(body ? { "Content-Type": "application/json" } : {}),
    },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text.slice(0, 400)}`);
  return JSON.parse(text);
}
