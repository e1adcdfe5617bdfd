import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
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
import { AppError } from "@/lib/errors";
import { overwriteForwarded } from "@/lib/http/forwarded";
import { gracefulEnd } from "@/lib/http/graceful-end";
import { HOT_ROUTES, WORKER_ROUTES } from "@/lib/http/hot-routes";
import { loggablePath } from "@/lib/http/key-in-url";
import { limitedServer } from "@/lib/http/limited-server";
import { answer, hotMatcher, MAX_BODY_BYTES, refuse } from "@/lib/http/node-entry";
import { normalise } from "@/lib/http/normalise";
import { promiseHooksWhileNeeded } from "@/lib/http/promise-hooks";
import { isApiPath, secureAnswer } from "@/lib/http/security-headers";
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
    "answers" | "worker" | "refreshes" | "tracing" | "keys" | "database" | "embedded" | "lock",
    () => Promise<void>
  >
> = {};
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
    const server = await listen((request, response) => serve(request, response), port, setting);
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
  const toNext = await prepareNext();
  if (role === "all") await work();
  serve = router(toNext);
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

// ---------------------------------------------------------------- http

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
const answers = gracefulEnd();

/** @param setting names the port in complaints */
function listen(handler: Handler, port: number, setting: "PORT" | "LATCHKEY_WORKER_PORT"): Promise<Server> {
  const { host } = settings();
  const server = limitedServer((request, response) => {
    answers.begun(response);
    handler(request, response);
  });
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE")
        reject(
          new LaunchError(
            `Port ${port} is taken by another program. Set ${setting} to a free one, such as ${setting}=${port + 1}.`,
          ),
        );
      else if (error.code === "EACCES")
        reject(new LaunchError(`This user may not listen on port ${port}. Set ${setting} to one from 1024.`));
      else if (error.code === "EADDRNOTAVAIL" || error.code === "ENOTFOUND")
        reject(new LaunchError(`This machine has no address ${host}. Set LATCHKEY_HOST to one it has.`));
      else reject(error);
    });
    server.listen(port, host, () => resolve(server));
  });
}

/** What Next renders for a client that has gone is over by then. */
const ABANDONED_MS = 10_000;

const starting: Handler = (request, response) =>
  refuse(response, new AppError("unavailable", "Latchkey is starting.", { retryAfterS: 1 }), request.url ?? "");

async function prepareNext(): Promise<Handler> {
  // Before Next is loaded. Tracing needs the hooks for every request, and what Next's development does behind answers is not ours.
  const hooks = LATCHKEY_DEVELOPMENT || settings().tracing.encoding !== null ? null : promiseHooksWhileNeeded();
  const prepared = hooks?.needed();
  const { default: next } = await import("next");
  const app = next({
    dev: LATCHKEY_DEVELOPMENT,
    dir: process.cwd(),
    hostname: settings().host,
    port: settings().port,
    customServer: true,
    // Next listens for WebSocket upgrades, which only its development needs: on this server its listener would leave such
    // connections open for ever, past every time limit, and close those of clients that merely offer h2c. Without a listener
    // Node answers them as plain requests.
    ...(LATCHKEY_DEVELOPMENT ? {} : { httpServer: createServer() }),
  });
  const handle = app.getRequestHandler();
  await app.prepare();
  prepared?.();
  return (request, response) => {
    const answered = hooks?.needed();
    const closed = new Promise((resolve) => response.once("close", resolve));
    handle(request, response)
      .catch((error: unknown) => {
        log.error("page_failed", errorFields(error));
        if (response.headersSent) response.destroy();
        else refuse(response, new AppError("internal", "Something went wrong here."), request.url ?? "");
      })
      .then(() => closed)
      .then(() => {
        // Next tells the end of an answer, not of what it was still rendering for a client that has gone.
        if (answered) setTimeout(answered, response.writableFinished ? 0 : ABANDONED_MS).unref();
      });
  };
}

/** `.` and `..`, also percent-encoded: no path of ours has them. */
const DOT_SEGMENT = /(^|\/)(\.|%2e){1,2}(\/|$)/i;

function router(toNext: Handler): Handler {
  const hot = hotMatcher(HOT_ROUTES);
  const publicUrl = new URL(settings().url);
  return (request, response) => {
    const path = normalise(request, response);
    if (path === null) return;
    const match = hot(request.method ?? "GET", path);
    if (match) {
      void answer(request, response, path, match.endpoint, match.params);
      return;
    }
    if (DOT_SEGMENT.test(path)) {
      refuse(response, new AppError("not_found", "There is no such address, or you have no access to it."), path);
      return;
    }
    secureAnswer(request, response, path, LATCHKEY_DEVELOPMENT);
    // Next's own navigation; on the API it would turn answers into redirects.
    if (isApiPath(path)) delete request.headers.rsc;
    overwriteForwarded(request, publicUrl);
    limitBody(request, response, path);
    logPage(request, response, path);
    if (!response.writableEnded) toNext(request, response);
  };
}

/** Health and metrics of a process that has nothing else to show. */
function workerRouter(): Handler {
  const known = hotMatcher(WORKER_ROUTES);
  return (request, response) => {
    const path = normalise(request, response);
    if (path === null) return;
    const match = known(request.method ?? "GET", path);
    if (match) void answer(request, response, path, match.endpoint, match.params);
    else refuse(response, new AppError("not_found", "A worker answers GET /healthz, /readyz and /metrics only."), path);
  };
}

/** The event of what Next answered by itself: pages and files. Endpoints and refusals log their own, and carry a request id. */
function logPage(request: IncomingMessage, response: ServerResponse, path: string): void {
  const began = performance.now();
  const { method } = request;
  response.once("close", () => {
    if (response.hasHeader("x-request-id")) return;
    log[path.startsWith("/_next/") ? "debug" : "info"]("request", {
      method,
      path: loggablePath({ pathname: path }),
      status: response.statusCode,
      durationMs: Math.round((performance.now() - began) * 10) / 10,
    });
  });
}

/** Bodies over the limit end here for what is not an endpoint of ours (endpoints say the same themselves). */
function limitBody(request: IncomingMessage, response: ServerResponse, path: string): void {
  if (LATCHKEY_DEVELOPMENT && !isApiPath(path)) return;
  const tooLarge = () => {
    if (!response.headersSent) refuse(response, new AppError("too_large", "The body is larger than 1 MB."), path);
    request.socket.once("drain", () => request.destroy());
    setTimeout(() => request.destroy(), 1_000).unref();
  };
  if (Number(request.headers["content-length"] ?? 0) > MAX_BODY_BYTES) {
    tooLarge();
    return;
  }
  if (request.headers["transfer-encoding"] === undefined) return;
  const push = request.push;
  let size = 0;
  request.push = (chunk: Buffer | null, encoding?: BufferEncoding) => {
    size += chunk?.length ?? 0;
    if (size > MAX_BODY_BYTES + 65_536) {
      tooLarge();
      return false;
    }
    return push.call(request, chunk, encoding);
  };
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
