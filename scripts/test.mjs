// `npm test`: everything, on a fresh machine. Its last line is `N passed, N failed`; it exits 1 when anything failed, or a
// suite did not run, or ran nothing.
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { ROOT } from "./lib/begin.mjs";
import { ensureCommand, installDebian } from "./lib/debian.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";
import { ensureMariadb } from "./lib/mariadb.mjs";
import { ensurePrometheus } from "./lib/prometheus.mjs";
import { run, step, tail } from "./lib/run.mjs";

const SYSTEM_CHROMIUM = "/usr/bin/chromium";
let passed = 0;
let failed = 0;
const problems = [];

await ensureDependencies();
const require = createRequire(join(ROOT, "package.json"));
const folder = await mkdtemp(join(tmpdir(), "latchkey-test-"));
try {
  await suite("Checks", check);
  await suite("Build", build);
  await suite("Unit, API and protocol tests", vitest);
  await suite("Browser tests", playwright);
} finally {
  await rm(folder, { recursive: true, force: true });
}
for (const line of problems) process.stdout.write(`${line}\n`);
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;

/** Runs one suite; what it throws, and a suite without tests, counts as one failure. */
async function suite(title, work) {
  process.stdout.write(`\n== ${title}\n`);
  const before = passed + failed;
  try {
    await work();
    if (passed + failed === before) throw new Error("no test ran");
  } catch (error) {
    failed++;
    problems.push(`${title}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function check() {
  const { code } = await run(process.execPath, ["scripts/check.mjs"], { cwd: ROOT, show: true });
  if (code === 0) passed++;
  else {
    failed++;
    problems.push("Checks: types, lint or import rules (see above)");
  }
}

/** Once, for the tests that start whole processes. */
async function build() {
  const { code } = await run(process.execPath, ["scripts/build.mjs"], { cwd: ROOT, show: true });
  if (code !== 0) throw new Error("the build failed (see above)");
  passed++;
}

async function vitest() {
  await ensurePrometheus();
  await ensureMariadb();
  for (const name of ["git", "curl"]) await ensureCommand(name);
  const report = join(folder, "vitest.json");
  const bin = join(dirname(require.resolve("vitest/package.json")), "vitest.mjs");
  const { code } = await run(
    process.execPath,
    [bin, "run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`],
    { cwd: ROOT, show: true, env: { NODE_ENV: "test", FORCE_COLOR: "0" } },
  );
  const result = await read(report, code);
  passed += result.numPassedTests;
  failed += result.numFailedTests;
  // A file that failed to load has no failed test of its own.
  const broken = result.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((one) => one.status === "failed"),
  );
  failed += broken.length;
  for (const file of broken) problems.push(`Could not run ${file.name}: ${String(file.message).split("\n")[0]}`);
  for (const file of result.testResults)
    for (const one of file.assertionResults)
      if (one.status === "failed") problems.push(`Failed: ${file.name.replace(`${ROOT}/`, "")} > ${one.fullName}`);
  if (code !== 0 && result.numFailedTests + broken.length === 0) throw new Error(`vitest ended with ${code}`);
}

async function playwright() {
  const chromium = await ensureChromium();
  const report = join(folder, "playwright.json");
  const cli = join(dirname(require.resolve("@playwright/test/package.json")), "cli.js");
  const { code, output } = await run(process.execPath, [cli, "test", "--reporter=list,json"], {
    cwd: ROOT,
    show: true,
    env: {
      PLAYWRIGHT_JSON_OUTPUT_NAME: report,
      FORCE_COLOR: "0",
      ...(chromium ? { LATCHKEY_CHROMIUM: chromium } : {}),
    },
  });
  const { stats, errors } = await read(report, code, output);
  passed += stats.expected + stats.flaky;
  failed += stats.unexpected;
  if (code !== 0 && stats.unexpected === 0) throw new Error(errors?.[0]?.message ?? `playwright ended with ${code}`);
}

async function read(report, code, output = "") {
  const text = await readFile(report, "utf8").catch(() => null);
  if (text === null) throw new Error(`did not run (ended with ${code})\n${tail(output, 10)}`);
  return JSON.parse(text);
}

/** A Chromium for the browser tests: the system's, Playwright's, or one installed now. Answers a path unless it is Playwright's. */
async function ensureChromium() {
  if (await isThere(SYSTEM_CHROMIUM)) return SYSTEM_CHROMIUM;
  const { chromium } = require("@playwright/test");
  if (await isThere(chromium.executablePath())) return null;
  return step("Installing Chromium for the browser tests", async () => {
    if ((await installDebian("chromium")) && (await isThere(SYSTEM_CHROMIUM))) return SYSTEM_CHROMIUM;
    const cli = join(dirname(require.resolve("@playwright/test/package.json")), "cli.js");
    const { code, output } = await run(process.execPath, [cli, "install", "chromium"], { cwd: ROOT });
    if (code !== 0) throw new Error(`Chromium could not be installed\n${tail(output, 10)}`);
    return null;
  });
}

function isThere(path) {
  return stat(path).then(
    () => true,
    () => false,
  );
}
