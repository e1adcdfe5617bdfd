import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { LaunchError, onDataFolder } from "@/lib/db/launch-error";
import { processStart } from "@/lib/db/process-identity";

/** How often the holder touches the lock, so that another machine or container sharing the folder can tell it lives. */
const TOUCH_MS = 4_000;
/** A foreign machine's lock untouched for this long is taken for abandoned. */
const FOREIGN_PATIENCE_MS = 15_000;

interface Holder {
  pid: number;
  /** `processStart` of that pid: a reused pid does not keep the folder locked after a kill -9. */
  started: string;
  host: string;
  url: string;
  token: string;
}

export interface DataFolderLock {
  /** Gives the folder free, if it is still ours. */
  release(): Promise<void>;
}

/** Another Latchkey runs on this folder. */
export class DataFolderBusyError extends LaunchError {
  override name = "DataFolderBusyError";
  readonly pid: number;
  readonly url: string;
  constructor(dataDir: string, holder: Holder) {
    const where = holder.host === hostname() ? "" : ` on ${holder.host}`;
    super(
      `Latchkey already runs on the data folder ${dataDir}: process ${holder.pid}${where}, ${holder.url}. ` +
        "Stop it first, or set LATCHKEY_DATA_DIR (and PORT) for a second one.",
    );
    this.pid = holder.pid;
    this.url = holder.url;
  }
}

/**
 * Takes `<dataDir>/latchkey.lock` for this process; only one owner at a time starts the embedded server of a folder.
 * Written aside and linked into place, so that no reader sees half a lock.
 *
 * @throws DataFolderBusyError naming pid and URL of the living holder; nothing of the holder's is touched
 */
export async function lockDataFolder(dataDir: string, url: string): Promise<DataFolderLock> {
  return onDataFolder(dataDir, async () => {
    await mkdir(dataDir, { recursive: true, mode: 0o711 });
    const path = join(dataDir, "latchkey.lock");
    const mine: Holder = {
      pid: process.pid,
      started: (await processStart(process.pid)) ?? "",
      host: hostname(),
      url,
      token: randomUUID(),
    };
    const draft = `${path}.${mine.token}`;
    await writeFile(draft, JSON.stringify(mine), { mode: 0o600 });
    try {
      while (!(await linked(draft, path))) {
        const seen = await readHolder(path);
        if (!seen) continue; // Released between the two looks.
        if (await lives(seen, path)) throw new DataFolderBusyError(dataDir, seen);
        await evict(path, seen);
      }
    } finally {
      await rm(draft, { force: true });
    }
    const touch = setInterval(() => {
      const now = new Date();
      // A failed touch only makes the lock look older to other machines; the next one mends it.
      utimes(path, now, now).catch(() => undefined);
    }, TOUCH_MS);
    touch.unref();
    return {
      async release() {
        clearInterval(touch);
        if ((await readHolder(path))?.token === mine.token) await rm(path, { force: true });
      },
    };
  });
}

/** Who holds the folder now: the living process's pid and URL, or null. */
export async function dataFolderHolder(dataDir: string): Promise<{ pid: number; url: string } | null> {
  const path = join(dataDir, "latchkey.lock");
  const holder = await readHolder(path);
  return holder && (await lives(holder, path)) ? { pid: holder.pid, url: holder.url } : null;
}

async function linked(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function readHolder(path: string): Promise<Holder | null> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Holder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    // Cut off by a full disk or damaged: nobody can be named, so nobody holds it.
    if (error instanceof SyntaxError) return { pid: 0, started: "", host: hostname(), url: "", token: "" };
    throw error;
  }
}

async function lives(holder: Holder, path: string): Promise<boolean> {
  if (holder.host === hostname()) return holder.pid > 0 && (await processStart(holder.pid)) === holder.started;
  // Another machine, or a container that has gone: its pids mean nothing here, its touches do.
  const until = Date.now() + FOREIGN_PATIENCE_MS;
  const touchedAt = async () => (await stat(path).catch(() => null))?.mtimeMs;
  const first = await touchedAt();
  if (first === undefined || Date.now() - first > FOREIGN_PATIENCE_MS) return false;
  while (Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const now = await touchedAt();
    if (now === undefined) return false;
    if (now !== first) return true;
  }
  return false;
}

/** Moves a dead holder's lock away; if somebody else took the folder meanwhile, puts theirs back. */
async function evict(path: string, dead: Holder): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  const moved = await readHolder(aside);
  if (moved && moved.token !== dead.token) await linked(aside, path);
  await rm(aside, { force: true });
}
