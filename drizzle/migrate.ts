import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate } from "drizzle-orm/postgres-js/migrator";
import postgres from "postgres";
import { STATEMENT_NUMBERS } from "../lib/refresher/policy";

/** Serialises migrations of several processes starting at once. Any number will do; it is "latchkey" in no code. */
const MIGRATION_LOCK = 7_425_011;
/** The application's, and the one that owns the audit's closed months. */
const ROLES = ["latchkey_app", "latchkey_retention"];
/** Months of the audit made ahead at start; the job keeps it so. */
const MONTHS_AHEAD = 3;
const LOCK_NOT_AVAILABLE = "55P03";
/** Applied in this order whenever their text has changed. */
const REPEATABLE = ["security.sql", "keys.sql", "audit.sql", "refresher.sql", "webhooks.sql"];

/** The database cannot be used as it is; `message` says what to do. */
export class DatabaseUnfitError extends Error {
  override name = "DatabaseUnfitError";
}

/**
 * Brings the database named by `url` (its owner) to this version's shape: checks the server, applies the generated
 * migrations, makes the application's role and the row-level security. Safe to call from many processes at once.
 *
 * @param report gets one line per step that did something
 * @throws DatabaseUnfitError when the server is too old, may lose commits, or the role cannot be made, or when a newer Latchkey
 *   has been here: nothing is changed then
 */
export async function migrateDatabase(url: string, report: (line: string) => void): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {}, connection: { application_name: "latchkey-migrate" } });
  try {
    await checkServer(sql);
    await sql`select pg_advisory_lock(${MIGRATION_LOCK})`;
    await refuseNewer(sql);
    await ensureRoles(sql);
    const before = await appliedMigrations(sql);
    await migrate(drizzle(sql), { migrationsFolder: resolve(process.cwd(), "drizzle/migrations") });
    const applied = (await appliedMigrations(sql)) - before;
    if (applied > 0) report(`Applied ${applied} database migration${applied === 1 ? "" : "s"}`);
    for (const file of REPEATABLE) await applyRepeatable(sql, file);
    await makeAuditMonths(sql, report);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function checkServer(sql: postgres.Sql): Promise<void> {
  const [row] = await sql<{ version: number; name: string; fsync: string; commit: string }[]>`
    select current_setting('server_version_num')::int as version, current_setting('server_version') as name,
           current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit`;
  if (!row) throw new DatabaseUnfitError("The database did not tell its version.");
  if (row.version < 150_000)
    throw new DatabaseUnfitError(`Latchkey needs PostgreSQL 15 or newer; DATABASE_URL names version ${row.name}.`);
  if (row.fsync !== "on" || row.commit === "off")
    throw new DatabaseUnfitError(
      "This server may lose committed transactions (fsync or synchronous_commit is off), and with them rotated refresh tokens. Switch both on.",
    );
}

async function appliedMigrations(sql: postgres.Sql): Promise<number> {
  const [there] = await sql<
    { there: boolean }[]
  >`select to_regclass('drizzle.__drizzle_migrations') is not null as there`;
  if (!there?.there) return 0;
  const [row] = await sql<{ n: number }[]>`select count(*)::int as n from drizzle.__drizzle_migrations`;
  return row?.n ?? 0;
}

/** An older version would put its own functions and policies over a newer shape, and then work on what it does not know. */
async function refuseNewer(sql: postgres.Sql): Promise<void> {
  if ((await appliedMigrations(sql)) === 0) return;
  const journal = JSON.parse(
    await readFile(resolve(process.cwd(), "drizzle/migrations/meta/_journal.json"), "utf8"),
  ) as {
    entries: { when: number }[];
  };
  const ours = Math.max(...journal.entries.map((entry) => entry.when));
  const [row] = await sql<{ newer: number }[]>`
    select count(*)::int as newer from drizzle.__drizzle_migrations where created_at > ${ours}`;
  if (row?.newer)
    throw new DatabaseUnfitError(
      `A newer Latchkey has changed this database already (${row.newer} migration${row.newer === 1 ? "" : "s"} that this version does not know). Start that version again; nothing was changed.`,
    );
}

async function ensureRoles(sql: postgres.Sql): Promise<void> {
  const roles = await sql<{ name: string; exists: boolean; member: boolean }[]>`
    select name, r.oid is not null as exists, coalesce(pg_has_role(current_user, r.oid, 'MEMBER'), false) as member
      from unnest(${ROLES}::text[]) name left join pg_roles r on r.rolname = name`;
  const [me] = await sql<{ name: string; may: boolean }[]>`
    select rolname as name, rolcreaterole or rolsuper as may from pg_roles where rolname = current_user`;
  const missing = roles.filter((role) => !role.exists || !role.member);
  if (missing.length === 0) return;
  const create = (name: string) => `CREATE ROLE ${name} NOLOGIN NOBYPASSRLS`;
  if (!me?.may)
    throw new DatabaseUnfitError(
      `The role ${me?.name} may not create roles. Let an administrator run, once, in this database:\n${missing
        .flatMap((role) => [...(role.exists ? [] : [create(role.name)]), `GRANT ${role.name} TO "${me?.name}"`])
        .map((line) => `  ${line};`)
        .join("\n")}`,
    );
  for (const role of missing) {
    if (!role.exists) await sql.unsafe(create(role.name));
    await sql.unsafe(`GRANT ${role.name} TO CURRENT_USER`);
  }
}

/** This month's partition and the next ones. Busy tables are left to the job: entries find the default partition meanwhile. */
async function makeAuditMonths(sql: postgres.Sql, report: (line: string) => void): Promise<void> {
  try {
    await sql`select latchkey_audit_months(${MONTHS_AHEAD})`;
  } catch (error) {
    if ((error as { code?: unknown }).code !== LOCK_NOT_AVAILABLE) throw error;
    report("The audit trail is busy; its next months are made later");
  }
}

/** Runs the file when its text is new. */
async function applyRepeatable(sql: postgres.Sql, file: string): Promise<void> {
  const read = (name: string) => readFile(resolve(process.cwd(), "drizzle", name), "utf8");
  const text = withNumbers(await read(file));
  const digest = createHash("sha256").update(text).digest("hex");
  await sql`create table if not exists drizzle.repeatable (file text primary key, digest text not null)`;
  const [known] = await sql<{ digest: string }[]>`select digest from drizzle.repeatable where file = ${file}`;
  if (known?.digest === digest) return;
  const doors = await read("doors.sql");
  await sql.begin(async (tx) => {
    await tx.unsafe(text);
    // Here and not after: a function made anew is open to every role of the server until then, for good if we end between.
    await tx.unsafe(doors);
    await tx`insert into drizzle.repeatable values (${file}, ${digest})
             on conflict (file) do update set digest = excluded.digest`;
  });
}

/** Fills in the numbers that SQL and TypeScript share. Throws for one that nobody knows. */
function withNumbers(text: string): string {
  return text.replace(/@([A-Z]+(?:_[A-Z]+)*)@/g, (_mark, name: string) => {
    const value = STATEMENT_NUMBERS[name];
    if (value === undefined) throw new Error(`No number is known by the name ${name}.`);
    return String(value);
  });
}
