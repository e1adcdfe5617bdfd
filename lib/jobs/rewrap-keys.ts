import { keyring } from "@/lib/crypto/envelope";
import { FIRST_MARK, renewWraps } from "@/lib/crypto/tenant-key-store";

const BATCH = 100;

/**
 * Wraps every tenant key by the master key that comes first, once all living processes wrap with that one (CRY-6). No record is
 * touched. Works in batches, each a transaction: it may end at any instant and any number of processes may run it at once; whoever
 * runs it next goes on, because what is left to do is what the rows say.
 *
 * @param stopping ends it after the batch under way
 * @param tell is called after each batch that rewrapped something
 * @returns how many were rewrapped
 */
export async function rewrapKeys(stopping?: AbortSignal, tell?: (count: number) => void): Promise<number> {
  let count = 0;
  for (let from = FIRST_MARK; !stopping?.aborted; ) {
    const batch = await renewWraps(keyring(), from, BATCH);
    if (!batch) return count;
    count += batch.renewed;
    if (batch.renewed > 0) tell?.(count);
    if (!batch.next) return count;
    from = batch.next;
  }
  return count;
}
