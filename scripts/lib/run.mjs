import { spawn } from "node:child_process";
import process from "node:process";

/** Ends the group of `$1` when our end of the pipe closes, which the kernel does however we end. */
const WATCHDOG = 'read -r _; kill -TERM -- "-$1" 2>/dev/null || exit 0; sleep 2; kill -KILL -- "-$1" 2>/dev/null';

/**
 * Runs a program to its end. It and all its children end with this process, even after kill -9.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{env?: Record<string, string | undefined>, show?: boolean, cwd?: string}} options show: pass its output through
 * @returns {Promise<{code: number, output: string}>} output: both streams, as they came
 */
export async function run(command, args, { env = {}, show = false, cwd } = {}) {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const pieces = [];
  child.stdout.on("data", (piece) => {
    pieces.push(piece);
    if (show) process.stdout.write(piece);
  });
  child.stderr.on("data", (piece) => {
    pieces.push(piece);
    if (show) process.stderr.write(piece);
  });
  const ended = new Promise((resolve) => {
    child.once("error", (error) => {
      pieces.push(Buffer.from(`${error.message}\n`));
      resolve(127);
    });
    child.once("close", (code, signal) => resolve(code ?? (signal ? 128 : 1)));
  });
  const guard = child.pid
    ? spawn("/bin/sh", ["-c", WATCHDOG, "latchkey-guard", String(child.pid)], {
        detached: true,
        stdio: ["pipe", "ignore", "ignore"],
      })
    : undefined;
  const code = await ended;
  guard?.kill("SIGKILL");
  return { code, output: Buffer.concat(pieces).toString("utf8") };
}

/**
 * One line that a long step has begun, one every few seconds while it lasts, one when it is done.
 *
 * @template T
 * @param {string} title
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(title, work) {
  const began = Date.now();
  const seconds = () => ((Date.now() - began) / 1000).toFixed(0);
  process.stdout.write(`${title} …\n`);
  const tick = setInterval(() => process.stdout.write(`  … ${seconds()} s\n`), 5_000);
  try {
    const result = await work();
    process.stdout.write(`  done in ${seconds()} s\n`);
    return result;
  } finally {
    clearInterval(tick);
  }
}

/** The end of a program's output, indented. */
export const tail = (output, lines = 30) => output.trim().split("\n").slice(-lines).join("\n").replace(/^/gm, "  ");
