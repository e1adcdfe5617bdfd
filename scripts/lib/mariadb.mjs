// MariaDB for the tests of SQL: Debian's, taken apart beside the build, so that nothing is installed and no service starts.
import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "./begin.mjs";
import { run, step, tail } from "./run.mjs";

const OWN = join(ROOT, "dist", "tools", "mariadb");
/** The server, and those libraries of it that a machine seldom has. */
const PACKAGES = ["mariadb-server-core", "liburing2", "libaio1"];

/** Where a MariaDB is: its program, the folder of its messages and tables' definitions, and where its libraries lie. */
const placeAt = (root, libraries) => ({
  program: join(root, "usr/sbin/mariadbd"),
  share: join(root, "usr/share/mysql"),
  plugins: join(root, "usr/lib/mysql/plugin"),
  libraries,
});

/**
 * The system's MariaDB, or the one of an earlier run, or one fetched now.
 *
 * @returns {Promise<{program: string, share: string, plugins: string, libraries: string | null}>} `libraries`: for LD_LIBRARY_PATH
 * @throws Error that says what to install, where neither is possible
 */
export async function ensureMariadb() {
  const system = placeAt("/", null);
  if ((await isThere(system.program)) && (await isThere(join(system.share, "mysql_system_tables.sql")))) return system;
  if (!(await isThere(join(OWN, "usr/sbin/mariadbd"))))
    await step("Fetching MariaDB for the tests of SQL", fetchDebian);
  const lib = join(OWN, "usr/lib");
  const folders = (await readdir(lib)).filter((name) => name.includes("linux-gnu")).map((name) => join(lib, name));
  return placeAt(OWN, folders.join(":"));
}

async function fetchDebian() {
  if (!(await isThere("/usr/bin/apt-get")) || !(await isThere("/usr/bin/dpkg-deb")))
    throw new Error("MariaDB is not there: install it (mariadb-server), so that SQL can be tested.");
  await mkdir(join(ROOT, "dist", "tools"), { recursive: true });
  const folder = await mkdtemp(join(ROOT, "dist", "tools", "fetching-"));
  try {
    // The sandbox user of apt may not write here, and need not.
    const options = ["-q", "-o", "APT::Sandbox::User=root"];
    if (process.getuid?.() === 0) await run("apt-get", [...options, "update"], { cwd: folder });
    const { output } = await run("apt-get", [...options, "download", ...PACKAGES], { cwd: folder });
    const packs = (await readdir(folder)).filter((name) => name.endsWith(".deb"));
    if (packs.length < PACKAGES.length) throw new Error(`MariaDB could not be fetched\n${tail(output, 10)}`);
    for (const pack of packs) {
      const taken = await run("dpkg-deb", ["-x", pack, "apart"], { cwd: folder });
      if (taken.code !== 0) throw new Error(`${pack} could not be taken apart\n${tail(taken.output, 10)}`);
    }
    await rm(OWN, { recursive: true, force: true });
    await rename(join(folder, "apart"), OWN);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const isThere = (path) =>
  stat(path).then(
    () => true,
    () => false,
  );
