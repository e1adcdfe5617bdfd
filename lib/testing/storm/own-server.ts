import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { migrateDatabase } from "@/drizzle/migrate";
import { type EmbeddedServer, startEmbedded } from "@/lib/db/embedded";

/** A PostgreSQL of a test file's own, which may fall. */
export interface OwnServer {
  /** Starts it with a migrated database; for `useDatabase`. */
  start(): Promise<string>;
  /** Ends it at once, as a crash does. */
  fall(): Promise<void>;
  /** Starts it again at the same address. */
  rise(): Promise<void>;
  /** The data folder. */
  folder(): string;
}

/** @param place makes the folder it lies in; a new temporary one by default, removed at the end */
export function useOwnServer(place = () => mkdtemp(join(tmpdir(), "latchkey-storm-"))): OwnServer {
  let folder = "";
  let server: EmbeddedServer | null = null;
  const begin = async () => {
    server = await startEmbedded(folder, () => {});
    return server.url;
  };
  let url = "";
  afterAll(async () => {
    await server?.stop();
    if (folder) await rm(folder, { recursive: true, force: true });
  });
  return {
    start: async () => {
      folder = await place();
      await chmod(folder, 0o755);
      url = await begin();
      await migrateDatabase(url, () => {});
      return url;
    },
    fall: async () => {
      const { pid } = JSON.parse(await readFile(join(folder, "embedded.json"), "utf8")) as { pid: number };
      process.kill(pid, "SIGQUIT");
      await server?.died;
    },
    rise: async () => {
      if ((await begin()) !== url) throw new Error("The server came back at another address.");
    },
    folder: () => folder,
  };
}
