import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { keyring, openJson, sealJson } from "@/lib/crypto/envelope";
import { parseKeks } from "@/lib/crypto/keks";
import { type Keyring, Keyring as Ring, ROTATE_AT_WRAPS } from "@/lib/crypto/keyring";
import { closeKeyring, openKeyring } from "@/lib/crypto/open-keyring";
import { newId } from "@/lib/ids";
import { install } from "@/lib/process";
import { credentialsPlace } from "@/lib/secrets/opened";
import { makePerson, makePlace, OWNER, type Place } from "@/lib/testing/callers";
import { useDatabase } from "@/lib/testing/database";
import { MemoryTenantKeys } from "@/lib/testing/memory-tenant-keys";
import type { ReadReport, ReadTask } from "@/lib/testing/processes/rotation";
import { bundleProcesses, type Started, startProcess } from "@/lib/testing/spawn";

/**
 * The master key is changed under load, with a kill -9 in the middle ten times (FAULTS C9, CRY-6): every read gets its value, every row
 * can be opened with the new key alone, and whoever comes next goes on. Tenants have many versions of their keys (CRY-5), because
 * rows of older versions stay as they are.
 */
const TENANTS = 20;
const SECRETS_EACH = 500;
const PER_VERSION = 5;
const KILLS = 10;
/** Of lib/jobs/rewrap-keys.ts. */
const BATCH = 100;
/** Taken shared by every rewrap, exclusively by this test: it decides how many batches pass. */
const GATE = 99;

const folder = await mkdtemp(join(tmpdir(), "latchkey-rotation-"));
const keyFile = join(folder, "master.key");
const oldKey = randomBytes(32).toString("base64");
await writeFile(keyFile, `${oldKey}\n`, { mode: 0o600 });
const database = useDatabase({ LATCHKEY_MASTER_KEY: "", LATCHKEY_MASTER_KEY_FILE: keyFile });
const idOf = (key: string) => parseKeks(key)[0].idHex;

const started: Started[] = [];
let bundles: string | undefined;
let gate: postgres.Sql;
let tasks: ReadTask[];
let env: Record<string, string>;

beforeAll(async () => {
  gate = postgres(database.url, { max: 2, onnotice: () => {} });
  env = {
    DATABASE_URL: database.url,
    LATCHKEY_MASTER_KEY_FILE: keyFile,
    LATCHKEY_LOG_LEVEL: "error",
    LATCHKEY_DB_POOL: "6",
  };
  tasks = await seed();
  await database.owner.unsafe(`
    create function gate() returns trigger language plpgsql as
      $$ begin perform pg_advisory_xact_lock_shared(${GATE}); return new; end $$;
    create trigger a_gate before update on tenant_keys for each row
      when (old.kek_id is distinct from new.kek_id) execute function gate();`);
}, 60_000);

afterAll(async () => {
  for (const child of started) child.kill("SIGKILL");
  await Promise.all(started.map((child) => child.ended));
  await gate?.end({ timeout: 5 });
  for (const path of [folder, bundles]) if (path) await rm(path, { recursive: true, force: true });
});

test(`${TENANTS * SECRETS_EACH} secrets, two readers, ${KILLS} kills: no failed read, nothing that cannot be opened`, async () => {
  const paths = await bundleProcesses();
  bundles = dirname(paths.rotation);
  const launch = (more: Record<string, string> = {}) => {
    const child = startProcess(paths.rotation, { ...env, ...more });
    started.push(child);
    return child;
  };
  const readers = await Promise.all(
    [0, 1].map(async (n) => {
      const path = join(folder, `reader-${n}.json`);
      await writeFile(path, JSON.stringify(tasks));
      return launch({ LATCHKEY_TEST_READER: path });
    }),
  );
  await Promise.all(readers.map((reader) => reader.line("ready")));
  await closeKeyring();
  const total = await left("");
  expect(total).toBeGreaterThan((TENANTS * SECRETS_EACH) / PER_VERSION);

  expect(await rotate("prepare")).toContain("wraps nothing yet");
  const [, newKey] = (await readFile(keyFile, "utf8")).trim().split(",") as [string, string];
  expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
  const newKek = idOf(newKey);
  await until(async () => (await holders(readers)).every((ids) => ids.join() === `${idOf(oldKey)},${newKek}`));
  // A second time nothing is made.
  expect(await rotate("prepare")).toContain(`${newKek} is prepared already`);

  let close = await closeGate();
  const remaining: number[] = [await left(newKek)];
  for (let kill = 1; kill <= KILLS; kill++) {
    // The first is the command itself, the others are workers.
    const victim = kill === 1 ? promoting() : launch();
    // The server still waits for the one that was killed before, and takes its batch back when the gate opens.
    const before = kill === 1 ? 0 : 1;
    await until(() => queued(before + 1));
    // Exactly one batch passes: who asks for the gate while a batch waits comes next.
    const next = closeGate();
    await until(() => queued(before + 2));
    await close();
    close = await next;
    await until(() => queued(1));
    victim.kill("SIGKILL");
    await victim.ended;
    remaining.push(await left(newKek));
  }
  // Each left behind what it had committed, and nothing of the batch it was killed in.
  expect(remaining).toEqual(Array.from({ length: KILLS + 1 }, (_, n) => total - n * BATCH));
  const last = launch();
  await last.line("ready");
  await close();
  await until(async () => (await left(newKek)) === 0);

  expect(await rotate("remove")).toContain(`Took out ${idOf(oldKey)}`);
  expect((await readFile(keyFile, "utf8")).trim()).toBe(newKey);
  expect((await readFile(`${keyFile}.${idOf(oldKey)}.old`, "utf8")).trim()).toBe(oldKey);
  expect((await readdir(folder)).filter((name) => name.startsWith("master.key"))).toHaveLength(2);
  await until(async () => (await holders([last, ...readers])).every((ids) => ids.join() === newKek));

  for (const child of [last, ...readers]) child.kill("SIGTERM");
  const reports = await Promise.all(
    readers.map(async (reader) => JSON.parse((await reader.line("report ")).slice(7)) as ReadReport),
  );
  for (const { reads, failures } of reports) {
    expect(failures).toEqual([]);
    expect(reads).toBeGreaterThan(1_000);
  }
  for (const { reads, seconds } of reports)
    process.stdout.write(`rotation: ${reads} reads, ${Math.round(reads / seconds)} a second\n`);

  // Every row, with the new key alone; and the old one alone is refused, by name and number.
  install("settings", { ...database.settings, masterKeyFile: undefined, masterKey: newKey });
  await openKeyring(() => {});
  expect(await unreadable()).toEqual([]);
  install("settings", { ...database.settings, masterKeyFile: undefined, masterKey: oldKey });
  await expect(openKeyring(() => {})).rejects.toThrow(
    new RegExp(`LATCHKEY_MASTER_KEY is not the master key .* ${newKek} \\(${total} tenant keys\\)`),
  );
  const [entries] = await database.owner<{ n: number; keys: number }[]>`
    select count(*)::int as n, count(distinct (tenant_id, target_name))::int as keys from audit_entries
     where action = 'key.rewrap' and detail ->> 'master_key' = ${newKek} and detail ->> 'before' = ${idOf(oldKey)}`;
  expect(entries).toEqual({ n: total, keys: total });
}, 300_000);

// ---------------------------------------------------------------- the world

/** Rows of many tenants and key versions, written past the API. */
async function seed(): Promise<ReadTask[]> {
  const real = keyring();
  const store = new MemoryTenantKeys();
  const ring: Keyring = install("keyring", new Ring({ keks: parseKeks(oldKey), store }));
  const made: ReadTask[] = [];
  const places: Place[] = [];
  for (let n = 0; n < TENANTS; n++) places.push(await makePlace());
  for (const { tenantId, workspaceId } of places) {
    const rows: { id: string; sealed: string }[] = [];
    for (let n = 0; n < SECRETS_EACH; n++) {
      if (n > 0 && n % PER_VERSION === 0) {
        store.wraps.set(`${tenantId}/${n / PER_VERSION}`, ROTATE_AT_WRAPS);
        ring.forgetTenant(tenantId);
      }
      const id = newId();
      const sealed = await sealJson(credentialsPlace(tenantId, id, 1), { username: "u", password: `p-${id}` });
      rows.push({ id, sealed: `\\x${sealed.toString("hex")}` });
    }
    await database.owner`
      insert into secrets (tenant_id, id, workspace_id, type, name, name_key, secret_name, sealed)
      select ${tenantId}, id, ${workspaceId}, 'basic', id, id, id, sealed::bytea
        from unnest(${rows.map((row) => row.id)}::text[], ${rows.map((row) => row.sealed)}::text[]) as r(id, sealed)`;
    const keys = store.rows.get(tenantId) ?? [];
    expect(keys).toHaveLength(SECRETS_EACH / PER_VERSION);
    await database.owner`
      insert into tenant_keys (tenant_id, version, kek_id, wrapped)
      select ${tenantId}, version, kek_id, wrapped::bytea
        from unnest(${keys.map((key) => key.version)}::int[], ${keys.map((key) => key.kekId)}::text[],
                    ${keys.map((key) => `\\x${key.wrapped.toString("hex")}`)}::text[]) as r(version, kek_id, wrapped)`;
    made.push({ tenantId, workspaceId, authorization: "", secretIds: rows.map((row) => row.id) });
  }
  install("keyring", real);
  for (const [n, task] of made.entries()) {
    const person = await makePerson(places[n] as Place, OWNER);
    task.authorization = person.basic.authorization as string;
  }
  return made;
}

/** Ids of secrets that do not open to what was sealed, with this process's keyring. */
async function unreadable(): Promise<string[]> {
  const wrong: string[] = [];
  const rows = await database.owner<{ tenant_id: string; id: string; sealed: Buffer }[]>`
    select tenant_id, id, sealed from secrets`;
  expect(rows).toHaveLength(TENANTS * SECRETS_EACH);
  for (const { tenant_id, id, sealed } of rows) {
    const opened = await openJson<{ password: string }>(credentialsPlace(tenant_id, id, 1), sealed).catch(() => null);
    if (opened?.reveal().password !== `p-${id}`) wrong.push(id);
  }
  return wrong;
}

const left = async (kekId: string) =>
  (await database.owner<{ n: number }[]>`select count(*)::int as n from tenant_keys where kek_id <> ${kekId}`)[0]?.n ??
  -1;
/** The lists of master keys that these processes say they have. */
async function holders(of: Started[]): Promise<string[][]> {
  const rows = await database.owner<{ kek_ids: string[] }[]>`
    select kek_ids from living_holders where pid = any(${of.map((one) => one.pid)})`;
  expect(rows).toHaveLength(of.length);
  return rows.map((row) => row.kek_ids);
}

/** Holds the gate alone until the returned function is called. */
async function closeGate(): Promise<() => Promise<void>> {
  const own = await gate.reserve();
  await own`select pg_advisory_lock(${GATE})`;
  return async () => {
    await own`select pg_advisory_unlock(${GATE})`;
    own.release();
  };
}

/** So many wait at the gate, each in the middle of a batch, or for the whole of it. */
const queued = async (count: number) => {
  const [row] = await database.owner<{ n: number }[]>`
    select count(*)::int as n from pg_locks
     where locktype = 'advisory' and objid = ${GATE} and not granted
       and database = (select oid from pg_database where datname = current_database())`;
  return (row?.n ?? 0) >= count;
};

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** `npm run rotate-key -- promote`, as a process to be killed. */
function promoting(): Pick<Started, "kill" | "ended"> {
  const child = command("promote");
  return {
    kill: (signal) => void child.kill(signal),
    ended: new Promise((resolve) => child.once("close", (code, signal) => resolve(code ?? signal))),
  };
}

function command(step: string) {
  return spawn(process.execPath, ["scripts/rotate-key.mjs", step], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env } as unknown as NodeJS.ProcessEnv,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** A step of the command, run to its end; what it printed, in which no key may be. */
async function rotate(step: string): Promise<string> {
  const child = command(step);
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (printed += text));
  const code = await new Promise((resolve) => child.once("close", resolve));
  expect([code, printed]).toEqual([0, printed]);
  for (const key of (await readFile(keyFile, "utf8")).trim().split(",")) expect(printed).not.toContain(key);
  return printed;
}
