// Prometheus for the test of alert rules and dashboard: Debian's, taken apart beside the build, so that nothing is installed and
// no service of its package starts.
import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "./begin.mjs";
import { run, step, tail } from "./run.mjs";

const PROGRAMS = ["prometheus", "promtool"];
const OWN = join(ROOT, "dist", "tools", "prometheus");

/**
 * The folder that holds `prometheus` and `promtool`: the system's, or the one of an earlier run, or one fetched now.
 *
 * @returns {Promise<string>}
 */
export async function ensurePrometheus() {
  for (const folder of ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", join(OWN, "usr", "bin")])
    if (await isThere(folder)) return folder;
  return step("Fetching Prometheus for the test of its rules", fetchDebian);
}

async function fetchDebian() {
  if (!(await has("/usr/bin/apt-get")) || !(await has("/usr/bin/dpkg-deb")))
    throw new Error("Prometheus is not there: install it, so that the alert rules can be tested.");
  await mkdir(join(ROOT, "dist", "tools"), { recursive: true });
  const folder = await mkdtemp(join(ROOT, "dist", "tools", "fetching-"));
  try {
    // The sandbox user of apt may not write here, and need not.
    const options = ["-q", "-o", "APT::Sandbox::User=root"];
    if (process.getuid?.() === 0) await run("apt-get", [...options, "update"], { cwd: folder });
    const { output } = await run("apt-get", [...options, "download", "prometheus"], { cwd: folder });
    const pack = (await readdir(folder)).find((name) => name.endsWith(".deb"));
    if (!pack) throw new Error(`Prometheus could not be fetched\n${tail(output, 10)}`);
    const taken = await run("dpkg-deb", ["-x", pack, "apart"], { cwd: folder });
    if (taken.code !== 0) throw new Error(`Prometheus could not be taken apart\n${tail(taken.output, 10)}`);
    await rm(OWN, { recursive: true, force: true });
    await rename(join(folder, "apart"), OWN);
    return join(OWN, "usr", "bin");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const has = (path) =>
  stat(path).then(
    () => true,
    () => false,
  );

async function isThere(folder) {
  const found = await Promise.all(PROGRAMS.map((name) => has(join(folder, name))));
  return found.every(Boolean);
}
