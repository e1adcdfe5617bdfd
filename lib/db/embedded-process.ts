import { type ChildProcess, spawn } from "node:child_process";
import { open, readFile, rename, rm, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { CHILD_ENV, type Place } from "@/lib/db/embedded-place";
import { freePort } from "@/lib/db/free-port";
import { LaunchError, onDataFolder } from "@/lib/db/launch-error";
import { isAlive, processCommand } from "@/lib/db/process-identity";

/** The process of the folder's PostgreSQL: its start with the reason of a failure, its watchdog, its end. */

const START_MS = 60_000;
/** A fast shutdown that has not ended by now becomes an immediate one, which is safe: the next start replays the log. */
const FAST_STOP_MS = 8_000;
const LOG_LIMIT = 10 * 1024 * 1024;

interface Postmaster {
  pid: number;
  port: number;
  ready: boolean;
}

/** postmaster.pid: line 1 the pid, 4 the port, 8 the state. */
export async function readPostmaster(pgdata: string): Promise<Postmaster | null> {
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
export async function endLeftover(place: Place, report: (line: string) => void): Promise<void> {
  const left = await readPostmaster(place.pgdata);
  if (!left) return;
  if (!isAlive(left.pid)) return; // PostgreSQL itself recognises this one as stale.
  const command = await processCommand(left.pid);
  if (command?.includes(place.pgdata)) {
    report(`Stopping the database server left by an earlier process (${left.pid})`);
    await end(left.pid, gone(left.pid));
  } else await rm(join(place.pgdata, "postmaster.pid"), { force: true });
}

/**
 * Starts the server and waits until it takes connections, on the wanted port if that is free.
 *
 * @param log where it writes, with the end of which a failure is explained
 * @throws LaunchError
 */
export async function launch(
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
export function keepWatchdog(pid: number, place: Place): { stop(): void } {
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

/** A fast shutdown, an immediate one when that takes too long; resolves when the process is gone. */
export async function end(pid: number, exited: Promise<void>): Promise<void> {
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

/** @param log what the program wrote: its end is shown, and its cause named where a person can mend it */
export function failure(what: string, log: string, dataDir: string): LaunchError {
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

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
