import { type ChildProcess, spawn } from "node:child_process";
import { openSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Usage } from "./usage";

/** Where scripts/bench.mjs put the bundles of this folder: beside the one that runs. */
const HERE = fileURLToPath(new URL(".", import.meta.url));

/** A process of the bench that can be asked. */
export interface Child {
  /** Sends a message and resolves with the next one that comes back; one question at a time. */
  ask<T>(message: unknown): Promise<T>;
  usage(): Promise<Usage>;
  /** Resolves with the first line of its output that begins so; rejects when it ends before. */
  line(beginning: string): Promise<string>;
  stop(): Promise<void>;
}

const children = new Set<ChildProcess>();

/** One of this folder's processes: `provider`, `load`, ... */
export function startPart(name: string, env: Record<string, string> = {}): Child {
  return start([join(HERE, `${name}.mjs`)], env, "inherit");
}

/** A program of the product, run as it is, with the measuring of `usage.ts` loaded beside it. Its log goes to `logFile`. */
export function startMeasured(script: string, env: Record<string, string>, logFile: string): Child {
  const log = openSync(logFile, "a", 0o600);
  const extra = (process.env.LATCHKEY_BENCH_NODE_ARGS ?? "").split(" ").filter(Boolean);
  return start([...extra, "--import", pathToFileURL(join(HERE, "usage.mjs")).href, script], env, log);
}

function start(args: string[], env: Record<string, string>, stderr: "inherit" | number): Child {
  const process_ = spawn(process.execPath, args, {
    env: { PATH: process.env.PATH ?? "", NODE_ENV: "production", ...env },
    stdio: ["ignore", "pipe", stderr, "ipc"],
  });
  children.add(process_);
  const ended = new Promise<void>((resolve) =>
    process_.once("close", () => {
      children.delete(process_);
      resolve();
    }),
  );
  const waiting: { beginning: string; resolve(line: string): void }[] = [];
  const lines: string[] = [];
  let rest = "";
  process_.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    for (const line of parts) {
      lines.push(line);
      for (const one of waiting.filter(({ beginning }) => line.startsWith(beginning))) one.resolve(line);
    }
  });
  const gone = (what: string) =>
    ended.then(() => Promise.reject(new Error(`${args.at(-1)} ended ${what}\n${lines.join("\n")}`)));
  const ask = <T>(message: unknown): Promise<T> => {
    const answer = new Promise<T>((resolve) => process_.once("message", (value) => resolve(value as T)));
    process_.send(message as string);
    return Promise.race([answer, gone("instead of answering")]);
  };
  return {
    ask,
    usage: () => ask<Usage>("usage"),
    line: (beginning) => {
      const known = lines.find((line) => line.startsWith(beginning));
      if (known !== undefined) return Promise.resolve(known);
      const said = new Promise<string>((resolve) => waiting.push({ beginning, resolve }));
      return Promise.race([said, gone(`without saying “${beginning}”`)]);
    },
    stop: async () => {
      process_.kill("SIGTERM");
      await ended;
    },
  };
}

/** Ends whatever still runs; for a bench that broke or was interrupted. */
export function killChildren(): void {
  for (const child of children) child.kill("SIGKILL");
}
