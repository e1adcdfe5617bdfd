import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { readSettings } from "@/lib/config";
import { openJson } from "@/lib/crypto/envelope";
import { openKeyring } from "@/lib/crypto/open-keyring";
import { closeDatabase } from "@/lib/db/client";
import { startEmbedded } from "@/lib/db/embedded";
import type { SealedTokens } from "@/lib/oauth/token-set";
import { install } from "@/lib/process";
import { tokenPlace } from "@/lib/refresher/token-place";
import { type Child, killChildren, startMeasured, startPart } from "./child";
import type { LoadOrder, LoadReport } from "./load";
import { buildEmptyNext } from "./next-app";
import { type PageSize, scriptsOfPage } from "./page-size";
import type { ProviderOrder, ProviderReport } from "./provider";
import { type Ground, type SeededSecret, seedBare, seedSecrets } from "./seed";
import type { Usage } from "./usage";

/**
 * `npm run bench`: starts the product as its users do and measures it beside bare programs on the same machine, database and
 * load, so that every figure that matters is a ratio within one run. Timing never fails it; a wrong count, an answer other
 * than 200 or a process that ends does.
 */

const ROOT = process.cwd();
const count = (name: string, fallback: number, max: number) =>
  Math.min(max, Math.max(1, Number(process.env[name]?.trim() || fallback)));
/** Due secrets refreshed in the measured part. */
const REFRESHES = count("LATCHKEY_BENCH_REFRESHES", 5_000, 20_000);
const WARM_UP_REFRESHES = 1_000;
const READERS = 1_000;
const CONNECTIONS = 32;
const SECRETS_READ = 1_000;
const ROUNDS = 3;
const ROUND_S = Number(process.env.LATCHKEY_BENCH_ROUND_S?.trim() || 2.5);
/** `read`, `refresh`, `readers`, `start`; all of them when unset. */
const ONLY = process.env.LATCHKEY_BENCH_ONLY?.trim();
const wanted = (part: string) => !ONLY || ONLY.split(",").includes(part);

const person = { email: "bench@example.com", password: `bench-${randomBytes(9).toString("base64url")}` };
const apiKey = `bench-${randomBytes(30).toString("base64url")}`;
const basic = `Basic ${Buffer.from(`${person.email}:${apiKey}`).toString("base64")}`;

const folder = await mkdtemp(join(tmpdir(), "latchkey-bench-"));
await chmod(folder, 0o755);
const dataDir = join(folder, "data");
const logFile = join(folder, "latchkey.log");
const closing: (() => Promise<unknown>)[] = [];
const table: string[] = [];

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.once(signal, () => void clean().then(() => process.exit(130)));

try {
  await bench();
  process.stdout.write(`\n${table.join("\n")}\n`);
} catch (error) {
  process.exitCode = 1;
  process.stderr.write(`\nThe bench broke: ${error instanceof Error ? error.stack : String(error)}\n`);
  const log = await readFile(logFile, "utf8").catch(() => "");
  const errors = log.split("\n").filter((line) => !line.includes('"level":30'));
  process.stderr.write(`${errors.slice(-15).join("\n")}\n`);
} finally {
  await clean();
}
process.exit();

async function clean(): Promise<void> {
  for (const close of closing.splice(0).reverse()) await close().catch(() => undefined); // What is gone needs no closing.
  killChildren();
  await rm(folder, { recursive: true, force: true });
}

// ---------------------------------------------------------------- the run

async function bench(): Promise<void> {
  const provider = startPart("provider");
  const providerUrl = `http://127.0.0.1:${await portOf(provider)}`;
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const base = {
    PORT: String(port),
    LATCHKEY_DATA_DIR: dataDir,
    LATCHKEY_EGRESS_ALLOW: new URL(providerUrl).host,
    LATCHKEY_BOOTSTRAP_EMAIL: person.email,
    LATCHKEY_BOOTSTRAP_PASSWORD: person.password,
    LATCHKEY_BOOTSTRAP_API_KEY: apiKey,
    ...passedOn(),
  };

  say("Starting Latchkey on a new data folder");
  const server = await measured("dist/server.mjs", base, `Latchkey is ready`);
  const idle = await usageAfter(server, 1_500);
  const memory = JSON.parse(await readFile(join(dataDir, "embedded.json"), "utf8")) as { url: string };
  const owner = postgres(memory.url, { max: 2, onnotice: () => {} });
  await useKeys(memory.url);
  const ground = await makeGround(owner, url, providerUrl);
  say("Writing the secrets");
  const read = await seedSecrets(owner, ground, SECRETS_READ, "Read");
  const bare = await seedBare(owner, { values: SECRETS_READ, tokens: REFRESHES + WARM_UP_REFRESHES });

  let page: PageSize | null = null;
  let loaded: Usage | null = null;
  if (wanted("start"))
    page = await scriptsOfPage(url, person, `/workspaces/${ground.workspaceId}/secrets`, join(ROOT, ".next"));
  if (wanted("read")) {
    await readFigures(port, memory.url, bare, ground.workspaceId, read);
    loaded = await server.usage();
  }
  await closeDatabase();
  await owner.end();
  await server.stop();

  if (wanted("start")) {
    say("Starting it a second time, with npm start");
    const seconds = await secondStart(base);
    rows("Start and size", [
      ["ready after a second npm start", `${seconds.toFixed(2)} s`],
      ["memory idle (Node process)", mb(idle.rssBytes)],
      ["memory after the read load", loaded ? mb(loaded.rssBytes) : "not run"],
      [
        "scripts of the secrets page",
        page ? `${page.scripts} files, ${kb(page.bytes)}, ${kb(page.gzipBytes)} gzipped` : "not run",
      ],
    ]);
  }
  if (!wanted("refresh") && !wanted("readers")) return;

  const database = await startEmbedded(dataDir, () => {});
  closing.push(() => database.stop());
  await useKeys(database.url);
  const again = postgres(database.url, { max: 2, onnotice: () => {} });
  closing.push(() => again.end({ timeout: 2 }), closeDatabase);
  const shared = { ...base, DATABASE_URL: database.url, LATCHKEY_MASTER_KEY_FILE: join(dataDir, "master.key") };
  if (wanted("refresh")) await refreshFigures(again, shared, ground, provider, providerUrl, bare.key);
  if (wanted("readers")) await readerFigures(again, shared, ground, provider);
  await provider.stop();
}

// ---------------------------------------------------------------- reads

async function readFigures(
  port: number,
  databaseUrl: string,
  bare: { key: string; ids: string[] },
  workspaceId: string,
  secrets: SeededSecret[],
): Promise<void> {
  say("Building an empty Next app to compare with");
  await buildEmptyNext(join(ROOT, "dist", "bench", "next"));
  const bareServer = startPart("bare-read", { BENCH_DATABASE_URL: databaseUrl, BENCH_KEY: bare.key });
  const nextServer = startPart("next-server", { BENCH_NEXT_DIR: join(ROOT, "dist", "bench", "next") });
  const load = startPart("load");
  const paths = secrets.map(({ id }) => `/v2/workspaces/${workspaceId}/secrets/${id}`);
  const order = (port: number, paths: string[], headers: string[] = []): LoadOrder => ({
    port,
    paths,
    headers,
    connections: CONNECTIONS,
    warmUpS: 0.7,
    seconds: ROUND_S,
  });
  const headers = [`Authorization: ${basic}`];
  const contestants = {
    bare: order(
      await portOf(bareServer),
      bare.ids.map((id) => `/${id}`),
    ),
    secret: order(port, paths, headers),
    token: order(
      port,
      paths.map((path) => `${path}/token`),
      headers,
    ),
    next: order(await portOf(nextServer), ["/empty"]),
  };
  const seen: Record<keyof typeof contestants, LoadReport[]> = { bare: [], secret: [], token: [], next: [] };
  for (let round = 1; round <= ROUNDS; round++) {
    say(`Reading, round ${round} of ${ROUNDS}`);
    for (const [name, contestant] of Object.entries(contestants)) {
      const report = await load.ask<LoadReport>(contestant);
      if (report.bad > 0) throw new Error(`${name}: ${report.bad} answers were bad, the first: ${report.firstBad}`);
      seen[name as keyof typeof contestants].push(report);
    }
  }
  await Promise.all([bareServer.stop(), nextServer.stop(), load.stop()]);
  const best = (name: keyof typeof contestants) => median(seen[name]);
  const [b, n] = [best("bare"), best("next")];
  const line = (title: string, report: LoadReport): [string, string] => [
    title,
    `${fixed(report.perSecond, 7)}/s   p50 ${report.p50Ms.toFixed(1)} ms  p99 ${report.p99Ms.toFixed(1)} ms   ` +
      `${(report.perSecond / b.perSecond).toFixed(2)} of bare   ${(report.perSecond / n.perSecond).toFixed(1)} × Next`,
  ];
  rows(
    `Reads, ${CONNECTIONS} connections, median of ${ROUNDS} rounds (aims: secret and token ≥ 0.50 of bare, ≥ 3 × Next)`,
    [
      line("bare node:http, select, AES-GCM", b),
      line("secret (auth, permission, audit, log)", best("secret")),
      line("its token (the same)", best("token")),
      line("empty Next route handler", n),
    ],
  );
}

// ---------------------------------------------------------------- refreshes

async function refreshFigures(
  owner: postgres.Sql,
  env: Record<string, string>,
  ground: Ground,
  provider: Child,
  providerUrl: string,
  bareKey: string,
): Promise<void> {
  const all = REFRESHES + WARM_UP_REFRESHES;
  const secrets = await seedSecrets(owner, ground, all, "Refresh");

  say(`Refreshing ${REFRESHES} secrets with the bare loop`);
  const bareLoop = startMeasured(
    part("bare-refresh"),
    {
      BENCH_DATABASE_URL: env.DATABASE_URL as string,
      BENCH_KEY: bareKey,
      BENCH_PROVIDER: providerUrl,
    },
    logFile,
  );
  await bareLoop.line("ready");
  const bareRun = async (amount: number) => {
    await owner`update bench_tokens set due_at = now() - random() * interval '60 s' where id in (
      select id from bench_tokens where n = 0 limit ${amount})`;
    const before = await bareLoop.usage();
    const began = performance.now();
    const { refreshed } = await bareLoop.ask<{ refreshed: number }>("run");
    const ms = performance.now() - began;
    if (refreshed !== amount) throw new Error(`The bare loop refreshed ${refreshed} of ${amount}`);
    return { perSecond: (amount / ms) * 1000, cpuUs: ((await bareLoop.usage()).cpuUs - before.cpuUs) / amount };
  };
  await bareRun(WARM_UP_REFRESHES);
  const bare = await bareRun(REFRESHES);
  await bareLoop.stop();

  say(`Refreshing ${REFRESHES} secrets with one worker`);
  await provider.ask({ kind: "forget" } satisfies ProviderOrder);
  const worker = await measured("dist/server.mjs", { ...env, LATCHKEY_ROLE: "worker" }, "Latchkey's worker is ready");
  const ids = secrets.map(({ id }) => id);
  const workerRun = async (chosen: string[]) => {
    await owner`vacuum token_state`;
    const before = await worker.usage();
    await provider.ask({ kind: "forget" } satisfies ProviderOrder);
    await owner`update token_state set refresh_due_at = now() - random() * interval '60 s' where secret_id = any(${chosen})`;
    const last = await until(async () => {
      const report = await provider.ask<ProviderReport>({ kind: "report" } satisfies ProviderOrder);
      if (report.calls < chosen.length) return null;
      const [row] = await owner<{ left: number }[]>`
        select count(*)::int as left from token_state where secret_id = any(${chosen}) and generation = 1`;
      return row?.left === 0 ? { report, at: Date.now() } : null;
    });
    const after = await worker.usage();
    const ms = last.at - last.report.firstCallAt;
    return {
      perSecond: (chosen.length / ms) * 1000,
      cpuUs: (after.cpuUs - before.cpuUs) / chosen.length,
      report: last.report,
    };
  };
  const warmUp = await workerRun(ids.slice(0, WARM_UP_REFRESHES));
  const run = await workerRun(ids.slice(WARM_UP_REFRESHES));
  const memory = await worker.usage();
  await worker.stop();
  const truth = { calls: warmUp.report.calls + run.report.calls, replays: warmUp.report.replays + run.report.replays };
  const lost = await countLost(owner, ground, secrets, run.report.grants);
  if (lost > 0 || truth.replays > 0 || truth.calls !== all)
    throw new Error(`${truth.calls} calls for ${all} secrets, ${truth.replays} repeated, ${lost} lost`);
  rows(
    `Refreshing ${REFRESHES} due secrets, one worker (aims: ≥ 0.40 of the bare loop's throughput, ≤ 2.5 × its CPU)`,
    [
      ["bare loop", `${fixed(bare.perSecond, 7)}/s   ${fixed(bare.cpuUs, 4)} µs of Node CPU each`],
      [
        "worker (lease, guard, ledger, timeline)",
        `${fixed(run.perSecond, 7)}/s   ${fixed(run.cpuUs, 4)} µs of Node CPU each   ` +
          `${(run.perSecond / bare.perSecond).toFixed(2)} of bare   ${(run.cpuUs / bare.cpuUs).toFixed(2)} × its CPU`,
      ],
      ["counted at the provider", `${truth.calls} calls for ${all} secrets, 0 lost, 0 doubled`],
      ["memory of the worker after it", mb(memory.rssBytes)],
    ],
  );
}

/** Secrets whose stored refresh token is not the one that the provider takes next. */
async function countLost(
  owner: postgres.Sql,
  { tenantId }: Ground,
  secrets: SeededSecret[],
  grants: Record<string, number>,
): Promise<number> {
  const stored = await owner<{ secret_id: string; generation: number; sealed: Buffer }[]>`
    select secret_id, generation, sealed from token_state where secret_id = any(${secrets.map(({ id }) => id)})`;
  const byId = new Map(stored.map((row) => [row.secret_id, row]));
  let lost = 0;
  for (const { id, grant } of secrets) {
    const row = byId.get(id);
    if (!row) throw new Error(`The secret ${id} has gone`);
    const tokens = await openJson<SealedTokens>(tokenPlace(tenantId, id, row.generation), row.sealed);
    if (tokens.reveal().refresh_token !== `r.${grant}.${grants[grant] ?? 0}`) lost += 1;
  }
  return lost;
}

// ---------------------------------------------------------------- readers of one expired token

async function readerFigures(
  owner: postgres.Sql,
  env: Record<string, string>,
  ground: Ground,
  provider: Child,
): Promise<void> {
  say(`${READERS} readers of one expired token, two processes`);
  const ports = [await freePort(), await freePort()];
  const web = await Promise.all(
    ports.map((port) =>
      measured("dist/server.mjs", { ...env, PORT: String(port), LATCHKEY_ROLE: "web" }, "Latchkey is ready"),
    ),
  );
  const loads = ports.map(() => startPart("load"));
  const [secret] = await seedSecrets(owner, ground, 1, "Storm");
  if (!secret) throw new Error("No secret was made");
  const path = `/v2/workspaces/${ground.workspaceId}/secrets/${secret.id}/token`;
  const order = (port: number, connections: number): LoadOrder => ({
    port,
    paths: [path],
    headers: [`Authorization: ${basic}`],
    connections,
    warmUpS: 0,
    seconds: 0,
    once: true,
  });
  // One read each before, so that what is measured is the storm and not the first opening of everything.
  await Promise.all(loads.map((load, i) => load.ask<LoadReport>(order(ports[i] as number, 1))));
  await provider.ask({ kind: "forget" } satisfies ProviderOrder);
  await provider.ask({ kind: "delay", ms: 300 } satisfies ProviderOrder);
  await owner`update token_state set expires_at = now() - interval '1 s', refresh_due_at = now() - interval '1 s'
    where secret_id = ${secret.id}`;
  const reports = await Promise.all(
    loads.map((load, i) => load.ask<LoadReport>(order(ports[i] as number, READERS / ports.length))),
  );
  const { calls } = await provider.ask<ProviderReport>({ kind: "delay", ms: 0 } satisfies ProviderOrder);
  await Promise.all([...web, ...loads].map((child) => child.stop()));
  const served = reports.reduce((sum, report) => sum + report.answers, 0);
  const bad = reports.find((report) => report.bad > 0);
  if (calls !== 1 || served !== READERS || bad)
    throw new Error(`${calls} calls to the provider, ${served} of ${READERS} readers served; ${bad?.firstBad ?? ""}`);
  const slowest = Math.max(...reports.map((report) => report.p99Ms));
  rows(`${READERS} readers of one expired token over two processes (aim: 1 call)`, [
    ["calls to the provider", `${calls}`],
    ["readers served", `${served}; 99 of 100 within ${slowest.toFixed(0)} ms, of which the provider takes 300`],
  ]);
}

// ---------------------------------------------------------------- start

/** Seconds from `npm start` to its ready line, as a person at a terminal sees it. */
async function secondStart(env: Record<string, string>): Promise<number> {
  const began = performance.now();
  const child = spawn("npm", ["start"], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const seconds = await new Promise<number>((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
      if (text.includes("Latchkey is ready")) resolve((performance.now() - began) / 1000);
    });
    child.once("error", reject);
    void ended.then(() => reject(new Error(`npm start ended\n${text}`)));
  });
  child.kill("SIGTERM");
  await ended;
  return seconds;
}

// ---------------------------------------------------------------- helpers

/** Gives this process the instance's keys, so that it can seal and open what the product does. */
async function useKeys(databaseUrl: string): Promise<void> {
  install(
    "settings",
    readSettings({ DATABASE_URL: databaseUrl, LATCHKEY_MASTER_KEY_FILE: join(dataDir, "master.key") }),
  );
  install("databaseUrl", databaseUrl);
  await openKeyring(() => {});
}

/** Workspace of the first account, and an auth client of the provider in it, made through the API. */
async function makeGround(owner: postgres.Sql, url: string, providerUrl: string): Promise<Ground> {
  const api = async (path: string, body?: unknown) => {
    const response = await fetch(`${url}${path}`, {
      method: body ? "POST" : "GET",
      headers: { authorization: basic, "content-type": "application/json" },
      body: body ? JSON.stringify(body) : undefined,
    });
    const document = (await response.json()) as { data: { id: string } & { id: string }[] };
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${JSON.stringify(document)}`);
    return document.data;
  };
  const workspaceId = (await api("/v2/workspaces"))[0]?.id as string;
  const client = await api("/v2/auth-clients", {
    data: {
      type: "auth-client",
      attributes: {
        name: "Bench provider",
        type: "oauth2",
        credentials: {
          client_id: "bench",
          client_secret: "bench-secret",
          auth_uri: `${providerUrl}/authorize`,
          token_uri: `${providerUrl}/token`,
          refresh_token_uri: `${providerUrl}/token`,
          token_endpoint_auth_method: "client_secret_post",
        },
      },
      relationships: { workspace: { data: { id: workspaceId, type: "workspace" } } },
    },
  });
  const [place] = await owner<{ tenant_id: string }[]>`select tenant_id from workspaces where id = ${workspaceId}`;
  const tenantId = place?.tenant_id as string;
  return { tenantId, workspaceId, authClientTenantId: tenantId, authClientId: client.id };
}

async function measured(script: string, env: Record<string, string>, readyLine: string): Promise<Child> {
  const child = startMeasured(join(ROOT, script), env, logFile);
  await child.line(readyLine);
  return child;
}

function part(name: string): string {
  return fileURLToPath(new URL(`./${name}.mjs`, import.meta.url));
}

async function usageAfter(child: Child, ms: number): Promise<Usage> {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return child.usage();
}

async function portOf(child: Child): Promise<number> {
  return Number((await child.line("port ")).slice("port ".length));
}

/** Asks every 20 ms until there is an answer; two minutes at most. */
async function until<T>(look: () => Promise<T | null>): Promise<T> {
  const end = Date.now() + 120_000;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (Date.now() > end) throw new Error("It did not end within two minutes");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Settings of the caller's environment that a bench may be run with. */
function passedOn(): Record<string, string> {
  const names = ["PATH", "LATCHKEY_DB_POOL", "LATCHKEY_LOG_LEVEL"];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name] as string]] : [])));
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() =>
        typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}

function median(reports: LoadReport[]): LoadReport {
  const sorted = [...reports].sort((a, b) => a.perSecond - b.perSecond);
  return sorted[Math.floor(sorted.length / 2)] as LoadReport;
}

function rows(title: string, lines: [string, string][]): void {
  const width = Math.max(...lines.map(([name]) => name.length));
  const text = [title, ...lines.map(([name, value]) => `  ${name.padEnd(width)}   ${value}`), ""];
  table.push(...text);
  process.stdout.write(`\n${text.join("\n")}\n`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function fixed(value: number, width: number): string {
  return String(Math.round(value)).padStart(width);
}

function mb(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MB`;
}

function kb(bytes: number): string {
  return `${Math.round(bytes / 1024)} KB`;
}
