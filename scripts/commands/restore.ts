import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate } from "drizzle-orm/postgres-js/migrator";
import postgres from "postgres";
import { migrateDatabase } from "@/drizzle/migrate";
import { settings } from "@/lib/config";
import { lockDataFolder } from "@/lib/db/data-folder-lock";
import { startEmbedded } from "@/lib/db/embedded";
import { LaunchError } from "@/lib/db/launch-error";
import { quoted } from "./backup";
import { type Header, readBackup } from "./backup-file";
import { runCommand, say } from "./command";

const MIGRATIONS = "drizzle/migrations";

/** `npm run restore -- <file>`: a backup into an empty data folder, then brought to this version's shape. */
export function restore(args: string[]): Promise<never> {
  return runCommand(async () => {
    const [path] = args;
    if (args.length !== 1 || !path) throw new LaunchError("Say which file: npm run restore -- <file>");
    const { databaseUrl, dataDir, url } = settings();
    if (databaseUrl)
      throw new LaunchError(
        "Restoring is for the embedded database. Unset DATABASE_URL, or restore there with pg_restore.",
      );
    await requireEmpty(dataDir);
    say("Checking the file");
    const header = await check(path);
    const count = await knownMigrations(header);

    const lock = await lockDataFolder(dataDir, url);
    try {
      const server = await startEmbedded(dataDir, say);
      try {
        await shape(server.url, count);
        await load(server.url, path);
        await migrateDatabase(server.url, say);
      } catch (error) {
        await server.stop();
        await forgetHalf(dataDir);
        throw error;
      }
      await server.stop();
    } finally {
      await lock.release();
    }
    say(`Restored what ${path} held on ${header.createdAt} into ${dataDir}.`);
    say(
      "The master key travels apart: before `npm start` put the key this database was sealed with into " +
        `${join(dataDir, "master.key")} (mode 600), or give it in LATCHKEY_MASTER_KEY.`,
    );
  });
}

async function requireEmpty(dataDir: string): Promise<void> {
  const there = await readdir(dataDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const foreign = there.filter((name) => name !== "master.key");
  if (foreign.length > 0)
    throw new LaunchError(
      `${dataDir} is not empty (${foreign.slice(0, 3).join(", ")}). Restore into a new folder: LATCHKEY_DATA_DIR=<folder>. ` +
        "Only a master.key may lie in it already.",
    );
}

/** Reads the whole file once, so that a damaged one changes nothing. */
async function check(path: string): Promise<Header> {
  let header: Header | undefined;
  for await (const frame of readBackup(path)) if (frame.kind === "H") header = frame.value;
  if (!header) throw new LaunchError(`${path} is not a backup of Latchkey.`);
  return header;
}

interface Journal {
  entries: { idx: number; tag: string }[];
}

/** How many of our migrations the backup had; refuses one that had others. */
async function knownMigrations(header: Header): Promise<number> {
  const { entries } = JSON.parse(await readFile(join(MIGRATIONS, "meta/_journal.json"), "utf8")) as Journal;
  const ours = await Promise.all(
    entries.map(async ({ tag }) =>
      createHash("sha256")
        .update(await readFile(join(MIGRATIONS, `${tag}.sql`), "utf8"))
        .digest("hex"),
    ),
  );
  if (header.migrations.length > ours.length || header.migrations.some((hash, index) => hash !== ours[index]))
    throw new LaunchError(
      `This backup was made by Latchkey ${header.latchkey}, which is newer or other than this one. Use that version.`,
    );
  return header.migrations.length;
}

/** The tables as they were when the backup was made: the first `count` migrations. */
async function shape(url: string, count: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "latchkey-restore-"));
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    const journal = JSON.parse(await readFile(join(MIGRATIONS, "meta/_journal.json"), "utf8")) as Journal;
    const entries = journal.entries.slice(0, count);
    await mkdir(join(folder, "meta"));
    await writeFile(join(folder, "meta/_journal.json"), JSON.stringify({ ...journal, entries }));
    for (const { tag } of entries) await cp(join(MIGRATIONS, `${tag}.sql`), join(folder, `${tag}.sql`));
    await migrate(drizzle(sql), { migrationsFolder: folder });
  } finally {
    await sql.end({ timeout: 5 });
    await rm(folder, { recursive: true, force: true });
  }
}

/** All rows in one transaction; the order of foreign keys does not matter while triggers rest. */
async function load(url: string, path: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      let into: Writable | undefined;
      for await (const frame of readBackup(path)) {
        if (frame.kind === "T") {
          const { schema, name, columns } = frame.value;
          const target = `${quoted(schema)}.${quoted(name)} (${columns.map(quoted).join(", ")})`;
          await tx.unsafe(`delete from ${quoted(schema)}.${quoted(name)}`); // Rows a migration put there.
          into = await tx.unsafe(`copy ${target} from stdin`).writable();
        } else if (frame.kind === "D") await written(into as Writable, frame.bytes);
        else if (frame.kind === "E") await closed(into as Writable);
        else if (frame.kind === "S")
          for (const { schema, name, last } of frame.value)
            if (last !== null)
              await tx`select setval(${`${quoted(schema)}.${quoted(name)}`}::regclass, ${last}::bigint)`;
      }
    });
    await sql`analyze`;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

function written(stream: Writable, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once("error", reject);
    stream.write(bytes, (error) => {
      stream.off("error", reject);
      if (error) reject(error);
      else resolve();
    });
  });
}

function closed(stream: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once("error", reject);
    stream.end(() => resolve());
  });
}

/** After a failed restore the folder is as empty as before, so that the next try is not refused. */
async function forgetHalf(dataDir: string): Promise<void> {
  const { pgdata } = JSON.parse(await readFile(join(dataDir, "embedded.json"), "utf8")) as { pgdata: string };
  for (const path of [pgdata, join(dataDir, "embedded.json"), join(dataDir, "postgres.log")])
    await rm(path, { recursive: true, force: true });
}
