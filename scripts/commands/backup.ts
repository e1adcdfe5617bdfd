import { readFile } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import postgres from "postgres";
import { settings } from "@/lib/config";
import { LaunchError } from "@/lib/db/launch-error";
import { BackupWriter, FORMAT, VERSION } from "./backup-file";
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

async function write(url: string, path: string): Promise<number> {
  const sql = postgres(url, { max: 1, onnotice: () => {}, connection: { application_name: "latchkey-backup" } });
  const writer = await BackupWriter.create(path);
  try {
    const count = await sql.begin("isolation level repeatable read read only", async (tx) => {
      const [server] = await tx<{ version: string }[]>`select current_setting('server_version') as version`;
      const migrations = await tx<{ hash: string }[]>`select hash from drizzle.__drizzle_migrations order by id`;
      const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
      await writer.json("H", {
        format: FORMAT,
        version: VERSION,
        createdAt: new Date().toISOString(),
        latchkey: version,
        postgres: server?.version ?? "",
        migrations: migrations.map((row) => row.hash),
      });
      const tables = await tx<{ name: string; columns: string[] }[]>`
        select c.relname as name, array_agg(a.attname::text order by a.attnum) as columns
          from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
         group by c.relname order by c.relname`;
      for (const { name, columns } of tables) {
        await writer.json("T", { schema: "public", name, columns });
        const rows = await tx
          .unsafe(`copy (select ${columns.map(quoted).join(", ")} from public.${quoted(name)}) to stdout`)
          .readable();
        await pipeline(rows, async (chunks: AsyncIterable<Buffer>) => {
          for await (const chunk of chunks) await writer.data(chunk);
        });
        await writer.endTable();
      }
      const sequences = await tx<{ name: string; last: string | null }[]>`
        select sequencename as name, last_value::text as last from pg_sequences where schemaname = 'public'`;
      await writer.json(
        "S",
        sequences.map((row) => ({ schema: "public", ...row })),
      );
      return tables.length;
    });
    await writer.finish();
    return count;
  } catch (error) {
    await writer.abandon();
    throw error;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

export const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
