import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A process that a test started. */
export interface Started {
  pid: number;
  /** Everything printed so far, line by line. */
  lines: string[];
  /** Resolves with the first line that begins so; rejects when the process ends before. */
  line(beginning: string): Promise<string>;
  kill(signal: NodeJS.Signals): void;
  /** Writes a line to its stdin. */
  say(line: string): void;
  /** Resolves with code or signal when it has ended. */
  ended: Promise<number | NodeJS.Signals | null>;
}

const ENTRIES = ["idp", "latchkey", "rotation", "embedded"] as const;

/** Bundles the entries of lib/testing/processes; gives their paths by name. */
export async function bundleProcesses(): Promise<Record<(typeof ENTRIES)[number], string>> {
  // Inside the checkout, so that the bundles find node_modules; one folder per test process.
  const folder = join(ROOT, "dist", "testing", String(process.pid));
  await mkdir(folder, { recursive: true });
  await build({
    absWorkingDir: ROOT,
    entryPoints: ENTRIES.map((name) => ({ in: `lib/testing/processes/${name}.ts`, out: name })),
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    packages: "external",
    format: "esm",
    platform: "node",
    target: "node20",
    alias: { "@": ROOT.replace(/\/$/, "") },
    logLevel: "error",
  });
  const path = (name: (typeof ENTRIES)[number]) => join(folder, `${name}.mjs`);
  return { idp: path("idp"), latchkey: path("latchkey"), rotation: path("rotation"), embedded: path("embedded") };
}

/** Starts a bundled entry. Its stdin is ours: it can end itself when we are gone. @param cwd default: ours */
export function startProcess(path: string, env: Record<string, string> = {}, cwd?: string): Started {
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(process.execPath, [path], {
    cwd,
    env: { NODE_ENV: "test", PATH: process.env.PATH ?? "", ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  let rest = "";
  const take = (chunk: string) => {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts);
    for (const watch of watchers) watch();
  };
  child.stdout.setEncoding("utf8").on("data", take);
  child.stderr.setEncoding("utf8").on("data", take);
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.once("close", (code, signal) => {
      if (rest !== "") lines.push(rest);
      resolve(code ?? signal);
      for (const watch of watchers) watch();
    }),
  );
  let over: { by: number | NodeJS.Signals | null } | null = null;
  void ended.then((by) => {
    over = { by };
  });
  return {
    pid: child.pid ?? 0,
    lines,
    ended,
    kill: (signal) => void child.kill(signal),
    say: (line) => void child.stdin.write(`${line}\n`),
    line: (beginning) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = lines.find((line) => line.startsWith(beginning));
          if (found === undefined && !over) return;
          watchers.delete(look);
          if (found === undefined) {
            const all = lines.join("\n");
            reject(new Error(`It ended (${over?.by}) without saying “${beginning}”:\n${all}`));
          } else resolve(found);
        };
        watchers.add(look);
        void ended.then(look);
        look();
      }),
  };
}
