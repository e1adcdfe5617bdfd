import { keyring } from "@/lib/crypto/envelope";
import { holdKeys, type MissingKek } from "@/lib/crypto/key-holder-store";
import { masterKeySetting, rereadMasterKeys } from "@/lib/crypto/master-keys";
import { errorFields, log } from "@/lib/observability/log";
import { once } from "@/lib/process";

/**
 * Keeps this process's master keys what their file says, without a restart, and says to the others that it lives and which it has
 * (CRY-6). Keys of the environment never change while a process runs.
 */

/** Half of the 30 s after which a silent process counts as gone would do; a file changed by hand is seen as soon. */
const EVERY_MS = 5_000;

interface Kept {
  /** Tenant keys that this process cannot open, as of the last look; empty as long as all is well. */
  missing: readonly MissingKek[];
  running: Promise<void> | null;
  adopted: ((kekIds: string[]) => Promise<void>) | null;
}

export function keepKeks(): Kept {
  return once("kept-keks", () => ({ missing: [], running: null, adopted: null }));
}

/**
 * Looks every few seconds, from now until the returned function is called.
 *
 * @param adopted is told the ids when the file held other keys, the one that wraps first
 */
export function followMasterKeys(adopted: (kekIds: string[]) => Promise<void>): () => Promise<void> {
  keepKeks().adopted = adopted;
  const timer = setInterval(() => void refreshKeks(), EVERY_MS);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await keepKeks().running;
  };
}

/** Looks now; callers that come meanwhile share the look. Never rejects: what cannot be used is told to the log and not adopted. */
export function refreshKeks(): Promise<void> {
  const kept = keepKeks();
  kept.running ??= look(kept)
    .catch((error: unknown) => log.warn("master_keys_not_looked_at", errorFields(error)))
    .finally(() => {
      kept.running = null;
    });
  return kept.running;
}

async function look(kept: Kept): Promise<void> {
  const ring = keyring();
  const before = ring.kekIds;
  const given = await rereadMasterKeys().catch((error: unknown) => {
    // Half written by an editor, or gone: what is known goes on.
    log.error("master_key_file_unusable", errorFields(error));
    return null;
  });
  const ids = given?.keks.map((kek) => kek.idHex) ?? before;
  const same = ids.join() === before.join();
  let missing = await holdKeys(ids, masterKeySetting());
  if (missing.length > 0) {
    log.error("master_key_missing", { missing: missing.map(({ id, wraps }) => `${id} wraps ${wraps}`).join(", ") });
    // A list that lacks a key in use is not taken over, so that this process goes on with the one it has.
    if (!same) missing = await holdKeys(before, masterKeySetting());
  } else if (given && !same) {
    ring.adopt(given.keks);
    log.info("master_keys_adopted", { count: ids.length });
    // Not waited for: who looks may hold one of the connections that the entry needs.
    kept.adopted?.(ids).catch((error: unknown) => log.error("master_keys_not_recorded", errorFields(error)));
  }
  kept.missing = missing;
}
