import { randomBytes, timingSafeEqual } from "node:crypto";
import { link, mkdir, readFile, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { settings } from "@/lib/config";
import { open, type Place, seal } from "@/lib/crypto/envelope";
import { insertInstanceValue, instanceHoldings, readInstanceValue } from "@/lib/crypto/instance-value-store";
import { type Kek, KekError, parseKeks } from "@/lib/crypto/keks";
import { Keyring } from "@/lib/crypto/keyring";
import { installMacKey } from "@/lib/crypto/mac";
import { tenantKeyStore } from "@/lib/crypto/tenant-key-store";
import { LaunchError, onDataFolder } from "@/lib/db/launch-error";
import { AppError } from "@/lib/errors";
import { install } from "@/lib/process";

/** What every right key opens to. */
const CHECK_TEXT = "latchkey master key check v1";
const MAC_KEY_BYTES = 32;

const placeOf = (name: string): Place => ({
  tenantId: INSTANCE_TENANT,
  table: "instance_values",
  rowId: name,
  field: "sealed",
  generation: 0,
});

/**
 * Gives this process its keys: reads the master key where the settings say, proves that it is this database's, and
 * installs the keyring and the key of all keyed hashes (CRY-9). A key is made only in an embedded database that has none.
 * Several processes may call it at once; all end with the same keys. The database must be migrated before.
 *
 * @param report gets one line when a key file was made or can be read by others
 * @returns the ids of the configured master keys, the one that wraps first
 * @throws LaunchError naming the setting, never the value, when there is no key or it is not this database's
 */
export async function openKeyring(report: (line: string) => void): Promise<string[]> {
  const holdings = await instanceHoldings();
  const { keks, origin } = await readMasterKeys(holdings, report);
  if (!holdings.keys && holdings.data)
    throw new LaunchError(
      "The database holds accounts but no tenant keys, so nothing sealed in it can be opened. Restore it from a complete backup.",
    );
  install("keyring", new Keyring({ keks, store: tenantKeyStore }));

  const check = await ensure("master-key-check", origin, () => Buffer.from(CHECK_TEXT));
  if (!same(check, Buffer.from(CHECK_TEXT))) throw wrongKey(origin);
  installMacKey(await ensure("mac-key", origin, () => randomBytes(MAC_KEY_BYTES)));
  return keks.map((kek) => kek.idHex);
}

/** True when the stored check value opens with this process's keyring; for readiness. */
export async function keyringOpens(): Promise<boolean> {
  const sealed = await readInstanceValue("master-key-check");
  if (!sealed) return false;
  try {
    return same((await open(placeOf("master-key-check"), sealed)).reveal(), Buffer.from(CHECK_TEXT));
  } catch (error) {
    if (error instanceof AppError && error.code === "integrity_failure") return false;
    throw error;
  }
}

const same = (a: Buffer, b: Buffer) => a.length === b.length && timingSafeEqual(a, b);

/** The instance's value of this name; made and sealed when there is none. Whoever stores first wins. */
async function ensure(name: string, origin: string, make: () => Buffer): Promise<Buffer> {
  try {
    let sealed = await readInstanceValue(name);
    if (!sealed) {
      await insertInstanceValue(name, await seal(placeOf(name), make()));
      sealed = await readInstanceValue(name);
    }
    if (!sealed) throw new Error(`The instance value ${name} was not stored.`);
    return (await open(placeOf(name), sealed)).reveal();
  } catch (error) {
    if (error instanceof AppError && error.code === "integrity_failure") throw wrongKey(origin, error);
    throw error;
  }
}

function wrongKey(origin: string, cause?: unknown): LaunchError {
  return new LaunchError(
    `${origin} is not the master key of this database: it does not open the stored check value. Give the key this database was made with.`,
    { cause },
  );
}

interface MasterKeys {
  keks: [Kek, ...Kek[]];
  /** Where they came from, in words: the setting or file. */
  origin: string;
}

async function readMasterKeys(holdings: { keys: boolean; data: boolean }, report: (line: string) => void) {
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
    const found = await readKeyFile(path, report);
    if (found !== null) return parsed(found, `The master key file ${path}`);
    if (holdings.keys || holdings.data)
      throw new LaunchError(
        `The database in ${dataDir} was sealed with a master key, and ${path} is gone. Put the file back, or give its content in LATCHKEY_MASTER_KEY. A new key would not open what is stored, so none is made.`,
      );
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    if (await writeKeyOnce(path))
      report(`Made the master key ${path}. Keep a copy elsewhere: without it no backup can be read`);
    return parsed((await readKeyFile(path, report)) ?? "", `The master key file ${path}`);
  });
}

function parsed(text: string, origin: string): MasterKeys {
  try {
    return { keks: parseKeks(text.trim()), origin };
  } catch (error) {
    if (error instanceof KekError) throw new LaunchError(`${origin}: ${error.message}`);
    throw error;
  }
}

async function readKeyFile(path: string, report: (line: string) => void): Promise<string | null> {
  try {
    const text = await readFile(path, "utf8");
    const { mode } = await stat(path);
    if (process.platform !== "win32" && (mode & 0o077) !== 0)
      report(`Warning: ${path} can be read by others on this machine; run: chmod 600 ${path}`);
    return text;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return null;
    if (code === "EACCES" || code === "EISDIR")
      throw new LaunchError(`The master key file ${path} cannot be read by this user.`, { cause: error });
    throw error;
  }
}

/** Writes a new key whole and only for us (0600), or leaves the file another process made first. True when it is ours. */
async function writeKeyOnce(path: string): Promise<boolean> {
  const draft = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`;
  await writeFile(draft, `${randomBytes(32).toString("base64")}\n`, { mode: 0o600, flag: "wx", flush: true });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await unlink(draft);
  }
}
