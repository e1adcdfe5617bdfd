import { executionAsyncId } from "node:async_hooks";

/** Loaded into a server by `--import`: prints whether Node's promise hooks are on whenever that changes. */
let said;
setInterval(async () => {
  await null;
  const here = executionAsyncId();
  await null;
  const state = here === executionAsyncId() ? "off" : "on";
  if (state !== said) process.stderr.write(`promise hooks ${state}\n`);
  said = state;
}, 20).unref();
