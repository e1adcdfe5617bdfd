import { access } from "node:fs/promises";
import process from "node:process";
import { run, step, tail } from "./run.mjs";

/**
 * Installs a package of Debian where that is possible: as root, with apt.
 *
 * @returns {Promise<boolean>} whether it was
 */
export async function installDebian(name) {
  if (process.getuid?.() !== 0 || !(await isThere("/usr/bin/apt-get"))) return false;
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await run("apt-get", ["update", "-q"], { env });
  const { code } = await run("apt-get", ["install", "-y", "-q", "--no-install-recommends", name], { env });
  return code === 0;
}

/**
 * Makes sure that a command is there; it has the name of its package.
 *
 * @throws Error that says what to install
 */
export async function ensureCommand(name) {
  const tried = await run("/bin/sh", ["-c", `command -v ${name}`]);
  if (tried.code === 0) return;
  await step(`Installing ${name} for the tests`, async () => {
    if (!(await installDebian(name)))
      throw new Error(`${name} is needed by the tests: install it.\n${tail(tried.output, 3)}`);
  });
}

const isThere = (path) =>
  access(path).then(
    () => true,
    () => false,
  );
