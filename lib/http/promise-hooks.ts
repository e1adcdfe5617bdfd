import { AsyncLocalStorage } from "node:async_hooks";

/**
 * Next and React keep what they are rendering in `AsyncLocalStorage`. Up to Node 22 the first `run` of any such storage turns hooks
 * on that see every promise of the process from then on, which costs a read that has nothing to do with Next about a seventh of
 * its time. `disable()`, which is public, turns them off once no storage needs them; the next `run` turns them on again.
 */
export interface PromiseHooks {
  /** Something that needs the hooks begins. What it returns is called once, when nothing of that is under way any more. */
  needed(): () => void;
}

/**
 * Call it before whatever uses such storages is loaded, once in a process, and not where something else needs them all the
 * time, such as tracing.
 */
export function promiseHooksWhileNeeded(): PromiseHooks {
  const used = watchStorages();
  let needs = 0;
  return {
    needed: () => {
      needs += 1;
      return () => {
        needs -= 1;
        if (needs > 0) return;
        for (const storage of used) storage.disable();
        used.clear();
      };
    },
  };
}

/** Every storage that was turned on: by `run` or `enterWith`, there is no other way. Nothing else tells of those of Next and React. */
function watchStorages(): Set<AsyncLocalStorage<unknown>> {
  const used = new Set<AsyncLocalStorage<unknown>>();
  const { prototype } = AsyncLocalStorage;
  const { run, enterWith } = prototype;
  prototype.run = function watched(this: AsyncLocalStorage<unknown>, ...given: Parameters<typeof run>) {
    used.add(this);
    return run.apply(this, given);
  } as typeof run;
  prototype.enterWith = function watched(this: AsyncLocalStorage<unknown>, store: unknown) {
    used.add(this);
    enterWith.call(this, store);
  };
  return used;
}
