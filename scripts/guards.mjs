// `npm run test:guards [-- ROW …]`: takes every guard of scripts/guards/ out of a copy of the work tree, one at a time, and
// runs the tests that should notice. Ends with `N noticed, N not`; exits 1 when a removal went unnoticed. Without arguments
// all of them; `CRY` or `SS-3` picks rows. Takes minutes, so CI only checks that the list fits the code (scripts/guards.test.ts).
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { allGuards } from "./guards/all.mjs";
import { ROOT } from "./lib/begin.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";
import { run, tail } from "./lib/run.mjs";

const WORKERS = 2;
await ensureDependencies();
const wanted = process.argv.slice(2);
const guards = allGuards.filter(
  ({ row }) => wanted.length === 0 || wanted.some((one) => row === one || row.startsWith(`${one}-`)),
);
if (guards.length === 0) {
  process.stderr.write(`No guard is listed for ${wanted.join(", ")}. Rows look like CRY or SS-3.\n`);
  process.exit(1);
}
const vitest = join(dirname(createRequire(join(ROOT, "package.json")).resolve("vitest/package.json")), "vitest.mjs");
const folder = await mkdtemp(join(tmpdir(), "latchkey-guards-"));
let noticed = 0;
const unnoticed = [];
try {
  const queue = [...guards];
  await Promise.all(
    Array.from({ length: WORKERS }, async (_, i) => {
      const copy = join(folder, `copy-${i}`);
      await copyTree(copy);
      for (let guard = queue.shift(); guard; guard = queue.shift()) {
        const verdict = await withoutGuard(copy, guard);
        if (verdict === null) noticed += 1;
        else unnoticed.push(`${guard.row} ${guard.what}: ${verdict}`);
        process.stdout.write(`${verdict === null ? "noticed" : "NOT    "}  ${guard.row}  ${guard.what}\n`);
      }
    }),
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
for (const line of unnoticed) process.stdout.write(`${line}\n`);
process.stdout.write(`\n${noticed} noticed, ${unnoticed.length} not\n`);
process.exitCode = unnoticed.length === 0 ? 0 : 1;

/** The files git knows, as they stand, beside the same node_modules. */
async function copyTree(copy) {
  const { code, output } = await run("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: ROOT,
  });
  if (code !== 0) throw new Error(`git does not list the files\n${tail(output)}`);
  for (const file of output.split("\0").filter(Boolean))
    await cp(join(ROOT, file), join(copy, file)).catch((error) => {
      if (error.code !== "ENOENT") throw error; // Deleted in the work tree, not yet in git.
    });
  await symlink(join(ROOT, "node_modules"), join(copy, "node_modules"));
}

/**
 * Null when a test failed without the guard. Otherwise why not: every test passed, or the tests did not run.
 *
 * @param {string} copy
 * @param {import("./guards/all.mjs").Guard} guard
 */
async function withoutGuard(copy, guard) {
  const path = join(copy, guard.file);
  const whole = await readFile(path, "utf8");
  const report = join(copy, "guard-report.json");
  await rm(report, { force: true });
  try {
    await writeFile(
      path,
      whole.replace(guard.find, () => guard.replace),
    );
    const { output } = await run(
      process.execPath,
      [vitest, "run", ...guard.tests, "--reporter=json", `--outputFile.json=${report}`, "--bail=1"],
      { cwd: copy, env: { NODE_ENV: "test", FORCE_COLOR: "0" } },
    );
    const text = await readFile(report, "utf8").catch(() => null);
    if (text === null) return `the tests did not run\n${tail(output, 10)}`;
    const { numFailedTests, numPassedTests } = JSON.parse(text);
    if (numFailedTests > 0) return null;
    return numPassedTests > 0 ? "every test passed" : `no test ran\n${tail(output, 10)}`;
  } finally {
    await writeFile(path, whole);
  }
}
