// `npm run test:fuzz -- [--requests N] [--seed S]`: every endpoint asked rightly, wrongly and oddly (lib/testing/fuzz), a million
// requests unless told; the same seed asks the same. Part of `npm test` with 20,000.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { ROOT, refuse } from "./lib/begin.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";
import { run } from "./lib/run.mjs";

const given = process.argv.slice(2);
const env = { LATCHKEY_FUZZ_REQUESTS: "1000000" };
for (let i = 0; i < given.length; i += 2) {
  const name = { "--requests": "LATCHKEY_FUZZ_REQUESTS", "--seed": "LATCHKEY_FUZZ_SEED" }[given[i]];
  if (!name || !/^[1-9]\d{0,8}$/.test(given[i + 1] ?? ""))
    refuse("Say it so: npm run test:fuzz -- --requests 20000 --seed 15");
  env[name] = given[i + 1];
}
await ensureDependencies();
const vitest = join(dirname(createRequire(join(ROOT, "package.json")).resolve("vitest/package.json")), "vitest.mjs");
const { code } = await run(process.execPath, [vitest, "run", "lib/testing/fuzz"], { cwd: ROOT, show: true, env });
process.exitCode = code;
