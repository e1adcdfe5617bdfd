// `npm run test:guards [-- ROW …]`: takes every guard of scripts/guards/ out of a copy of the work tree, one at a time, and
// runs the tests that should notice. Ends with `N noticed, N not`; exits 1 when a removal went unnoticed. Without arguments
// all of them; `CRY` or `SS-3` picks rows. Takes minutes, so CI only checks that the list fits the code (scripts/guards.test.ts).
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { allGuards, editsOf } from "./guards/all.mjs";
import { ROOT } from "./lib/begin.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";
import { run, tail } from "./lib/run.mjs";

const WORKERS = 2;
/** What Vitest's report has of a test or a hook that ran into its limit. */
const TIMED_OUT = /STACK_TRACE_ERROR|(Test|Hook) timed out in/;
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
        const { noticedBy, complaint } = await withoutGuard(copy, guard);
        if (complaint === undefined) noticed += 1;
        else unnoticed.push(`${guard.row} ${guard.what}: ${complaint}`);
        const verdict = complaint === undefined ? "noticed" : "NOT    ";
        process.stdout.write(`${verdict}  ${guard.row}  ${guard.what}${noticedBy ? `  <- ${noticedBy}` : ""}\n`);
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

/** "none" where no test of this guard has anything to do with a database: starting one takes longer than they do. */
async function database(copy, { tests }) {
  const texts = await Promise.all(tests.map((file) => readFile(join(copy, file), "utf8")));
  const needed = texts.some((text) =>
    /lib\/testing\/(?!memory-tenant-keys|hand-clock)|_tests|\.\/(world|browser)"/.test(text),
  );
  return needed ? undefined : "none";
}

/**
 * Takes the guard out, runs its tests and puts it back.
 *
 * @param {string} copy
 * @param {import("./guards/all.mjs").Guard} guard
 * @returns {Promise<{noticedBy?: string, complaint?: string}>} the first test that failed, and with what; or why none did: every
 *   test passed, the tests did not run, or one was merely too slow, which shows nothing
 */
async function withoutGuard(copy, guard) {
  const report = join(copy, "guard-report.json");
  await rm(report, { force: true });
  const whole = new Map();
  try {
    for (const { file, find, replace } of editsOf(guard)) {
      const path = join(copy, file);
      const text = await readFile(path, "utf8");
      if (!whole.has(path)) whole.set(path, text);
      await writeFile(
        path,
        text.replace(find, () => replace),
      );
    }
    const { output } = await run(
      process.execPath,
      [
        vitest,
        "run",
        ...guard.tests,
        ...(guard.testName === undefined ? [] : ["--testNamePattern", guard.testName]),
        "--reporter=json",
        `--outputFile.json=${report}`,
        "--bail=1",
      ],
      { cwd: copy, env: { NODE_ENV: "test", FORCE_COLOR: "0", LATCHKEY_TEST_DATABASE: await database(copy, guard) } },
    );
    const text = await readFile(report, "utf8").catch(() => null);
    if (text === null) return { complaint: `the tests did not run\n${tail(output, 10)}` };
    const { numFailedTests, numPassedTests, testResults } = JSON.parse(text);
    if (numFailedTests > 0) {
      const failed = testResults.flatMap((file) => file.assertionResults).find(({ status }) => status === "failed");
      const [why = ""] = (failed?.failureMessages?.[0] ?? "").split("\n", 1);
      return TIMED_OUT.test(why)
        ? { complaint: `"${failed?.fullName}" took too long, which a slow machine does, too` }
        : { noticedBy: `${failed?.fullName}: ${why.slice(0, 200)}` };
    }
    return { complaint: numPassedTests > 0 ? "every test passed" : `no test ran\n${tail(output, 10)}` };
  } finally {
    for (const [path, text] of whole) await writeFile(path, text);
  }
}
