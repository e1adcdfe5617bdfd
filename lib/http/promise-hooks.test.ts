import { AsyncLocalStorage, executionAsyncId } from "node:async_hooks";
import { expect, test } from "vitest";
import { promiseHooksWhileNeeded } from "./promise-hooks";

/** With promise hooks each continuation has an id of its own; without them it has its surroundings'. */
async function areOn(): Promise<boolean> {
  await null;
  const here = executionAsyncId();
  await null;
  return here !== executionAsyncId();
}

test("promise hooks are on while something needs them and off afterwards, and every storage works again", async () => {
  const early = new AsyncLocalStorage<string>();
  const hooks = promiseHooksWhileNeeded();
  expect(await areOn()).toBe(false);
  const late = new AsyncLocalStorage<string>();
  for (let round = 1; round <= 3; round++) {
    const [first, second] = [hooks.needed(), hooks.needed()];
    const seen = await early.run(`early ${round}`, async () => {
      await null;
      late.enterWith(`late ${round}`);
      await null;
      first();
      await null;
      return [early.getStore(), late.getStore(), await areOn()];
    });
    expect(seen).toEqual([`early ${round}`, `late ${round}`, true]);
    second();
    expect(await areOn()).toBe(false);
    expect([early.getStore(), late.getStore()]).toEqual([undefined, undefined]);
  }
});
