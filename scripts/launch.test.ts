import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { startEmbedded } from "@/lib/db/embedded";
import { CHILD_ENV, preparePlace } from "@/lib/db/embedded-place";

/** Whole processes, started as a person starts them, each in a folder and on a port of its own. */

const folders: string[] = [];
const running = new Set<Started>();

interface Started {
  child: ChildProcess;
  output: () => string;
  /** Resolves with the exit code. */
  ended: Promise<number>;
}

beforeAll(async () => {
  const built = start(["scripts/build.mjs"], {});
  expect(await built.ended, built.output()).toBe(0);
}, 400_000);

afterEach(async () => {
  for (const one of running) one.child.kill("SIGKILL");
  running.clear();
});

afterAll(async () => {
  for (const folder of folders) {
    await until(async () => !(await postmaster(folder)), 6_000, `the database of ${folder} to end`);
    const { pgdata } = await embedded(folder).catch(() => ({ pgdata: folder }));
    await rm(pgdata, { recursive: true, force: true });
    await rm(folder, { recursive: true, force: true });
  }
});

test("one folder and one port have one owner; SIGTERM to npm ends all it started", async () => {
  const folder = await newFolder();
  const port = await freePort();
  const first = start(["scripts/start.mjs"], { PORT: port, LATCHKEY_DATA_DIR: folder }, ["npm", "start"]);
  await ready(first);
  expect(first.output()).toMatch(new RegExp(`^Set up: http://localhost:${port}/setup#\\S{16,}$`, "m"));
  expect((await stat(join(folder, "embedded.json"))).mode & 0o777).toBe(0o600);
  expect((await stat(join(folder, "master.key"))).mode & 0o777).toBe(0o600);

  const lock = JSON.parse(await readFile(join(folder, "latchkey.lock"), "utf8")) as { pid: number };
  const second = start(["scripts/start.mjs"], { PORT: await freePort(), LATCHKEY_DATA_DIR: folder });
  expect(await second.ended).toBe(1);
  expect(second.output()).toContain(String(lock.pid));
  expect(second.output()).toContain(`http://localhost:${port}`);

  const elsewhere = start(["scripts/start.mjs"], { PORT: port, LATCHKEY_DATA_DIR: await newFolder() });
  expect(await elsewhere.ended).toBe(1);
  expect(elsewhere.output()).toMatch(/PORT/);
  expect((await fetch(`http://localhost:${port}/healthz`)).status).toBeLessThan(500);

  const pid = await postmaster(folder);
  first.child.kill("SIGTERM");
  await first.ended;
  await until(async () => !isAlive(lock.pid) && !isAlive(pid ?? 0), 5_000, "server and database to end");
  await expect(stat(join(folder, "latchkey.lock"))).rejects.toThrow();
}, 60_000);

test("odd HTTP is answered, and holds no connection open", async () => {
  const port = await freePort();
  await ready(start(["scripts/start.mjs"], { PORT: port, LATCHKEY_DATA_DIR: await newFolder() }));
  // The first page makes Next listen for WebSocket upgrades, if anything does.
  expect((await fetch(`http://localhost:${port}/sign-in`)).status).toBe(200);
  const upgrade = (path: string, to: string) =>
    `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ${to}\r\n\r\n`;
  const plain = (method: string) => `${method} /v2/users/me HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
  expect(await firstLine(port, upgrade("/_next/webpack-hmr", "websocket"))).toBe("HTTP/1.1 404 Not Found");
  expect(await firstLine(port, upgrade("/healthz", "h2c"))).toBe("HTTP/1.1 200 OK");
  for (const method of ["TRACE", "PROPFIND", "QUERY"])
    expect(await firstLine(port, plain(method)), method).toBe("HTTP/1.1 405 Method Not Allowed");
  expect(await firstLine(port, `GET /${"/".repeat(15_000)}a/ HTTP/1.1\r\nHost: a\r\n\r\n`)).toMatch(/^HTTP.1.1 [34]/);
}, 60_000);

test("after kill -9 the database ends by itself and the next start works", async () => {
  const folder = await newFolder();
  const env = { PORT: await freePort(), LATCHKEY_DATA_DIR: folder };
  const first = start(["scripts/start.mjs"], env);
  await ready(first);
  const pid = (await postmaster(folder)) ?? 0;
  first.child.kill("SIGKILL");
  await until(async () => !isAlive(pid), 5_000, "the database to end");
  const again = start(["scripts/start.mjs"], env);
  await ready(again);
  again.child.kill("SIGKILL");
  // Without waiting: the old database may still be there.
  const third = start(["scripts/start.mjs"], env);
  await ready(third);
}, 60_000);

test("a parent's death ends server, worker and database within 5 s", async () => {
  const folder = await newFolder();
  const env = { PORT: await freePort(), LATCHKEY_DATA_DIR: folder };
  const parent = start([], env, ["/bin/sh", "-c", "node scripts/start.mjs & wait"]);
  await ready(parent);
  const workerPort = await freePort();
  const worker = start([], { ...env, LATCHKEY_ROLE: "worker", LATCHKEY_WORKER_PORT: workerPort }, [
    "/bin/sh",
    "-c",
    "node scripts/start.mjs & echo pid=$!; wait",
  ]);
  await until(async () => worker.output().includes("worker is ready"), 20_000, "the worker to join");
  const pids = [
    (await postmaster(folder)) ?? 0,
    (JSON.parse(await readFile(join(folder, "latchkey.lock"), "utf8")) as { pid: number }).pid,
    Number(/pid=(\d+)/.exec(worker.output())?.[1]),
  ];
  expect(pids.every((pid) => isAlive(pid))).toBe(true);
  // The worker's health and metrics, and nothing else.
  const ask = async (path: string, port = workerPort) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: answer.status, text: await answer.text() };
  };
  expect(await ask("/healthz")).toMatchObject({ status: 200 });
  expect(JSON.parse((await ask("/readyz")).text).checks).toEqual({
    database: "ok",
    key: "ok",
    schema: "ok",
    refresher: "ok",
  });
  expect((await ask("/metrics")).text).toMatch(/^latchkey_database_up 1$/m);
  expect((await ask("/v2/workspaces")).status).toBe(404);
  // One event a request, in JSON where nobody sits: of an endpoint, of a refusal, of a page.
  expect((await ask("/v2/workspaces", env.PORT)).status).toBe(401);
  expect((await fetch(`http://127.0.0.1:${env.PORT}/sign-in`, { method: "PROPFIND" })).status).toBe(405);
  expect((await ask("/sign-in?code=not-for-the-log", env.PORT)).status).toBe(200);
  const events = () =>
    parent
      .output()
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line))
      .filter((event) => event.msg === "request");
  await until(async () => events().length >= 3, 5_000, "three events");
  expect(events().map(({ path, status }) => `${path} ${status}`)).toEqual([
    "/v2/workspaces 401",
    " 405",
    "/sign-in 200",
  ]);
  expect(parent.output()).not.toContain("not-for-the-log");
  worker.child.kill("SIGKILL");
  parent.child.kill("SIGKILL");
  await until(async () => !pids.some((pid) => isAlive(pid)), 5_000, "all to end");
}, 60_000);

test("settings: every violation at once, and no start on a database of one's own without a key", async () => {
  const bad = start(["scripts/start.mjs"], { PORT: "70000", LATCHKEY_ROLE: "boss", LATCHKEY_LOG_LEVEL: "loud" });
  expect(await bad.ended).toBe(1);
  for (const name of ["PORT", "LATCHKEY_ROLE", "LATCHKEY_LOG_LEVEL"]) expect(bad.output()).toContain(`${name}: `);
  const keyless = start(["scripts/start.mjs"], { DATABASE_URL: "postgres://nobody:geheim@127.0.0.1:1/x" });
  expect(await keyless.ended).toBe(1);
  expect(keyless.output()).toContain("LATCHKEY_MASTER_KEY");
  expect(keyless.output()).not.toContain("geheim");
}, 30_000);

test("a backup taken while running comes back whole into an empty folder, and opens with its key alone", async () => {
  const folder = await newFolder();
  const env = { PORT: await freePort(), LATCHKEY_DATA_DIR: folder };
  const apiKey = "an API key of the operator, for the test";
  const server = start(["scripts/start.mjs"], {
    ...env,
    LATCHKEY_BOOTSTRAP_EMAIL: "operator@example.com",
    LATCHKEY_BOOTSTRAP_PASSWORD: "a password of the operator",
    LATCHKEY_BOOTSTRAP_API_KEY: apiKey,
  });
  await ready(server);
  const call = async (port: string, path: string, body?: unknown) => {
    const answer = await fetch(`http://localhost:${port}/v2/${path}`, {
      method: body ? "POST" : "GET",
      headers: {
        authorization: `Basic ${Buffer.from(`operator@example.com:${apiKey}`).toString("base64")}`,
        "content-type": "application/json",
      },
      body: body ? JSON.stringify(body) : undefined,
    });
    expect(answer.status, path).toBeLessThan(300);
    return (await answer.json()) as {
      data: { id: string } & { id: string }[] & { attributes: { credentials: unknown } };
    };
  };
  const workspace = (await call(env.PORT, "workspaces")).data[0]?.id;
  const credentials = { username: "u", password: "what the backup must bring back" };
  const attributes = { name: "Kept", type: "basic", credentials };
  const made = await call(env.PORT, `workspaces/${workspace}/secrets`, { data: { type: "auth-secret", attributes } });
  const secret = `workspaces/${workspace}/secrets/${made.data.id}`;
  await query((await embedded(folder)).url, (sql) => [
    sql`insert into audit_entries (tenant_id, at, actor_kind, via, action, outcome)
        values ('t', '2024-02-03', 'user', 'session', 'long.ago', 'allowed')`,
  ]);
  const rows = await digest((await embedded(folder)).url);
  const key = (await readFile(join(folder, "master.key"), "utf8")).trim();
  const file = join(await newFolder(), "backup.lk");
  const backup = start(["scripts/backup.mjs", file], env);
  expect(await backup.ended, backup.output()).toBe(0);
  const packed = gunzipSync(await readFile(file)).toString("latin1");
  for (const clear of [key, credentials.password, apiKey]) expect(packed).not.toContain(clear);
  server.child.kill("SIGTERM");
  await server.ended;

  const onto = start(["scripts/restore.mjs", file], env);
  expect(await onto.ended).toBe(1);
  expect(onto.output()).toContain("not empty");

  const target = await newFolder();
  const restored = { PORT: await freePort(), LATCHKEY_DATA_DIR: target };
  const restore = start(["scripts/restore.mjs", file], restored);
  expect(await restore.ended, restore.output()).toBe(0);
  const keyless = start(["scripts/start.mjs"], restored);
  expect(await keyless.ended).toBe(1);
  expect(keyless.output()).toContain("master.key");
  const wrong = start(["scripts/start.mjs"], { ...restored, LATCHKEY_MASTER_KEY: randomBytes(32).toString("base64") });
  expect(await wrong.ended).toBe(1);
  expect(wrong.output()).toContain("is not the master key of this database");
  const keyed = start(["scripts/start.mjs"], { ...restored, LATCHKEY_MASTER_KEY: key });
  await ready(keyed);
  const { url } = await embedded(target);
  expect(await digest(url)).toBe(rows);
  expect((await call(restored.PORT, secret)).data.attributes.credentials).toEqual(credentials);
  // The audit is in its months again, and nothing is left where no month was.
  const [[old], [left]] = await query(url, (sql) => [
    sql`select tableoid::regclass::text as part from audit_entries where action = 'long.ago'`,
    sql`select count(*)::int as n from latchkey_audit.other`,
  ]);
  expect([old?.part, left?.n]).toEqual(["latchkey_audit.m2024_02", 0]);
}, 120_000);

test("a server that may lose commits is refused: fsync or synchronous_commit off", async () => {
  const folder = await newFolder();
  const place = await preparePlace(folder, () => {});
  const owner = await startEmbedded(folder, () => {});
  await query(owner.url, (sql) => [sql`alter role current_user set synchronous_commit = off`]);
  const env = {
    DATABASE_URL: owner.url,
    LATCHKEY_MASTER_KEY: randomBytes(32).toString("base64"),
    PORT: await freePort(),
  };
  const refused = async () => {
    const one = start(["scripts/start.mjs"], env);
    expect(await one.ended).toBe(1);
    expect(one.output()).toContain("may lose committed transactions");
    expect(one.output()).not.toContain("Applied");
  };
  await refused();
  await query(owner.url, (sql) => [sql`alter role current_user reset synchronous_commit`]);
  await owner.stop();
  const unsafe = spawn(
    join(place.native, "bin", "postgres"),
    [
      "-D",
      place.pgdata,
      "-p",
      new URL(owner.url).port,
      "-c",
      "fsync=off",
      "-c",
      "listen_addresses=127.0.0.1",
      "-c",
      "unix_socket_directories=",
    ],
    { ...place.user, cwd: "/", env: CHILD_ENV, stdio: "ignore" },
  );
  try {
    const up = () =>
      query(owner.url, (sql) => [sql`select 1`]).then(
        () => true,
        () => false,
      );
    await until(up, 10_000, "the server without fsync");
    await refused();
  } finally {
    unsafe.kill("SIGINT");
    await new Promise((resolve) => unsafe.once("exit", resolve));
  }
}, 60_000);

function start(args: string[], env: Record<string, string>, command: string[] = ["node", ...args]): Started {
  const child = spawn(command[0] as string, command.slice(1), {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env } as unknown as NodeJS.ProcessEnv,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (piece: Buffer) => {
      text += piece.toString("utf8");
    });
  const one: Started = {
    child,
    output: () => text,
    ended: new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 128))),
  };
  running.add(one);
  return one;
}

async function ready(one: Started): Promise<void> {
  const over = { now: false };
  void one.ended.then(() => {
    over.now = true;
  });
  await until(async () => over.now || one.output().includes("Latchkey is ready: "), 30_000, "the start");
  expect(one.output()).toContain("Latchkey is ready: ");
}

async function until(holds: () => Promise<boolean>, ms: number, what: string): Promise<void> {
  const end = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`Waited ${ms} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "latchkey-launch-"));
  folders.push(folder);
  return folder;
}

async function embedded(folder: string): Promise<{ url: string; pid: number | null; pgdata: string }> {
  return JSON.parse(await readFile(join(folder, "embedded.json"), "utf8"));
}

async function postmaster(folder: string): Promise<number | null> {
  const { pid } = await embedded(folder).catch(() => ({ pid: null }));
  return pid && isAlive(pid) ? pid : null;
}

function isAlive(pid: number): boolean {
  if (!pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function freePort(): Promise<string> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(String(port)));
    });
  });
}

/** All that must survive a restore, whatever the order of rows: what the instance sealed for itself. */
async function digest(url: string): Promise<string> {
  const sql = postgres(url, { max: 1 });
  try {
    const [row] = await sql<{ sum: string }[]>`
      select md5(coalesce((select string_agg(v::text, '|' order by v::text) from instance_values v), '')
              || coalesce((select string_agg(k.sealed_or_row, '|') from (select t::text as sealed_or_row from tenant_keys t order by 1) k), '')) as sum`;
    return row?.sum ?? "";
  } finally {
    await sql.end();
  }
}

/** Runs statements as the owner of the database, one after the other. */
async function query(url: string, statements: (sql: postgres.Sql) => postgres.PendingQuery<postgres.Row[]>[]) {
  const sql = postgres(url, { max: 1 });
  try {
    const answers: postgres.RowList<postgres.Row[]>[] = [];
    for (const statement of statements(sql)) answers.push(await statement);
    return answers as unknown as [postgres.Row[], postgres.Row[]];
  } finally {
    await sql.end();
  }
}

/** The first line of the answer to these bytes. */
function firstLine(port: string | number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), "127.0.0.1", () => socket.write(bytes));
    let text = "";
    socket.setTimeout(5_000, () => socket.destroy(new Error("no answer within 5 s")));
    socket.on("error", reject).on("close", () => resolve(text.split("\r\n", 1)[0] as string));
    socket.on("data", (chunk) => {
      text += chunk;
      if (text.includes("\r\n")) socket.destroy();
    });
  });
}
