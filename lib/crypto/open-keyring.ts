import { randomBytes, timingSafeEqual } from "node:crypto";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { open, type Place, seal } from "@/lib/crypto/envelope";
import { insertInstanceValue, instanceHoldings, readInstanceValue } from "@/lib/crypto/instance-value-store";
import { keepKeks, refreshKeks } from "@/lib/crypto/keep-keks";
import { holdKeys, type MissingKek, releaseKeys, wrapsBy } from "@/lib/crypto/key-holder-store";
import { KeksDifferError, Keyring } from "@/lib/crypto/keyring";
import { installMacKey } from "@/lib/crypto/mac";
import { type MasterKeys, masterKeySetting, readMasterKeys } from "@/lib/crypto/master-keys";
import { tenantKeyStore } from "@/lib/crypto/tenant-key-store";
import { LaunchError } from "@/lib/db/launch-error";
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
  const given = await readMasterKeys(holdings, report);
  if (!holdings.keys && holdings.data)
    throw new LaunchError(
      "The database holds accounts but no tenant keys, so nothing sealed in it can be opened. Restore it from a complete backup.",
    );
  const ids = given.keks.map((kek) => kek.idHex);
  const missing = await holdKeys(ids, masterKeySetting());
  if (missing.length > 0) throw lacks(given, missing, await wrapsBy(ids));
  try {
    install("keyring", new Keyring({ keks: given.keks, store: tenantKeyStore, renew: refreshKeks }));
    const check = await ensure("master-key-check", given.origin, () => Buffer.from(CHECK_TEXT));
    if (!same(check, Buffer.from(CHECK_TEXT))) throw wrongKey(given.origin);
    installMacKey(await ensure("mac-key", given.origin, () => randomBytes(MAC_KEY_BYTES)));
  } catch (error) {
    // Nobody need wait half a minute for a process that did not start.
    await releaseKeys();
    if (error instanceof KeksDifferError) throw new LaunchError(`${given.origin}: ${error.message}`);
    throw error;
  }
  return ids;
}

/** Ends what `openKeyring` began; the other processes need not wait for this one. */
export const closeKeyring = releaseKeys;

/** True when the stored check value, and every tenant key, can be opened with this process's keyring; for readiness. */
export async function keyringOpens(): Promise<boolean> {
  if (keepKeks().missing.length > 0) return false;
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

/** Some tenant keys are wrapped by master keys that are not given (CRY-9). */
function lacks({ origin }: MasterKeys, missing: readonly MissingKek[], ours: number): LaunchError {
  const list = missing.map(({ id, wraps }) => `${id} (${wraps} tenant key${wraps === 1 ? "" : "s"})`).join(", ");
  if (ours === 0)
    return new LaunchError(
      `${origin} is not the master key of this database, which is sealed with the master key ${list}. Give the key this database was made with.`,
    );
  return new LaunchError(
    `${origin} lacks a master key that still wraps tenant keys: ${list}. Add it to the list; it can be taken out when npm run rotate-key -- status says that it wraps none.`,
  );
}

function wrongKey(origin: string, cause?: unknown): LaunchError {
  return new LaunchError(
    `${origin} is not the master key of this database: it does not open the stored check value. Give the key this database was made with.`,
    { cause },
  );
}
