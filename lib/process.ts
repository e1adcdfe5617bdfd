/**
 * One registry per process. Next bundles `lib/` a second time, so a plain module variable would exist twice; pools, the
 * keyring, coalescing maps and the audit queue must not (STACK.md). Everything stateful is made through here.
 */
const REGISTRY = Symbol.for("latchkey.registry");

type Registry = Map<string, unknown>;

function registry(): Registry {
  const holder = globalThis as { [REGISTRY]?: Registry };
  holder[REGISTRY] ??= new Map();
  return holder[REGISTRY];
}

/** Returns the process's one `name`, making it on first use. */
export function once<T>(name: string, make: () => T): T {
  const all = registry();
  if (!all.has(name)) all.set(name, make());
  return all.get(name) as T;
}

/** Sets the process's one `name`, for what start-up decides (settings, database URL) and tests replace. */
export function install<T>(name: string, value: T): T {
  registry().set(name, value);
  return value;
}

/** The process's one `name` if it exists already. */
export function installed<T>(name: string): T | undefined {
  return registry().get(name) as T | undefined;
}

/** Forgets the process's one `name`; a later `once` makes a new one. For tests and shutdown. */
export function forget(name: string): void {
  registry().delete(name);
}
