import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate } from "drizzle-orm/postgres-js/migrator";
import postgres from "postgres";

/** Serialises migrations of several processes starting at once. Any number will do; it is "latchkey" in no code. */
const MIGRATION_LOCK = 7_425_011;
const APP_ROLE = "latchkey_app";
/** Applied in this order whenever their text has changed. */
const REPEATABLE = ["security.sql", "refresher.sql"];

/** The database cannot be used as it is; `message` says what to do. */
export class DatabaseUnfitError extends Error {
  override name = "DatabaseUnfitError";
}

/**
 * Brings the database named by `url` (its owner) to this version's shape: checks the server, applies the generated
 * migrations, makes the application's role and the row-level security. Safe to call from many processes at once.
 *
 * @param report gets one line per step that did something
 * @throws DatabaseUnfitError when the server is too old, may lose commits, or the role cannot be made
 */
export async function migrateDatabase(url: string, report: (line: string) => void): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {}, connection: { application_name: "latchkey-migrate" } });
  try {
    await checkServer(sql);
    await sql`select pg_advisory_lock(${MIGRATION_LOCK})`;
    await ensureRole(sql);
    const before = await appliedMigrations(sql);
    await migrate(drizzle(sql), { migrationsFolder: resolve(process.cwd(), "drizzle/migrations") });
    const applied = (await appliedMigrations(sql)) - before;
    if (applied > 0) report(`Applied ${applied} database migration${applied === 1 ? "" : "s"}`);
    for (const file of REPEATABLE) await applyRepeatable(sql, file);
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

async function ensureRole(sql: postgres.Sql): Promise<void> {
  const [row] = await sql<{ exists: boolean; member: boolean; may: boolean; me: string }[]>`
    select exists (select 1 from pg_roles where rolname = ${APP_ROLE}) as exists,
           exists (select 1 from pg_roles where rolname = ${APP_ROLE} and pg_has_role(current_user, oid, 'MEMBER')) as member,
           (select rolcreaterole or rolsuper from pg_roles where rolname = current_user) as may,
           current_user as me`;
  if (row?.exists && row.member) return;
  if (!row?.may)
    throw new DatabaseUnfitError(
      `The role ${row?.me} may not create roles. Let an administrator run, once, in this database:\n` +
        `  CREATE ROLE ${APP_ROLE} NOLOGIN NOBYPASSRLS;\n  GRANT ${APP_ROLE} TO "${row?.me}";`,
    );
  if (!row.exists) await sql.unsafe(`CREATE ROLE ${APP_ROLE} NOLOGIN NOBYPASSRLS`);
  await sql.unsafe(`GRANT ${APP_ROLE} TO CURRENT_USER`);
}

/** Runs the file when its text is new. */
async function applyRepeatable(sql: postgres.Sql, file: string): Promise<void> {
  const read = (name: string) => readFile(resolve(process.cwd(), "drizzle", name), "utf8");
  const text = await read(file);
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
