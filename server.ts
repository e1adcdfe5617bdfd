import { Worker } from "node:worker_threads";
import { DatabaseUnfitError, migrateDatabase } from "@/drizzle/migrate";
import { prepareFirstStart } from "@/lib/accounts/bootstrap";
import { SettingsError, settings } from "@/lib/config";
import { followMasterKeys } from "@/lib/crypto/keep-keks";
import { closeKeyring, openKeyring } from "@/lib/crypto/open-keyring";
import { closeDatabase } from "@/lib/db/client";
import { lockDataFolder } from "@/lib/db/data-folder-lock";
import { type EmbeddedServer, joinEmbedded, startEmbedded } from "@/lib/db/embedded";
import { LaunchError } from "@/lib/db/launch-error";
import { flushChecks } from "@/lib/endpoints/checks";
import { gracefulEnd } from "@/lib/http/graceful-end";
import { listen } from "@/lib/http/listen";
import { type Handler, prepareNext } from "@/lib/http/next-handler";
import { router, starting, workerRouter } from "@/lib/http/routers";
import { recordStart } from "@/lib/instance/start";
import { startWorker } from "@/lib/jobs/worker";
import { errorFields, log } from "@/lib/observability/log";
import { startTracing } from "@/lib/observability/tracing";
import { install, installed } from "@/lib/process";
import { drainRefreshes } from "@/lib/refresher/ensure-fresh";
import type { StartThread } from "@/lib/secret-use/sql/threads";

/**
 * The production entry, and with `LATCHKEY_DEVELOPMENT` the one of `npm run dev`: everything a process does from its
 * settings to its end, top to bottom. scripts/lib/build.mjs bundles it; scripts/start.mjs imports it.
 */

/** Set by the bundler. */
declare const LATCHKEY_DEVELOPMENT: boolean;

/** Answers and refreshes under way get this long after SIGTERM or Ctrl-C, so that 30 s are enough for all of it (C27) ... */
const DRAIN_MS = 28_000;
/** ... and this long when the parent died: every process must be gone within 5 s of that. */
const ORPHAN_DRAIN_MS = 2_500;
/** The last spans are worth no more. */
const TRACING_MS = 2_000;
/** Saying that this process needs no key any more; the others notice by themselves. */
const KEYS_MS = 2_000;
/** The embedded server, when it takes its time. */
const CLOSE_MS = 11_000;
/** npm passes a terminal's Ctrl-C on, so one press arrives twice; only a later one means "now". */
const SAME_PRESS_MS = 700;
const JOIN_PATIENCE_MS = 30_000;

/** The bundler lays the program of SQL's threads beside this one. */
const startSqlThread: StartThread = (options) => new Worker(new URL("./sql-thread.mjs", import.meta.url), options);
install("startSqlThread", startSqlThread);

const say = (line: string) => void process.stdout.write(`${line}\n`);
/** What has been started, each with its end; ended in this order, the first two together. */
const ending: Partial<
  Record<
    "answers" | "worker" | "refreshes" | "checks" | "tracing" | "keys" | "database" | "embedded" | "lock",
    () => Promise<void>
  >
> = {};
const answers = gracefulEnd();
let stopping: Promise<void> | undefined;
/** Set as soon as anything is being ended, also after a failed start. */
let unwinding = false;

/** Resolves when this process serves; `stop` ends everything it started. Never rejects: a failed start prints why and exits 1. */
export const ready: Promise<{ url: string; stop(code?: number): Promise<void> }> = main().catch(
  async (error: unknown) => {
    explain(error);
    await unwind();
    process.exit(1);
  },
);

async function main(): Promise<{ url: string; stop(code?: number): Promise<void> }> {
  watchSignals();
  watchParent();
  const { url, role, tracing, workerPort, host, port } = settings();
  // next-auth reads its public address from the environment only.
  process.env.NEXTAUTH_URL = url;
  if (role !== "worker") warnAboutPlainHttp();
  if (tracing.complaint) say(`Warning: ${tracing.complaint}.`);
  ending.tracing = await startTracing();

  let serve: Handler = starting;
  const openDoor = async (port: number, setting: "PORT" | "LATCHKEY_WORKER_PORT") => {
    const door: Handler = (request, response) => {
      answers.begun(response);
      serve(request, response);
    };
    const server = await listen(door, { host, port, setting });
    ending.answers = () => answers.end(server, orphaned ? 0 : settings().stopDelayMs, left());
  };
  if (role === "worker") {
    if (workerPort !== undefined) await openDoor(workerPort, "LATCHKEY_WORKER_PORT");
    await joinDatabase();
  } else {
    if (!settings().databaseUrl) {
      const lock = await lockDataFolder(settings().dataDir, url);
      ending.lock = () => lock.release();
    }
    if (role === "all") await openDoor(port, "PORT");
    await openDatabase();
  }

  await migrateDatabase(databaseUrl(), say);
  ending.database = closeDatabase;
  ending.refreshes = () => drainRefreshes(left());
  ending.checks = flushChecks;
  await recordStart(await openKeyring(say));
  const unfollow = followMasterKeys(recordStart);
  ending.keys = async () => {
    await unfollow();
    await closeKeyring();
  };

  if (role === "worker") {
    await work();
    serve = workerRouter();
    say(
      workerPort === undefined
        ? "Latchkey's worker is ready; it has no web address."
        : `Latchkey's worker is ready; its health and metrics: http://${host}:${workerPort}/metrics`,
    );
    return { url, stop };
  }

  const { setupCode } = await prepareFirstStart();
  const toNext = await prepareNext({
    development: LATCHKEY_DEVELOPMENT,
    host,
    port,
    traced: tracing.encoding !== null,
  });
  if (role === "all") await work();
  serve = router(toNext, { url, development: LATCHKEY_DEVELOPMENT });
  // Behind a proxy a refused connection is asked of the next process, also for what is not repeated; "starting" is an answer.
  if (role === "web") await openDoor(port, "PORT");
  say(`Latchkey is ready: ${url}`);
  if (setupCode) {
    say("Nobody has an account here yet. Open this link to make the first one; it works once, until the next start:");
    say(`Set up: ${url}/setup#${setupCode}`);
  }
  return { url, stop };
}

// ---------------------------------------------------------------- database

function databaseUrl(): string {
  return installed<string>("databaseUrl") ?? (settings().databaseUrl as string);
}

async function openDatabase(): Promise<void> {
  if (settings().databaseUrl) return;
  let server = await startEmbedded(settings().dataDir, say);
  install("databaseUrl", server.url);
  ending.embedded = () => server.stop();
  // A server that dies under us (killed, out of memory) is started again; readers see a few seconds of 503.
  const watch = (running: EmbeddedServer): void => {
    running.died
      .then(async () => {
        if (unwinding) return;
        say("The database server ended by itself; starting it again.");
        server = await startEmbedded(settings().dataDir, say);
        if (install("databaseUrl", server.url) !== running.url) await closeDatabase();
        watch(server);
      })
      .catch((error: unknown) => {
        explain(error);
        void stop(1);
      });
  };
  watch(server);
}

/** A worker without DATABASE_URL uses the server of the process that owns the folder, and follows it to a new port. */
async function joinDatabase(): Promise<void> {
  if (settings().databaseUrl) return;
  const { dataDir } = settings();
  const until = Date.now() + JOIN_PATIENCE_MS;
  let joined = await joinEmbedded(dataDir);
  if (!joined) say(`Waiting for the Latchkey that owns ${dataDir} to start`);
  while (!joined) {
    if (Date.now() > until)
      throw new LaunchError(
        `No Latchkey runs on the data folder ${dataDir}. Start one there first (npm start), or set DATABASE_URL.`,
      );
    await new Promise((resolve) => setTimeout(resolve, 300));
    joined = await joinEmbedded(dataDir);
  }
  install("databaseUrl", joined.url);
}

async function work(): Promise<void> {
  let worker = startWorker();
  ending.worker = () => worker.stop(left());
  if (settings().role !== "worker" || settings().databaseUrl) return;
  const follow = setInterval(async () => {
    try {
      const now = await joinEmbedded(settings().dataDir);
      if (!now || now.url === databaseUrl() || unwinding) return;
      say("The database moved; following it.");
      await worker.stop(DRAIN_MS);
      await closeDatabase();
      install("databaseUrl", now.url);
      worker = startWorker();
    } catch (error) {
      log.error("database_follow_failed", errorFields(error));
    }
  }, 2_000);
  follow.unref();
}

// ---------------------------------------------------------------- end

let orphaned = false;
let drainUntil = Number.POSITIVE_INFINITY;
/** What is left of the time to drain, ms. */
const left = () => Math.max(0, drainUntil - performance.now());

/** Ends all that was started, last first, once. */
function stop(code = 0): Promise<void> {
  stopping ??= (async () => {
    await unwind();
    process.exit(code);
  })();
  return stopping;
}

async function unwind(): Promise<void> {
  unwinding = true;
  const drainMs = orphaned ? ORPHAN_DRAIN_MS : DRAIN_MS;
  drainUntil = performance.now() + drainMs;
  setTimeout(() => process.exit(process.exitCode || 1), drainMs + CLOSE_MS + 1_000).unref();
  const finish = async (name: keyof typeof ending, limitMs = left() + 500) => {
    const step = ending[name];
    delete ending[name];
    try {
      await Promise.race([step?.(), new Promise((resolve) => setTimeout(resolve, limitMs).unref())]);
    } catch (error) {
      process.stderr.write(`While stopping: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  };
  await Promise.all([finish("answers"), finish("worker")]);
  await finish("refreshes");
  await finish("checks", CLOSE_MS);
  await finish("tracing", TRACING_MS);
  await finish("keys", KEYS_MS);
  await finish("database", CLOSE_MS);
  await finish("embedded", CLOSE_MS);
  await finish("lock", CLOSE_MS);
}

function watchSignals(): void {
  let first = 0;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      if (!first) {
        first = Date.now();
        say("Stopping; once more to stop at once.");
        void stop();
      } else if (Date.now() - first > SAME_PRESS_MS) process.exit(130);
    });
  process.on("uncaughtException", (error) => {
    explain(error);
    void stop(1);
  });
  process.on("unhandledRejection", (reason) => log.error("unhandled_rejection", errorFields(reason)));
}

/** npm, a terminal or a supervisor that is killed leaves us behind: end then. scripts/start.mjs noted who it was. */
function watchParent(): void {
  const parent = installed<number>("parentPid") ?? process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    orphaned = true;
    setTimeout(() => process.exit(1), 4_000).unref();
    void stop();
  }, 300);
  timer.unref();
}

function warnAboutPlainHttp(): void {
  const { url, secure } = settings();
  const { hostname } = new URL(url);
  if (secure || /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)) return;
  say(
    `Warning: LATCHKEY_URL is plain http on ${hostname}. Passwords, sessions and tokens can be read on the way. ` +
      "Put an https proxy in front and set LATCHKEY_URL to its address.",
  );
}

/** What a person can mend is said plainly; anything else comes with its stack. */
function explain(error: unknown): void {
  const plain = error instanceof SettingsError || error instanceof LaunchError || error instanceof DatabaseUnfitError;
  const text = error instanceof Error ? (plain ? error.message : error.stack) : String(error);
  process.stderr.write(`\n${text}\n`);
}
