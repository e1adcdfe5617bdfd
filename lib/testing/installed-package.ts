import { execFileSync, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { ROOT } from "@/scripts/lib/begin.mjs";
import { makePackage } from "@/scripts/lib/client-package.mjs";
import type { ApiServer } from "./api-server";
import type { OAuthWorld } from "./oauth-world";
import { madeId, postSecret } from "./secrets-api";

export interface Ran {
  code: number | null;
  out: string;
  err: string;
}

export interface RunOptions {
  input?: string;
  /** Instead of `env`. */
  vars?: Record<string, string>;
}

/** The package of client and command line as somebody installs it, in a project of its own. */
export interface InstalledPackage {
  /** Holds the project, `user`; the home of what is run. */
  folder: string;
  /** Of the world's task identity. */
  env: Record<string, string>;
  /** Runs a program in the project, where `latchkey` is found. The API is served by this process, so nothing here blocks it. */
  ran(command: string, args: string[], options?: RunOptions): Promise<Ran>;
  latchkey(args: string[], options?: RunOptions): Promise<Ran>;
  /** TypeScript's opinion of files in the project, as strict as it gets. */
  typesOf(files: string[], module?: "nodenext" | "esnext"): Promise<Ran>;
  /** A secret of the world's workspace. @returns its name */
  keep(type: string, credentials: Record<string, unknown>, more?: Record<string, unknown>): Promise<string>;
}

let count = 0;

/** Packs and installs it. Call it at the top of a test file, after `useOAuthWorld` and `useApiServer`. */
export function useInstalledPackage(world: OAuthWorld, server: ApiServer): InstalledPackage {
  const made = {} as InstalledPackage;
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), "latchkey-package-"));
    const tarball = await makePackage(join(folder, "made"), folder);
    await mkdir(join(folder, "user"));
    await writeFile(join(folder, "user", "package.json"), '{"name":"user","private":true,"type":"module"}');
    execFileSync("npm", ["install", "--offline", "--no-audit", "--no-fund", tarball], {
      cwd: join(folder, "user"),
      stdio: "pipe",
    });
    made.folder = folder;
    made.env = {
      PATH: `${join(folder, "user", "node_modules", ".bin")}:${process.env.PATH}`,
      HOME: folder,
      GIT_TERMINAL_PROMPT: "0",
      LATCHKEY_URL: server.url,
      LATCHKEY_KEY: world.task.key,
      LATCHKEY_WORKSPACE: world.place.workspaceId,
    };
  }, 120_000);
  afterAll(() => rm(made.folder, { recursive: true, force: true }));
  made.ran = (command, args, { input = "", vars = made.env } = {}) =>
    new Promise((resolve, reject) => {
      const child = spawn(command, args, { cwd: join(made.folder, "user"), env: vars as NodeJS.ProcessEnv });
      const said = { out: "", err: "" };
      child.stdout.on("data", (chunk) => {
        said.out += chunk;
      });
      child.stderr.on("data", (chunk) => {
        said.err += chunk;
      });
      child.on("error", reject);
      child.on("close", (code) => resolve({ code, ...said }));
      child.stdin.on("error", () => undefined); // A command that reads nothing has closed it.
      child.stdin.end(input);
    });
  made.latchkey = (args, options) => made.ran("latchkey", args, options);
  made.typesOf = (files, module = "nodenext") => {
    const resolution = module === "nodenext" ? "nodenext" : "bundler";
    const options = ["--noEmit", "--strict", "--skipLibCheck", "false", "--target", "es2022"];
    const types = ["--types", "node", "--typeRoots", join(ROOT, "node_modules", "@types")];
    const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
    const how = ["--module", module, "--moduleResolution", resolution];
    return made.ran(process.execPath, [tsc, ...options, ...how, ...types, ...files]);
  };
  made.keep = async (type, credentials, more = {}) => {
    const name = `Kept ${++count}`;
    madeId(await postSecret(world.place, world.owner.basic, { name, type, credentials, ...more }));
    return String(more.name ?? name);
  };
  return made;
}
