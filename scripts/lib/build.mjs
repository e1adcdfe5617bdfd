import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { ROOT, refuse } from "./begin.mjs";
import { run, step, tail } from "./run.mjs";

const FOLDERS = ["app", "components", "lib", "drizzle", "public"];
const FILES = [
  "server.ts",
  "next.config.mjs",
  "postcss.config.mjs",
  "tsconfig.json",
  "package-lock.json",
  "scripts/lib/build.mjs",
];
/** Where the bundles lie; browser tests build into their own (LATCHKEY_NEXT_DIST). */
const nextDist = () => process.env.LATCHKEY_NEXT_DIST ?? ".next";
export const bundleFolder = () => (process.env.LATCHKEY_NEXT_DIST ? `dist${process.env.LATCHKEY_NEXT_DIST}` : "dist");

/** Builds pages and server when their sources changed since the last whole build. */
export async function ensureBuilt() {
  const stamp = join(ROOT, nextDist(), "latchkey-build");
  const sources = await digest();
  if (
    (await readFile(stamp, "utf8").catch(() => "")) === sources &&
    (await isThere(join(ROOT, bundleFolder(), "server.mjs")))
  )
    return;
  await alone(async () => {
    if (
      (await readFile(stamp, "utf8").catch(() => "")) === sources &&
      (await isThere(join(ROOT, bundleFolder(), "server.mjs")))
    )
      return; // Somebody else built it while we waited.
    await rm(stamp, { force: true });
    // Types of routes that have gone since would fail the type check.
    for (const stale of ["types", "dev"]) await rm(join(ROOT, nextDist(), stale), { recursive: true, force: true });
    await step("Building (half a minute)", async () => {
      await bundle(false);
      const next = createRequire(join(ROOT, "package.json")).resolve("next/dist/bin/next");
      const { code, output } = await run(process.execPath, [next, "build"], {
        env: { NODE_ENV: "production" },
        cwd: ROOT,
      });
      if (code !== 0) refuse(`\nThe pages could not be built.\n\n${tail(output, 60)}`);
    });
    await writeFile(`${stamp}.new`, sources);
    await rename(`${stamp}.new`, stamp);
  });
}

/** Bundles server.ts and the threads it starts; half a second. */
export async function bundle(development) {
  const server = { in: "server.ts", out: development ? "server.development" : "server" };
  const thread = { in: "lib/secret-use/sql/thread.ts", out: "sql-thread" };
  await esbuild([server, thread], bundleFolder(), development);
}

/** Bundles modules that do not ship, named by path, into a folder of dist. Answers the folder. */
export async function bundleAside(folder, paths) {
  await esbuild(
    paths.map((path) => ({ in: path, out: basename(path, ".ts") })),
    join("dist", folder),
    false,
  );
  return join(ROOT, "dist", folder);
}

/** The module of a command (scripts/commands/<name>.ts), bundled when its sources changed. */
export async function command(name) {
  const folder = join(ROOT, "dist", "commands");
  const sources = await digest(["scripts/commands"]);
  if ((await readFile(join(folder, "stamp"), "utf8").catch(() => "")) !== sources) {
    const names = (await readdir(join(ROOT, "scripts/commands"))).filter((file) => file.endsWith(".ts"));
    const entries = names.map((file) => ({ in: `scripts/commands/${file}`, out: file.slice(0, -3) }));
    await esbuild(entries, "dist/commands", false);
    await writeFile(join(folder, "stamp"), sources);
  }
  return import(pathToFileURL(join(folder, `${name}.mjs`)).href);
}

async function esbuild(entryPoints, outdir, development) {
  const { build } = await import("esbuild");
  await build({
    absWorkingDir: ROOT,
    entryPoints,
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    packages: "external",
    format: "esm",
    platform: "node",
    target: "node20",
    sourcemap: "linked",
    alias: { "@": ROOT },
    define: { LATCHKEY_DEVELOPMENT: String(development) },
    logLevel: "error",
  });
}

async function digest(more = []) {
  const hash = createHash("sha256");
  const add = async (path) =>
    hash
      .update(`${path}\0`)
      .update(await readFile(join(ROOT, path)))
      .update("\0");
  for (const folder of [...FOLDERS, ...more]) {
    const entries = await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true }).catch(() => []);
    const paths = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(ROOT.length + 1))
      // What does not ship needs no new build.
      .filter((path) => !/\.test\.tsx?$|^lib\/testing\/|\/_tests\//.test(path));
    for (const path of paths.sort()) await add(path);
  }
  for (const path of FILES) await add(path);
  return hash.digest("hex");
}

/** One build of a folder at a time: a second start waits for the first, and steps over one that died. */
async function alone(work) {
  const lock = join(ROOT, bundleFolder(), "building");
  await mkdir(join(ROOT, bundleFolder()), { recursive: true });
  for (let told = false; ; ) {
    try {
      await writeFile(lock, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const pid = Number(await readFile(lock, "utf8").catch(() => "0"));
    const age = Date.now() - ((await stat(lock).catch(() => null))?.mtimeMs ?? 0);
    if (age > 600_000 || (pid > 0 ? !alive(pid) : age > 2_000)) await rm(lock, { force: true });
    else {
      if (!told) process.stdout.write(`Waiting for the build that process ${pid} is making\n`);
      told = true;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

const isThere = (path) =>
  stat(path).then(
    () => true,
    () => false,
  );
