import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { ROOT, refuse } from "./begin.mjs";
import { run, step, tail } from "./run.mjs";

const STAMP = join(ROOT, "node_modules", ".latchkey-install");

/** Installs the dependencies when they are missing or are not those of package-lock.json. */
export async function ensureDependencies() {
  const lock = await readFile(join(ROOT, "package-lock.json"), "utf8");
  const wanted = createHash("sha256").update(`${process.platform} ${process.arch}\n`).update(lock).digest("hex");
  if ((await readFile(STAMP, "utf8").catch(() => "")) === wanted) return;
  if (!(await installedBefore(JSON.parse(lock)))) await install();
  // Without the stamp the next start only compares again: a read-only node_modules is no reason to stop.
  await writeFile(STAMP, wanted).catch(() => undefined);
}

async function install() {
  await step("Installing dependencies (about 700 MB, a minute or two)", async () => {
    const args = ["ci", "--include=dev", "--no-audit", "--no-fund"];
    // The npm that called us, else the one beside this node, else whatever is on the path.
    const npm = process.env.npm_execpath?.endsWith(".js")
      ? [process.execPath, [process.env.npm_execpath, ...args]]
      : ["npm", args];
    const env = { NODE_ENV: "development", PATH: `${process.env.PATH ?? ""}:${dirname(process.execPath)}` };
    const { code, output } = await run(npm[0], npm[1], { env, cwd: ROOT });
    if (code !== 0)
      refuse(
        `\nThe dependencies could not be installed (npm ci ended with ${code}). Is the npm registry reachable?\n\n${tail(output)}`,
      );
  });
}

/** npm leaves its own record of what it installed, last of all: does it hold what the lock file asks for? */
async function installedBefore(lock) {
  const text = await readFile(join(ROOT, "node_modules", ".package-lock.json"), "utf8").catch(() => null);
  if (text === null) return false;
  const there = JSON.parse(text).packages;
  return Object.entries(lock.packages).every(
    ([path, entry]) => path === "" || entry.optional || there[path]?.version === entry.version,
  );
}
