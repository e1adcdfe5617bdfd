import { createWriteStream } from "node:fs";
import { readFile, rename, rm, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import postgres from "postgres";
import { settings } from "@/lib/config";
import { LaunchError } from "@/lib/db/launch-error";
import { encode, FORMAT, type Frame, VERSION } from "./backup-file";
import { runCommand, say, withDatabase } from "./command";

/** `npm run backup -- <file>`: everything the embedded database holds, in one file, while Latchkey runs or not. */
export function backup(args: string[]): Promise<never> {
  return runCommand(async () => {
    const [path] = args;
    if (args.length !== 1 || !path) throw new LaunchError("Say where to: npm run backup -- <file>");
    if (settings().databaseUrl)
      throw new LaunchError(
        "DATABASE_URL names a server of your own: back it up with pg_dump, or as its operator does.",
      );
    await withDatabase(async (url) => {
      const rows = await write(url, path);
      say(`Backed up ${rows} tables to ${path}.`);
      say(
        "The master key is not in it. Keep a copy of the key apart from the backup: without the key nothing in it can be read, " +
          `with both everything can. (${settings().masterKeyFile ?? `${settings().dataDir}/master.key`}, or LATCHKEY_MASTER_KEY)`,
      );
    });
  });
}

/** Writes beside `path` (0600), flushes, and only then gives it its name. Answers the number of tables. */
async function write(url: string, path: string): Promise<number> {
  const draft = `${path}.part`;
  if (await stat(path).catch(() => null)) throw new LaunchError(`${path} exists already. Name a file that does not.`);
  const sql = postgres(url, { max: 1, onnotice: () => {}, connection: { application_name: "latchkey-backup" } });
  const count = { tables: 0 };
  try {
    await sql.begin("isolation level repeatable read read only", (tx) =>
      pipeline(encode(frames(tx, count)), createGzip(), createWriteStream(draft, { mode: 0o600, flush: true })),
    );
    await rename(draft, path);
    return count.tables;
  } catch (error) {
    await rm(draft, { force: true });
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall) throw new LaunchError(`${path} could not be written (${code}).`, { cause: error });
    throw error;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function* frames(
  tx: postgres.TransactionSql,
  count: { tables: number },
): AsyncGenerator<Exclude<Frame, { kind: "E" }>> {
  const [server] = await tx<{ version: string }[]>`select current_setting('server_version') as version`;
  const migrations = await tx<{ hash: string }[]>`select hash from drizzle.__drizzle_migrations order by id`;
  const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
  yield {
    kind: "H",
    value: {
      format: FORMAT,
      version: VERSION,
      createdAt: new Date().toISOString(),
      latchkey: version,
      postgres: server?.version ?? "",
      migrations: migrations.map((row) => row.hash),
    },
  };
  const tables = await tx<{ name: string; columns: string[] }[]>`
    select c.relname as name, array_agg(a.attname::text order by a.attnum) as columns
      from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
     group by c.relname order by c.relname`;
  for (const { name, columns } of tables) {
    yield { kind: "T", value: { schema: "public", name, columns } };
    const copy = `copy (select ${columns.map(quoted).join(", ")} from public.${quoted(name)}) to stdout`;
    const rows = await tx.unsafe(copy).readable();
    for await (const bytes of rows) yield { kind: "D", bytes: bytes as Buffer };
    // postgres.js 3.4.9 pauses the socket when a chunk fills the stream, and never resumes it when that chunk was the last:
    // the transaction would wait for ever. Its `read` is what resumes.
    rows._read(0);
    count.tables++;
  }
  const sequences = await tx<{ name: string; last: string | null }[]>`
    select sequencename as name, last_value::text as last from pg_sequences where schemaname = 'public'`;
  yield { kind: "S", value: sequences.map((row) => ({ schema: "public", ...row })) };
}

export const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
