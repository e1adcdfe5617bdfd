// `npm run test:storm [-- C1 C4 …] [--full]`: the storms of lib/testing/storm with real processes, and their figures. Without
// names all of them, in the size that `npm test` runs; with --full as large as FAULTS.md asks, which takes hours.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { ROOT } from "./lib/begin.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";
import { run } from "./lib/run.mjs";

await ensureDependencies();
const names = process.argv.slice(2).filter((word) => word !== "--full");
const full = process.argv.includes("--full");
const odd = names.filter((name) => !/^(C\d+|embedded)$/.test(name));
if (odd.length > 0) {
  process.stderr.write(`A storm is called C1, C2 … or embedded, not ${odd.join(", ")}.\n`);
  process.exit(1);
}
const bin = join(dirname(createRequire(join(ROOT, "package.json")).resolve("vitest/package.json")), "vitest.mjs");
const which = names.length > 0 ? ["-t", `^(${names.join("|")}) `] : [];
const { code } = await run(
  process.execPath,
  [bin, "run", "lib/testing/storm", "--no-file-parallelism", "--passWithNoTests=false", ...which],
  { cwd: ROOT, show: true, env: { NODE_ENV: "test", ...(full ? { LATCHKEY_STORM_FULL: "1" } : {}) } },
);
process.exitCode = code;
