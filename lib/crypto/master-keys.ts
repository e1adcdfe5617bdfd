import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { settings } from "@/lib/config";
import { type Kek, KekError, parseKeks } from "@/lib/crypto/keks";
import { readKeyFile, writeKeyFileOnce } from "@/lib/crypto/master-key-file";
import { LaunchError, onDataFolder } from "@/lib/db/launch-error";

/** The master keys as the settings give them. */
export interface MasterKeys {
  keks: [Kek, ...Kek[]];
  /** The list as it was given; a secret. */
  text: string;
  /** Where they came from, in words: the setting or file. */
  origin: string;
}

/** The file with the master keys; null when they come from the environment. It may not exist yet. */
export function masterKeyPath(): string | null {
  const { masterKey, masterKeyFile, dataDir } = settings();
  return masterKey !== undefined ? null : (masterKeyFile ?? join(dataDir, "master.key"));
}

/** Name of the setting that gives the keys, for messages. */
export function masterKeySetting(): string {
  const { masterKey, masterKeyFile } = settings();
  if (masterKey !== undefined) return "LATCHKEY_MASTER_KEY";
  return masterKeyFile !== undefined ? "LATCHKEY_MASTER_KEY_FILE" : "master.key";
}

/**
 * Reads the master keys where the settings say. One is made only in the data folder of an embedded database that holds nothing.
 *
 * @throws LaunchError naming the setting, never the value
 */
export async function readMasterKeys(
  holdings: { keys: boolean; data: boolean },
  report: (line: string) => void,
): Promise<MasterKeys> {
  const { masterKey, masterKeyFile, databaseUrl, dataDir } = settings();
  if (masterKey !== undefined) return parsed(masterKey, "LATCHKEY_MASTER_KEY");
  if (masterKeyFile !== undefined) {
    const text = await readKeyFile(masterKeyFile, report);
    if (text === null) throw new LaunchError(`LATCHKEY_MASTER_KEY_FILE names ${masterKeyFile}, which does not exist.`);
    return parsed(text, `LATCHKEY_MASTER_KEY_FILE (${masterKeyFile})`);
  }
  if (databaseUrl !== undefined)
    throw new LaunchError(
      "LATCHKEY_MASTER_KEY is needed with DATABASE_URL: several processes share that database and must share one key. Make one with: openssl rand -base64 32",
    );
  return onDataFolder(dataDir, async () => {
    const path = join(dataDir, "master.key");
    const origin = `The master key file ${path}`;
    const found = await readKeyFile(path, report);
    if (found !== null) return parsed(found, origin);
    if (holdings.keys || holdings.data)
      throw new LaunchError(
        `The database in ${dataDir} was sealed with a master key, and ${path} is gone. Put the file back, or give its content in LATCHKEY_MASTER_KEY. A new key would not open what is stored, so none is made.`,
      );
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    if (await writeKeyFileOnce(path, newMasterKey()))
      report(`Made the master key ${path}. Keep a copy elsewhere: without it no backup can be read`);
    return parsed((await readKeyFile(path, report)) ?? "", origin);
  });
}

/** The keys as the file has them now; null when they come from the environment. @throws LaunchError when they cannot be used */
export async function rereadMasterKeys(): Promise<MasterKeys | null> {
  const path = masterKeyPath();
  if (path === null) return null;
  const text = await readKeyFile(path, () => {});
  if (text === null) throw new LaunchError(`The master key file ${path} is gone.`);
  return parsed(text, `The master key file ${path}`);
}

/** 32 random bytes as the settings take them. */
export function newMasterKey(): string {
  return randomBytes(32).toString("base64");
}

function parsed(given: string, origin: string): MasterKeys {
  const text = given.trim();
  try {
    return { keks: parseKeks(text), text, origin };
  } catch (error) {
    if (error instanceof KekError) throw new LaunchError(`${origin}: ${error.message}`);
    throw error;
  }
}
