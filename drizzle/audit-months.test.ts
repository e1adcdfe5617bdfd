import { randomBytes } from "node:crypto";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate } from "drizzle-orm/postgres-js/migrator";
import postgres from "postgres";
import { afterAll, beforeEach, expect, inject, test } from "vitest";
import { DatabaseUnfitError, migrateDatabase } from "@/drizzle/migrate";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { recordNow } from "@/lib/audit/record";
import { listAudit } from "@/lib/audit/store";
import { database } from "@/lib/db/client";
import { inTenant } from "@/lib/db/tx";
import { keepAudit } from "@/lib/jobs/keep-audit";
import { install } from "@/lib/process";
import { useDatabase } from "@/lib/testing/database";

/** AU-3: the audit trail in months, their end, and who may do what to them. */

const own = useDatabase();
const TENANT = "aaaaaaaaaaaaaaaaaaaaaaaa";
const WORKSPACE = "bbbbbbbbbbbbbbbbbbbbbbbb";
const made: { databases: string[]; roles: string[] } = { databases: [], roles: [] };

afterAll(async () => {
  const server = postgres(inject("testServerUrl"), { max: 1, onnotice: () => {} });
  for (const name of made.databases) await server.unsafe(`drop database if exists ${name} with (force)`);
  for (const name of made.roles) await server.unsafe(`drop role if exists ${name}`);
  await server.end();
});

beforeEach(async () => {
  await own.owner`delete from audit_entries`;
});

/** An entry as if written so many days ago. */
const entry = (owner: postgres.Sql, daysAgo: number, action = "old") => owner`
  insert into audit_entries (tenant_id, at, actor_kind, via, action, outcome, workspace_id)
  values (${TENANT}, now() - make_interval(days => ${daysAgo}), 'system', 'test', ${action}, 'allowed', ${WORKSPACE})`;

const months = async (owner: postgres.Sql) =>
  (
    await owner<{ line: string }[]>`select name || ' ' || relowner::regrole || ' ' || (ends <= now()) as line
      from latchkey_audit.months order by ends`
  ).map((row) => row.line);

const actions = async () =>
  (
    await inTenant(TENANT, (tx) => listAudit(tx, TENANT, { workspaceId: WORKSPACE }, { limit: 100, offset: 0 }))
  ).rows.map((row) => row.action);

test("a month is made before it begins, and is the owner's while it lasts", async () => {
  const lines = await months(own.owner);
  expect(lines).toHaveLength(4);
  for (const line of lines) expect(line).toMatch(/^m20\d\d_\d\d latchkey false$/);
  await recordNow({ kind: "system", name: "test", via: "test" }, { tenantId: TENANT, action: "x" });
  const [row] = await own.owner`select tableoid::regclass::text as part from audit_entries`;
  expect(row?.part).toBe(`latchkey_audit.${lines[0]?.split(" ")[0]}`);
});

test("retention drops whole months that ended long enough ago, each with an entry, and nothing else", async () => {
  for (const days of [0, 35, 100, 500, 1000]) await entry(own.owner, days, `${days} days ago`);
  expect(await actions()).toHaveLength(5);
  install("settings", { ...own.settings, auditRetentionDays: 400 });
  expect(await keepAudit()).toBe(2);
  expect(new Set(await actions())).toEqual(new Set(["0 days ago", "35 days ago", "100 days ago"]));
  const told = await own.owner<{ detail: { entries: number; kept_days: number }; tenant_id: string }[]>`
    select detail, tenant_id from audit_entries where action = 'audit.retention'`;
  expect(told.map((row) => [row.tenant_id, row.detail.entries, row.detail.kept_days])).toEqual([
    [INSTANCE_TENANT, 1, 400],
    [INSTANCE_TENANT, 1, 400],
  ]);
  expect(await keepAudit()).toBe(0);
  // Closed months belong to the retention's role, open ones do not.
  for (const line of await months(own.owner))
    expect(line.split(" ").slice(1)).toEqual(
      line.endsWith("true") ? ["latchkey_retention", "true"] : ["latchkey", "false"],
    );
  const [rest] = await own.owner`select count(*)::int as n from latchkey_audit.other`;
  expect(rest?.n).toBe(0);
});

test("an entry the database cannot write keeps the month it is about", async () => {
  await entry(own.owner, 500);
  await own.owner`select latchkey_audit_months(3)`;
  await own.owner`alter table audit_entries add constraint no_room check (action <> 'audit.retention') not valid`;
  await expect(database().sql`select latchkey_audit.drop_older(400)`).rejects.toMatchObject({ code: "23514" });
  await own.owner`alter table audit_entries drop constraint no_room`;
  expect(await actions()).toEqual(["old"]);
  await database().sql`select latchkey_audit.drop_older(400)`;
  expect(await actions()).toEqual([]);
});

test("what drops a month runs as the retention's role, which is nobody's to sign in with, and is for the application alone", async () => {
  const [known] = await own.owner`
    select p.prosecdef as definer, p.proowner::regrole::text as owner, r.rolsuper or r.rolcanlogin or r.rolbypassrls as strong,
           has_function_privilege('public', p.oid, 'execute') as anybody
      from pg_proc p join pg_roles r on r.oid = p.proowner where p.oid = 'latchkey_audit.drop_older(int)'::regprocedure`;
  expect(known).toEqual({ definer: true, owner: "latchkey_retention", strong: false, anybody: false });
});

test("no setting and no caller reaches a month that is not over, or asks for less than 31 days", async () => {
  await entry(own.owner, 0);
  for (const days of [30, 0, -4000, null])
    await expect(database().sql`select latchkey_audit.drop_older(${days}::int)`).rejects.toMatchObject({
      code: "22023",
    });
  const [open] = await months(own.owner).then((lines) => lines.filter((line) => line.endsWith("false")));
  const name = open?.split(" ")[0] as string;
  const asRetention = (statement: string) =>
    own.owner.begin(async (tx) => {
      await tx.unsafe("set local role latchkey_retention");
      await tx.unsafe(statement);
    });
  for (const statement of [
    `drop table latchkey_audit.${name}`,
    `delete from latchkey_audit.${name}`,
    `alter table audit_entries detach partition latchkey_audit.${name}`,
    "drop table audit_entries",
    "delete from audit_entries",
    "select * from audit_entries",
    "select * from secrets",
    `insert into audit_entries (tenant_id, actor_kind, via, action, outcome) values ('${TENANT}', 'user', 'session', 'forged', 'allowed')`,
  ])
    await expect(asRetention(statement), statement).rejects.toMatchObject({ code: "42501" });
});

test.each([
  ["update latchkey_audit.PART set action = 'y'"],
  ["delete from latchkey_audit.PART"],
  ["truncate latchkey_audit.PART"],
  ["drop table latchkey_audit.PART"],
  ["select * from latchkey_audit.PART"],
  ["insert into latchkey_audit.PART (tenant_id, actor_kind, via, action, outcome) values ('x', 'x', 'x', 'x', 'x')"],
  ["alter table audit_entries detach partition latchkey_audit.PART"],
  ["delete from audit_entries"],
])("the application cannot: %s", async (statement) => {
  await entry(own.owner, 100);
  await own.owner`select latchkey_audit_months(3)`;
  const parts = (await months(own.owner)).map((line) => line.split(" ")[0] as string);
  expect(parts.length).toBeGreaterThan(4);
  for (const part of [...parts, "other"])
    await expect(
      inTenant(TENANT, (tx) => tx.execute(sql.raw(statement.replace("PART", part)))),
      part,
    ).rejects.toMatchObject({ cause: { code: "42501" } });
});

test("every partition has row-level security, and through the whole a tenant sees its own entries only", async () => {
  for (const days of [0, 100]) await entry(own.owner, days);
  await own.owner`select latchkey_audit_months(3)`;
  const open = await own.owner`select relname from pg_class where relnamespace = 'latchkey_audit'::regnamespace
    and relkind = 'r' and not relrowsecurity`;
  expect(open.map((row) => row.relname)).toEqual([]);
  const seen = (tenant: string) =>
    inTenant(tenant, (tx) => tx.execute(sql`select count(*)::int as n from audit_entries`)).then((rows) => rows[0]?.n);
  expect(await seen(TENANT)).toBe(2);
  expect(await seen("cccccccccccccccccccccccc")).toBe(0);
});

test("an older database keeps its entries, their numbers and their walls; and takes new ones", async () => {
  const { url, owner } = await emptyDatabase();
  await migrateTo(url, 1);
  for (const days of [0, 40, 700]) await entry(owner, days, `${days}`);
  await migrateDatabase(url, () => {});
  const rows = await owner`select id, action, tableoid::regclass::text as part from audit_entries order by id`;
  expect(rows.map((row) => `${row.id} ${row.action} ${row.part}`)).toEqual([
    "1 0 latchkey_audit.before",
    "2 40 latchkey_audit.before",
    "3 700 latchkey_audit.before",
  ]);
  await entry(owner, 0, "new");
  const [last] = await owner`select id from audit_entries where action = 'new'`;
  expect(last?.id).toBe("4");
  const [rights] =
    await owner`select has_table_privilege('latchkey_app', 'latchkey_audit.before', 'SELECT,INSERT,DELETE') as any,
    (select relrowsecurity from pg_class where oid = 'latchkey_audit.before'::regclass) as walled`;
  expect(rights).toEqual({ any: false, walled: true });
  await owner.end();
});

test("without the right to make roles it prints what to run, and with that run everything works", async () => {
  const { name, url, owner } = await emptyDatabase();
  const user = `plain_${randomBytes(4).toString("hex")}`;
  made.roles.push(user);
  await owner.unsafe(`create role ${user} login password 'x' nosuperuser nocreaterole`);
  await owner.unsafe(`alter database ${name} owner to ${user}`);
  const theirs = new URL(url);
  theirs.username = user;
  theirs.password = "x";
  const refusal = await migrateDatabase(theirs.href, () => {}).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(DatabaseUnfitError);
  const lines = (refusal as Error).message.split("\n").slice(1);
  expect(lines.map((line) => line.trim())).toEqual([
    `GRANT latchkey_app TO "${user}";`,
    `GRANT latchkey_retention TO "${user}";`,
  ]);
  for (const line of lines) await owner.unsafe(line);
  await migrateDatabase(theirs.href, () => {});
  await migrateDatabase(theirs.href, () => {});
  const plain = postgres(theirs.href, { max: 1, onnotice: () => {} });
  for (const days of [0, 500]) await entry(plain, days);
  await plain`set role latchkey_app`;
  await plain`select latchkey_audit_months(3)`;
  const [row] = await plain`select latchkey_audit.drop_older(400) as n`;
  expect(row?.n).toBe(1);
  await plain.end();
  await owner.end();
});

async function emptyDatabase() {
  const name = `latchkey_test_${process.pid}_${randomBytes(4).toString("hex")}`;
  made.databases.push(name);
  const server = postgres(inject("testServerUrl"), { max: 1, onnotice: () => {} });
  await server.unsafe(`create database ${name}`);
  await server.end();
  const url = new URL(inject("testServerUrl"));
  url.pathname = `/${name}`;
  return { name, url: url.href, owner: postgres(url.href, { max: 1, onnotice: () => {} }) };
}

/** The first `count` migrations alone, as an older Latchkey left them. */
async function migrateTo(url: string, count: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "latchkey-older-"));
  const journal = await import("./migrations/meta/_journal.json", { with: { type: "json" } });
  const entries = journal.default.entries.slice(0, count);
  await mkdir(join(folder, "meta"));
  await writeFile(join(folder, "meta/_journal.json"), JSON.stringify({ ...journal.default, entries }));
  for (const { tag } of entries) await cp(`drizzle/migrations/${tag}.sql`, join(folder, `${tag}.sql`));
  const client = postgres(url, { max: 1, onnotice: () => {} });
  await migrate(drizzle(client), { migrationsFolder: folder });
  await client.end();
  await rm(folder, { recursive: true });
}
