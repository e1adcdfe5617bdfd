import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { closeDatabase } from "@/lib/db/client";
import { startEmbedded } from "@/lib/db/embedded";
import { freePort } from "@/lib/db/free-port";
import { type Child, killChildren, startPart } from "./child";
import { postmasterOf } from "./database-usage";
import { makeGround, useKeys } from "./ground";
import { growthFigures } from "./growth";
import { guardFigures } from "./guard-figures";
import { outboundFigures } from "./outbound-figures";
import { type PageSize, scriptsOfPage, signIn } from "./page-size";
import { type Bench, measured, portOf } from "./parts";
import { readFigures } from "./read-figures";
import { readerFigures } from "./reader-figures";
import { REFRESHES, refreshFigures, WARM_UP_REFRESHES } from "./refresh-figures";
import { kb, mb, rows, say, table } from "./report";
import { scaleOutFigures } from "./scale-out";
import { secondStart } from "./second-start";
import { seedBare, seedSecrets } from "./seed";
import { sqlFigures } from "./sql-figures";
import type { Usage } from "./usage";

/**
 * `npm run bench`: starts the product as its users do and measures it beside bare programs on the same machine, database and
 * load, so that every figure that matters is a ratio within one run. Timing never fails it; a wrong count, an answer other
 * than 200 or a process that ends does.
 */

const ROOT = process.cwd();
const SECRETS_READ = 1_000;
/** `read`, `outbound`, `guard`, `sql`, `refresh`, `readers`, `scale`, `growth`, `start`; all of them when unset. */
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
const bench: Bench = { root: ROOT, basic, logFile, closing };

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.once(signal, () => void clean().then(() => process.exit(130)));

try {
  await run();
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

async function run(): Promise<void> {
  const provider = startPart("provider");
  const providerUrl = `http://127.0.0.1:${await portOf(provider)}`;
  const api = startPart("outbound-api");
  const apiPort = await portOf(api);
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const base = {
    PORT: String(port),
    LATCHKEY_DATA_DIR: dataDir,
    // Databases are started when it is their turn, on ports of their own.
    LATCHKEY_EGRESS_ALLOW: [
      new URL(providerUrl).host,
      `127.0.0.1:${apiPort}`,
      ...(wanted("sql") ? ["127.0.0.1"] : []),
    ].join(),
    LATCHKEY_BOOTSTRAP_EMAIL: person.email,
    LATCHKEY_BOOTSTRAP_PASSWORD: person.password,
    LATCHKEY_BOOTSTRAP_API_KEY: apiKey,
    ...passedOn(),
  };

  say("Starting Latchkey on a new data folder");
  const server = await measured(bench, "dist/server.mjs", base, `Latchkey is ready`);
  const idle = await usageAfter(server, 1_500);
  const memory = JSON.parse(await readFile(join(dataDir, "embedded.json"), "utf8")) as { url: string };
  const owner = postgres(memory.url, { max: 2, onnotice: () => {} });
  await useKeys(memory.url, dataDir);
  const ground = await makeGround(owner, { url, basic, providerUrl });
  say("Writing the secrets");
  const read = await seedSecrets(owner, ground, SECRETS_READ, "Read");
  const bare = await seedBare(owner, { values: SECRETS_READ, tokens: REFRESHES + WARM_UP_REFRESHES });

  let page: PageSize | null = null;
  let loaded: Usage | null = null;
  if (wanted("start"))
    page = await scriptsOfPage(
      await signIn(url, person),
      `/workspaces/${ground.workspaceId}/secrets`,
      join(ROOT, ".next"),
    );
  if (wanted("read")) {
    const target = { server, port, databaseUrl: memory.url, postmaster: await postmasterOf(owner) };
    await readFigures(bench, target, bare, ground.workspaceId, read);
    loaded = await server.usage();
  }
  if (wanted("outbound")) {
    const postmaster = await postmasterOf(owner);
    await outboundFigures(bench, { server, url, apiPort, workspaceId: ground.workspaceId, postmaster });
  }
  if (wanted("guard")) await guardFigures(bench, { server, port, url, workspaceId: ground.workspaceId });
  if (wanted("sql"))
    await sqlFigures(bench, {
      server,
      url,
      workspaceId: ground.workspaceId,
      postmaster: await postmasterOf(owner),
      folder,
    });
  await api.stop();
  await closeDatabase();
  await owner.end();
  await server.stop();

  if (wanted("start")) {
    say("Starting it a second time, with npm start");
    const seconds = await secondStart(bench, base);
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
  if (!["refresh", "readers", "scale", "growth"].some(wanted)) return;

  const database = await startEmbedded(dataDir, () => {});
  closing.push(() => database.stop());
  await useKeys(database.url, dataDir);
  const again = postgres(database.url, { max: 2, onnotice: () => {} });
  closing.push(() => again.end({ timeout: 2 }), closeDatabase);
  const shared = { ...base, DATABASE_URL: database.url, LATCHKEY_MASTER_KEY_FILE: join(dataDir, "master.key") };
  if (wanted("refresh")) await refreshFigures(bench, again, shared, ground, provider, providerUrl, bare.key);
  if (wanted("readers")) await readerFigures(bench, again, shared, ground, provider);
  if (wanted("scale")) await scaleOutFigures(bench, again, shared, ground, provider, folder);
  if (wanted("growth")) await growthFigures(bench, again, shared, ground, provider, person);
  await provider.stop();
}

// ---------------------------------------------------------------- helpers

async function usageAfter(child: Child, ms: number): Promise<Usage> {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return child.usage();
}

/** Settings of the caller's environment that a bench may be run with. */
function passedOn(): Record<string, string> {
  const names = ["PATH", "LATCHKEY_DB_POOL", "LATCHKEY_LOG_LEVEL"];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name] as string]] : [])));
}
