import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type APIRequestContext, expect, test } from "@playwright/test";
import postgres from "postgres";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { open } from "@/lib/crypto/envelope";
import { parseKeks } from "@/lib/crypto/keks";
import { Keyring } from "@/lib/crypto/keyring";
import { install } from "@/lib/process";
import { SECRET_TYPES } from "@/lib/secret-types";
import { FakeIdp } from "@/lib/testing/fake-idp";
import { plantSecrets } from "@/lib/testing/planted-secrets";
import { type Hit, Sentinels } from "@/lib/testing/sentinels";
import { ACCOUNT, type Latchkey, startLatchkey } from "./processes";

/**
 * Planted values in everything a whole installation writes (CRY-10; FAULTS C12): the database's files and write-ahead log as they lie on
 * the disk, also after a crash and a kill; the backup; what is printed at level trace; spans; metrics; pages and their flight data;
 * Next's caches and the build; the folder of temporary files. app/planted-values.test.ts does the same for every route and
 * table within one process. What is no secret is planted too and must be found: else nothing was searched.
 */

const planted = new Sentinels();
const known = new Sentinels();
const told = (where: string, hits: Hit[]) =>
  hits.map(({ name, form, around }) => `${where}: ${name} (${form}) in …${around}…`);
/** A way to fall over at any moment. */
const CRASH = `process.on("SIGUSR2", () => setImmediate(() => { throw new Error("a crash on purpose"); }));`;

test("no planted value is in anything that an installation writes, whole or crashed", async ({ playwright }) => {
  test.setTimeout(180_000);
  const began = Date.now();
  const spans: Buffer[] = [];
  const collector = createServer((request, response) => {
    request.on("data", (piece: Buffer) => spans.push(piece)).on("end", () => response.end("{}"));
  });
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
  const temp = await mkdtemp(join(tmpdir(), "latchkey-temp-"));
  await chmod(temp, 0o755);
  await mkdir(join(temp, "t"), { mode: 0o777 });
  await writeFile(join(temp, "crash.mjs"), CRASH);
  const idp = await new FakeIdp().start();
  const env = {
    LATCHKEY_EGRESS_ALLOW: "127.0.0.1",
    LATCHKEY_METRICS_TOKEN: planted.token("metrics token"),
    TMPDIR: join(temp, "t"),
    NODE_OPTIONS: `--import=${join(temp, "crash.mjs")}`,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
    OTEL_EXPORTER_OTLP_HEADERS: `x-collector=${planted.word("collector's header")}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_BSP_SCHEDULE_DELAY: "200",
  };
  const server = await startLatchkey({ account: true, env });
  const { folder } = server;
  try {
    const story = await use(server, playwright.request, idp);
    expect(planted.names.length, planted.names.join(", ")).toBeGreaterThanOrEqual(40);
    const backup = join(temp, "backup.lk");
    await server.run("backup", backup);
    const file = await readFile(backup);
    expect(known.find(file).map((hit) => hit.name)).toEqual(known.names);
    expect(told("backup", planted.find(file))).toEqual([]);

    // In the middle of a refresh, with tokens in memory, an exception that nobody catches.
    const before = idp.calls.length;
    idp.next({ holdMs: 1_500 });
    const cut = story.refresh().catch(() => "cut");
    await expect.poll(() => idp.calls.length).toBeGreaterThan(before);
    await server.kill("SIGUSR2");
    await cut;
    expect(server.output()).toContain("a crash on purpose");
    expect(server.output()).toContain('"refresh"');
    expect(told("output", planted.find(server.output()))).toEqual([]);
    await searchFolder(folder);

    // And once more, killed.
    const again = await startLatchkey({ folder, env });
    try {
      await story.read(again.url);
    } finally {
      await again.kill("SIGKILL");
    }
    expect(told("output after the kill", planted.find(again.output()))).toEqual([]);
    await searchFolder(folder);

    const sent = Buffer.concat(spans);
    expect(sent.toString()).toContain("/api/oauth/callback");
    expect(told("spans", planted.find(sent))).toEqual([]);
    await search(join(temp, "t"));
    const dist = process.env.LATCHKEY_NEXT_DIST ?? "";
    for (const built of [`.next${dist}`, `dist${dist}`]) await search(built, {}, began);
  } finally {
    await server.stop();
    await rm(temp, { recursive: true, force: true });
    await idp.stop();
    await new Promise((resolve) => collector.close(resolve));
    await rm(folder, { recursive: true, force: true });
  }
});

type Requests = { newContext(options: object): Promise<APIRequestContext> };

/** Plants and uses everything by API, browser session and OAuth flow. Every answer is searched on the way. */
async function use(server: Latchkey, requests: Requests, idp: FakeIdp) {
  const { url } = server;
  planted.add("account password", ACCOUNT.password);
  planted.add("account's API key", ACCOUNT.apiKey);
  const basic = `Basic ${Buffer.from(`${ACCOUNT.email}:${ACCOUNT.apiKey}`).toString("base64")}`;
  const browser = await requests.newContext({ baseURL: url });
  const { csrfToken } = await (await browser.get("/api/auth/csrf")).json();
  await browser.post("/api/auth/callback/credentials", {
    headers: { origin: url },
    form: { csrfToken, email: ACCOUNT.email, password: ACCOUNT.password, json: "true" },
  });
  const cookie = (await browser.storageState()).cookies.find((one) => one.name === "latchkey.session");
  planted.add("session cookie", cookie?.value ?? "");

  const searched = async (about: string, answer: { text(): Promise<string> }, shows: string[]) => {
    const text = await answer.text();
    expect(told(about, planted.find(text, shows))).toEqual([]);
    return text;
  };
  const api = async (method: string, path: string, body?: unknown, shows: string[] = [], at = url) => {
    const headers = { authorization: basic, ...(body === undefined ? {} : { "content-type": "application/json" }) };
    const answer = await fetch(`${at}${path}`, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await searched(`${method} ${path}`, answer, shows);
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  };
  const inBrowser = async (method: string, path: string, body?: unknown, shows: string[] = []) => {
    const answer = await browser.fetch(path, { method, data: body, headers: { origin: url }, maxRedirects: 0 });
    const text = await searched(`${method} ${path} in a browser`, answer, shows);
    return { text, headers: answer.headers() };
  };

  const workspaceId = (await api("GET", "/v2/workspaces")).data[0].id;
  const secrets = `/v2/workspaces/${workspaceId}/secrets`;
  const ids: Record<string, string> = {};
  for (const { type, client, credentials, inClient, inCredentials } of plantSecrets(planted)) {
    const endpoints = {
      client_id: "client",
      auth_uri: `${idp.url}/authorize`,
      token_uri: `${idp.url}/token`,
      revocation_uri: `${idp.url}/revoke`,
    };
    const made =
      SECRET_TYPES[type].client === null
        ? null
        : await api(
            "POST",
            "/v2/auth-clients",
            {
              data: {
                type: "auth-client",
                attributes: {
                  type,
                  name: `Client ${type}`,
                  credentials: { ...(type === "oauth2" ? endpoints : {}), ...client },
                },
                relationships: { workspace: { data: { id: workspaceId, type: "workspace" } } },
              },
            },
            inClient,
          );
    if (type === "oauth2") idp.clients.set("client", { id: "client", secret: String(client.client_secret) });
    const secret = await api(
      "POST",
      secrets,
      {
        data: {
          type: "auth-secret",
          attributes: { name: known.add(`name of ${type}`, `Known ${type} ${Date.now()}`), type, credentials },
          ...(made ? { relationships: { auth_client: { data: { id: made.data.id, type: "auth-client" } } } } : {}),
        },
      },
      inCredentials,
    );
    ids[type] = secret.data.id;
    // A browser shows parameters of the authorization, which people edit, and no value.
    const shown = ["oauth2 credentials additional_params"];
    await inBrowser("GET", `${secrets}/${secret.data.id}`, undefined, shown);
    if (made) await inBrowser("GET", `/v2/auth-clients/${made.data.id}?workspace_id=${workspaceId}`);
    await inBrowser("GET", secrets, undefined, shown);
  }
  const secretId = ids.oauth2 as string;
  const shownHere = ["oauth2 credentials additional_params"];

  // The redirect flow.
  const away = await browser.get(`/api/oauth/authorize/${secretId}`, { maxRedirects: 0 });
  const binding = (await browser.storageState()).cookies.find((one) => one.name === "latchkey.connect");
  planted.add("browser binding", binding?.value ?? "");
  const back = await fetch(away.headers().location ?? "", { redirect: "manual" });
  const callback = new URL(back.headers.get("location") ?? "");
  for (const name of ["state", "code"]) planted.add(name, callback.searchParams.get(name) ?? "");
  expect((await inBrowser("GET", callback.pathname + callback.search)).headers.location).toContain("authorized=");
  planted.add("PKCE verifier", idp.calls[0]?.form.code_verifier ?? "");

  // Granted, refreshed, revealed, refused.
  const tokens = async (what: string) => {
    const answer = await fetch(`${url}${secrets}/${secretId}`, { headers: { authorization: basic } });
    const { credentials } = (await answer.json()).data.attributes;
    planted.add(`${what} access token`, credentials.access_token);
    planted.add(`${what} refresh token`, credentials.refresh_token);
  };
  await tokens("granted");
  const refresh = async () => {
    await age(server.folder);
    return inBrowser("POST", `${secrets}/${secretId}/refresh`, {}, shownHere);
  };
  const renewed = (await refresh()).text;
  expect(JSON.parse(renewed).data.attributes.generation, renewed).toBeGreaterThanOrEqual(3);
  await tokens("refreshed");
  await inBrowser("POST", `${secrets}/${secretId}/reveal`, { field: "access_token" }, ["refreshed access token"]);
  for (const name of ["refreshed refresh token", "oauth2 client client_secret", "PKCE verifier"])
    idp.next({ error: { status: 400, code: "invalid_request", description: `No: ${planted.valueOf(name)}` } });
  for (let i = 0; i < 3; i++) await refresh();
  await inBrowser("GET", `${secrets}/${secretId}/history`);

  // Latchkey's own keys, and a one-time code.
  const one = (type: string, attributes: object) => ({ data: { type, attributes } });
  const key = await browser.fetch("/v2/users/me/api-keys", {
    method: "POST",
    data: one("api-key", { name: "made" }),
    headers: { origin: url },
  });
  planted.add("made API key", (await key.json()).data.attributes.key);
  const task = await browser.fetch(`/v2/workspaces/${workspaceId}/task-identities`, {
    method: "POST",
    data: one("task-identity", { name: "made" }),
    headers: { origin: url },
  });
  planted.add("task identity's key", (await task.json()).data.attributes.api_key);
  planted.add("one-time code", /#(\S{20,})/.exec(await server.run("reset-password", ACCOUNT.email))?.[1] ?? "");
  await plantKeys(server.folder);

  // Badly, with values where none belongs.
  const wrong = planted.token("wrong value");
  for (const path of ["/v2/nothing", "/v2/workspaces", `${secrets}/${secretId}`, "/api/oauth/callback/x.y", "/no/page"])
    await inBrowser("GET", `${path}?api=${encodeURIComponent(wrong)}`, undefined, ["wrong value", ...shownHere]);
  await inBrowser("POST", secrets, { data: { type: wrong, attributes: { credentials: wrong, [wrong]: wrong } } }, [
    "wrong value",
  ]);

  // Pages as HTML and as flight data; metrics.
  const pages = [
    "secrets",
    "secrets/new",
    `secrets/${secretId}/edit`,
    `secrets?manage=${secretId}`,
    "auth-clients",
    "activity",
    "settings",
  ];
  for (const page of [...pages.map((name) => `/workspaces/${workspaceId}/${name}`), "/account", "/people"])
    for (const headers of [{}, { RSC: "1" }] as Record<string, string>[])
      await searched(page, await browser.get(page, { headers }), []);
  const metrics = await fetch(`${url}/metrics`, {
    headers: { authorization: `Bearer ${planted.valueOf("metrics token")}` },
  });
  expect(await searched("metrics", metrics, [])).toContain("latchkey_refresh_attempts_total");
  await browser.dispose();
  return {
    refresh: async () => {
      await age(server.folder);
      await api("POST", `${secrets}/${secretId}/refresh`, {}, planted.names);
    },
    read: (at: string) => api("GET", `${secrets}/${ids.basic}`, undefined, planted.names, at),
  };
}

/** Makes the token old enough to be refreshed, and what went wrong before forgotten. */
async function age(folder: string): Promise<void> {
  const { url } = JSON.parse(await readFile(join(folder, "embedded.json"), "utf8"));
  const sql = postgres(url, { max: 1 });
  await sql`update token_state set received_at = now() - interval '1 hour', failures = 0, problem = null, not_before = null`;
  await sql`delete from token_pace`;
  await sql.end();
}

/** The master key, every tenant's key and the instance's: opened here as the server opens them. */
async function plantKeys(folder: string): Promise<void> {
  const master = (await readFile(join(folder, "master.key"), "utf8")).trim();
  planted.addBytes("master key", Buffer.from(master, "base64"));
  const { url } = JSON.parse(await readFile(join(folder, "embedded.json"), "utf8"));
  planted.add("database's password", new URL(url).password);
  const sql = postgres(url, { max: 1 });
  try {
    const rows = await sql`select tenant_id, version, kek_id, wrapped from tenant_keys`;
    const keyring = new Keyring({
      keks: parseKeks(master),
      store: {
        load: async (tenantId) =>
          rows
            .filter((row) => row.tenant_id === tenantId)
            .map((row) => ({ version: row.version, kekId: row.kek_id, wrapped: row.wrapped })),
        insert: async () => true,
        reserveWraps: async () => 0,
      },
    });
    expect(rows.length).toBeGreaterThanOrEqual(2);
    for (const [i, row] of rows.entries())
      planted.addBytes(`key of tenant ${i}`, (await keyring.key(row.tenant_id, row.version)).export());
    install("keyring", keyring);
    const [mac] = await sql`select sealed from instance_values where name = 'mac-key'`;
    const place = {
      tenantId: INSTANCE_TENANT,
      table: "instance_values",
      rowId: "mac-key",
      field: "sealed",
      generation: 0,
    };
    planted.addBytes("instance's key", (await open(place, mac?.sealed)).reveal());
  } finally {
    await sql.end();
  }
}

/** Its files may hold a key only where an installation keeps its keys. */
async function searchFolder(folder: string): Promise<void> {
  const { pgdata } = JSON.parse(await readFile(join(folder, "embedded.json"), "utf8"));
  const found = await search(folder, { "master.key": ["master key"], "embedded.json": ["database's password"] });
  if (!pgdata.startsWith(folder)) found.push(...(await search(pgdata)));
  // What is no secret is in the write-ahead log and in a table's file.
  for (const place of [/\/pg_wal\/[0-9A-F]{24}$/, /\/base\/\d+\/\d+$/])
    expect(
      found.filter((path) => place.test(path)),
      String(place),
    ).not.toEqual([]);
}

/** Searches every file under a folder, or those written since; answers those that hold what was planted to be found. */
async function search(folder: string, may: Record<string, string[]> = {}, since = 0): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name);
    // The database removes files of its own while it ends.
    const about = await stat(path).catch(() => null);
    if (!about?.isFile() || about.mtimeMs < since) continue;
    const bytes = await readFile(path).catch(() => null);
    if (!bytes) continue;
    expect(told(path, planted.find(bytes, may[name]))).toEqual([]);
    if (known.find(bytes).length > 0) found.push(path);
  }
  return found;
}
