import { access, mkdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
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

/**
 * The path of a program: the given one, the machine's, or that of Debian's package unpacked into `dist/tools` without being installed, so
 * that no service starts by itself.
 *
 * @param {string} root the repository
 * @param {{name: string, given?: string, places: string[], inside: string}} program `name`: of the package; `inside`: where it lies in there
 * @throws Error that says what to install, where none exists
 */
export async function findProgram(root, { name, given, places, inside }) {
  const unpacked = join(root, "dist", "tools", name);
  for (const path of [given?.trim(), ...places, join(unpacked, inside)]) if (path && (await isFile(path))) return path;
  const draft = `${unpacked}.${process.pid}`;
  await mkdir(draft, { recursive: true });
  try {
    let output = "";
    const shell = async (script) => {
      const ended = await run("/bin/sh", ["-c", script], { cwd: draft });
      output += ended.output;
      return ended.code === 0;
    };
    const download = `apt-get download -q ${name} && dpkg-deb -x ${name}_*.deb .`;
    if (!(await shell(download)) && !(await shell(`apt-get update -q && ${download}`)))
      throw new Error(
        `${name} is needed here: install it, or name one in LATCHKEY_${name.toUpperCase()}.\n${tail(output, 8)}`,
      );
    await rename(draft, unpacked).catch((error) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error; // Somebody else was quicker.
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return join(unpacked, inside);
}

const isFile = (path) =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

const isThere = (path) =>
  access(path).then(
    () => true,
    () => false,
  );
