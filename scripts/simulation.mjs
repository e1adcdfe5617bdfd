// `npm run test:simulation -- --seeds N [--seed S]`: the refresher in deterministic simulation (lib/testing/simulation). One
// --seed alone prints its trace; with --seeds, N of them from S on (1 unless told).
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "./lib/begin.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";
import { run } from "./lib/run.mjs";

await ensureDependencies();
const { build } = await import("esbuild");
const outfile = join(ROOT, "dist", "simulation.mjs");
await build({
  absWorkingDir: ROOT,
  entryPoints: ["lib/testing/simulation/main.ts"],
  outfile,
  bundle: true,
  packages: "external",
  format: "esm",
  platform: "node",
  target: "node20",
  alias: { "@": ROOT },
  logLevel: "error",
});
const { code } = await run(process.execPath, [outfile, ...process.argv.slice(2)], { cwd: ROOT, show: true });
process.exitCode = code;
