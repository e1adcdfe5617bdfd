/**
 * Turns many concurrent single writes into few statements: what arrives while one flush runs goes out together with the
 * next. An idle batcher flushes at once, so a lone write waits for nobody.
 */
export interface GroupCommit<Item, Result> {
  /** Resolves with this item's own result after the statement that carried it has committed. */
  add(item: Item): Promise<Result>;
}

export function groupCommit<Item, Result>(
  flush: (items: Item[]) => Promise<Result[]>,
  options: { max: number; parallel?: number },
): GroupCommit<Item, Result> {
  interface Waiting {
    item: Item;
    resolve: (result: Result) => void;
    reject: (error: unknown) => void;
  }
  const queue: Waiting[] = [];
  const parallel = options.parallel ?? 1;
  let running = 0;
  let scheduled = false;

  const pump = () => {
    scheduled = false;
    while (running < parallel && queue.length > 0) {
      const batch = queue.splice(0, options.max);
      running += 1;
      flush(batch.map((waiting) => waiting.item))
        .then(
          (results) => {
            for (const [i, waiting] of batch.entries()) waiting.resolve(results[i] as Result);
          },
          (error) => {
            for (const waiting of batch) waiting.reject(error);
          },
        )
        .finally(() => {
          running -= 1;
          pump();
        });
    }
  };

  return {
    add: (item) =>
      new Promise((resolve, reject) => {
        queue.push({ item, resolve, reject });
        // One turn of the event loop lets requests that arrived together leave together.
        if (!scheduled && running < parallel) {
          scheduled = true;
          setImmediate(pump);
        }
      }),
  };
}
