// `npm run bench`: the speed of the product beside bare programs, and how it grows and scales, on a fresh machine, in some five
// minutes. Timing never fails it; a wrong count or a broken process does. `npm run bench -- --full` (LATCHKEY_BENCH_FULL=1)
// refreshes 20,000 secrets and fills the tables with a million, which takes some minutes more and 10 GB for a while.
// LATCHKEY_BENCH_REFRESHES (5000, up to 20000) sets how many secrets are refreshed, LATCHKEY_BENCH_ONLY picks parts of:
// read, outbound, guard, sql, refresh, readers, scale, growth, start.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "./lib/begin.mjs";
import { bundle, bundleAside, ensureBuilt } from "./lib/build.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";
import { run } from "./lib/run.mjs";

process.env.NODE_ENV = "production";
if (process.argv.includes("--full")) process.env.LATCHKEY_BENCH_FULL = "1";
await ensureDependencies();
if (process.env.LATCHKEY_BENCH_NO_BUILD) await bundle(false);
else await ensureBuilt();
const files = (await readdir(join(ROOT, "lib/testing/bench"))).filter((file) => file.endsWith(".ts"));
const folder = await bundleAside(
  "bench",
  files.map((file) => `lib/testing/bench/${file}`),
);
const { code } = await run(process.execPath, [join(folder, "main.mjs")], { cwd: ROOT, show: true });
process.exitCode = code;
