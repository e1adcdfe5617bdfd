import { type ChildProcess, execFile, spawn } from "node:child_process";
import { appendFile, chmod, chown, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import postgres from "postgres";
import { afterAll } from "vitest";
import { migrateDatabase } from "@/drizzle/migrate";
import { startEmbedded } from "@/lib/db/embedded";
import { CHILD_ENV, type Place, preparePlace } from "@/lib/db/embedded-place";
import { freePort } from "@/lib/db/free-port";
import { until } from "./crew";

const run = promisify(execFile);

/** Two PostgreSQLs of a test file's own: a primary, and a standby without which nothing is committed. */
export interface ReplicatedServer {
  /** Starts both with a migrated database; the URL names both hosts, for `useDatabase`. */
  start(): Promise<string>;
  /** SIGKILL for every process of the primary at once, as when its machine dies. */
  killPrimary(): Promise<void>;
  /** Makes the standby the primary; resolves when it takes writes. */
  promote(): Promise<void>;
  /** Gives the new primary a standby where the old one was, and waits for it before each commit again. */
  replace(): Promise<void>;
  /** How far the primary's standby is: `sync` when commits wait for it. */
  syncState(): Promise<string | undefined>;
}

interface Node {
  port: number;
  pgdata: string;
  process: ChildProcess | null;
}

/** @param standbys as PostgreSQL's `synchronous_standby_names`; by default every commit waits for the standby's disk */
export function useReplicatedServer(standbys = "*"): ReplicatedServer {
  let folder = "";
  let place: Place;
  let login = "";
  let [primary, standby] = [undefined, undefined] as unknown as [Node, Node];

  const urlOf = ({ port }: Node) => `postgres://${login}@127.0.0.1:${port}/latchkey`;
  const ask = async (node: Node, statement: string): Promise<postgres.Row[]> => {
    const sql = postgres(urlOf(node), { max: 1, onnotice: () => {}, connect_timeout: 5 });
    try {
      return await sql.unsafe(statement);
    } finally {
      await sql.end({ timeout: 2 });
    }
  };
  const begin = async (node: Node) => {
    const log = await open(`${node.pgdata}.log`, "w");
    const child = spawn(join(place.native, "bin", "postgres"), ["-D", node.pgdata, "-p", String(node.port)], {
      ...place.user,
      cwd: "/",
      env: CHILD_ENV,
      stdio: ["ignore", log.fd, log.fd],
    });
    await log.close();
    node.process = child;
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`PostgreSQL ended\n${await readFile(`${node.pgdata}.log`, "utf8")}`);
      return ask(node, "select 1").catch(() => false);
    }, "a PostgreSQL that answers");
  };
  const give = async (path: string, text: string) => {
    await writeFile(path, text);
    if (place.user) await chown(path, place.user.uid, place.user.gid);
  };
  /** A copy of the primary as it runs (PostgreSQL's "low-level" base backup), which then follows it. */
  const follow = async (node: Node) => {
    await rm(node.pgdata, { recursive: true, force: true });
    const sql = postgres(urlOf(primary), { max: 1, onnotice: () => {} });
    try {
      await sql`select pg_backup_start('standby', true)`;
      await run("cp", ["-a", primary.pgdata, node.pgdata]);
      const [stopped] = await sql<{ labelfile: string }[]>`select labelfile from pg_backup_stop(false)`;
      await rm(join(node.pgdata, "postmaster.pid"), { force: true });
      await give(join(node.pgdata, "backup_label"), stopped?.labelfile ?? "");
      await give(join(node.pgdata, "standby.signal"), "");
      const source = new URL(urlOf(primary));
      await appendFile(
        join(node.pgdata, "postgresql.auto.conf"),
        `primary_conninfo = 'host=127.0.0.1 port=${primary.port} user=${source.username} password=${source.password}'\n`,
      );
    } finally {
      await sql.end({ timeout: 2 });
    }
    await begin(node);
    await ask(primary, `alter system set synchronous_standby_names = '${standbys}'`);
    await ask(primary, "select pg_reload_conf()");
    const wanted = standbys === "" ? "async" : "sync";
    await until(async () => (await syncState()) === wanted, `a standby that is ${wanted}`);
  };
  const syncState = async () =>
    (await ask(primary, "select sync_state from pg_stat_replication where state = 'streaming'"))[0]?.sync_state as
      | string
      | undefined;

  afterAll(async () => {
    for (const node of [primary, standby]) if (node?.process) await killAll(node.process);
    if (folder) await rm(folder, { recursive: true, force: true });
  });
  return {
    start: async () => {
      folder = await mkdtemp(join(tmpdir(), "latchkey-replicated-"));
      await chmod(folder, 0o755);
      place = await preparePlace(folder, () => {});
      const made = await startEmbedded(folder, () => {});
      await migrateDatabase(made.url, () => {});
      await made.stop();
      const { username, password } = new URL(made.url);
      login = `${username}:${password}`;
      primary = { port: await freePort(), pgdata: place.pgdata, process: null };
      standby = { port: await freePort(), pgdata: `${place.pgdata}.standby`, process: null };
      await appendFile(join(place.pgdata, "postgresql.auto.conf"), SETTINGS);
      await begin(primary);
      await follow(standby);
      return `postgres://${login}@127.0.0.1:${primary.port},127.0.0.1:${standby.port}/latchkey?target_session_attrs=read-write`;
    },
    killPrimary: async () => {
      await killAll(primary.process as ChildProcess);
      primary.process = null;
    },
    promote: async () => {
      await ask(standby, "select pg_promote()");
      [primary, standby] = [standby, primary];
    },
    replace: () => follow(standby),
    syncState,
  };
}

/** As the embedded server has them. Written down, so that a copy has them too. */
const SETTINGS = `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
wal_keep_size = '1GB'
`;

/** The postmaster is stopped first: it would end its children in order, or make new ones. */
async function killAll(postmaster: ChildProcess): Promise<void> {
  if (postmaster.exitCode !== null || postmaster.signalCode !== null) return;
  const ended = new Promise((resolve) => postmaster.once("exit", resolve));
  postmaster.kill("SIGSTOP");
  for (const pid of await childrenOf(postmaster.pid as number)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
  postmaster.kill("SIGKILL");
  await ended;
}

async function childrenOf(pid: number): Promise<number[]> {
  const all = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const parents = await Promise.all(
    all.map(async (name) => {
      const text = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "");
      return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[1]);
    }),
  );
  return all.filter((_, i) => parents[i] === pid).map(Number);
}
