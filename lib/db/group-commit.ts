import { sqlState } from "@/lib/db/tx";

/**
 * Turns many concurrent single writes into few statements: what arrives while one flush runs goes out together with the
 * next. An idle batcher flushes at once, so a lone write waits for nobody. What the database refuses for one item's data is
 * flushed again in halves, so that it fails that item alone; a refused flush must therefore have done nothing.
 */
export interface GroupCommit<Item, Result> {
  /** Resolves with this item's own result after the statement that carried it has committed. */
  add(item: Item): Promise<Result>;
  /** What is not committed yet, and since when (monotonic ms) the oldest of it waits. */
  waiting(): { count: number; since: number | null };
}

/**
 * @param flush resolves with one result an item, in their order, when all are committed
 * @param options `max` items a flush, `parallel` flushes at once (1). With `share`, a flush takes its share of what waits and not
 *   all of it: no fewer than `share`, and as soon as so many are there. So the database works on one part while this process is at
 *   the next, where otherwise all that arrived together would go together and each of the two wait for the other. `alongside` items
 *   (1) are worth a flush beside others that are under way; fewer wait for the end of one of them
 */
export function groupCommit<Item, Result>(
  flush: (items: Item[]) => Promise<Result[]>,
  options: { max: number; parallel?: number; share?: number; alongside?: number },
): GroupCommit<Item, Result> {
  interface Waiting {
    item: Item;
    resolve: (result: Result) => void;
    reject: (error: unknown) => void;
    since: number;
  }
  const flushing = new Set<Waiting[]>();
  const queue: Waiting[] = [];
  const { max, parallel = 1, share = Number.POSITIVE_INFINITY, alongside = 1 } = options;
  let running = 0;
  let scheduled = false;

  /** Flushes a batch and tells everybody in it. Never rejects. */
  const settle = async (batch: Waiting[]): Promise<void> => {
    let results: Result[];
    try {
      results = await flush(batch.map((waiting) => waiting.item));
    } catch (error) {
      if (batch.length > 1 && isAboutData(error)) {
        const half = batch.length >> 1;
        await settle(batch.slice(0, half));
        await settle(batch.slice(half));
      } else for (const waiting of batch) waiting.reject(error);
      return;
    }
    for (const [i, waiting] of batch.entries()) waiting.resolve(results[i] as Result);
  };

  const pump = () => {
    scheduled = false;
    while (queue.length > 0 && running < parallel && (running === 0 || queue.length >= alongside)) {
      const part = Math.max(share, Math.ceil(queue.length / (parallel - running)));
      const batch = queue.splice(0, Math.min(max, part));
      running += 1;
      flushing.add(batch);
      void settle(batch).finally(() => {
        running -= 1;
        flushing.delete(batch);
        pump();
      });
    }
  };

  return {
    add: (item) =>
      new Promise((resolve, reject) => {
        queue.push({ item, resolve, reject, since: performance.now() });
        if (running >= parallel) return;
        if (queue.length >= share) pump();
        // One turn of the event loop lets requests that arrived together leave together.
        else if (!scheduled) {
          scheduled = true;
          setImmediate(pump);
        }
      }),
    waiting: () => {
      const batches = [...flushing, queue];
      const oldest = batches.flatMap((batch) => batch[0]?.since ?? []);
      return {
        count: batches.reduce((sum, batch) => sum + batch.length, 0),
        since: oldest.length === 0 ? null : Math.min(...oldest),
      };
    },
  };
}

/** SQLSTATE classes 22 (data exception), 23 (constraint) and 54 (too much of something): the database is well, one of the items is not. */
function isAboutData(error: unknown): boolean {
  return /^(?:22|23|54)/.test(sqlState(error) ?? "");
}
