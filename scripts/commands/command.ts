import { DatabaseUnfitError } from "@/drizzle/migrate";
import { SettingsError, settings } from "@/lib/config";
import { lockDataFolder } from "@/lib/db/data-folder-lock";
import { joinEmbedded, startEmbedded } from "@/lib/db/embedded";
import { LaunchError } from "@/lib/db/launch-error";
import { AppError } from "@/lib/errors";
import { install } from "@/lib/process";

export const say = (line: string) => void process.stdout.write(`${line}\n`);

/** Runs a command to its end: exit 0, or 1 with the reason in plain words where a person can mend it. */
export async function runCommand(work: () => Promise<void>): Promise<never> {
  try {
    await work();
    process.exit(0);
  } catch (error) {
    const plain = [SettingsError, LaunchError, DatabaseUnfitError, AppError].some((kind) => error instanceof kind);
    process.stderr.write(`${error instanceof Error ? (plain ? error.message : error.stack) : String(error)}\n`);
    process.exit(1);
  }
}

/** The database of the settings: DATABASE_URL's, the running embedded one, or the folder's, started for as long as needed. */
export async function withDatabase(work: (url: string) => Promise<void>): Promise<void> {
  const { databaseUrl, dataDir, url } = settings();
  const running = databaseUrl ?? (await joinEmbedded(dataDir))?.url;
  if (running) {
    install("databaseUrl", running);
    await work(running);
    return;
  }
  const lock = await lockDataFolder(dataDir, url);
  try {
    const server = await startEmbedded(dataDir, say);
    install("databaseUrl", server.url);
    try {
      await work(server.url);
    } finally {
      await server.stop();
    }
  } finally {
    await lock.release();
  }
}
