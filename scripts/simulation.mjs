// `npm run test:simulation -- --seeds N [--seed S]`: the refresher in deterministic simulation (lib/testing/simulation). One
// --seed alone prints its trace; with --seeds, N of them from S on (1 unless told).
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "./lib/begin.mjs";
import { bundleAside } from "./lib/build.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";
import { run } from "./lib/run.mjs";

await ensureDependencies();
const folder = await bundleAside("simulation", ["lib/testing/simulation/main.ts"]);
const { code } = await run(process.execPath, [join(folder, "main.mjs"), ...process.argv.slice(2)], {
  cwd: ROOT,
  show: true,
});
process.exitCode = code;
