// Imported first by every script: before there is a node_modules, so node: modules only.
import process from "node:process";
import { fileURLToPath } from "node:url";

/** The repository's folder; every script works there, whoever called it from where. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/[/\\]$/, "");
/** Where the caller stood: relative file names in arguments are his. */
export const CALLED_FROM = process.env.INIT_CWD ?? process.cwd();

const [major = 0, minor = 0, patch = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && (minor < 18 || (minor === 18 && patch < 1)))) {
  process.stderr.write(
    `Latchkey needs Node 20.18.1 or newer; this is ${process.versions.node}. Get one from https://nodejs.org\n`,
  );
  process.exit(1);
}
if (process.platform === "win32") {
  process.stderr.write("Latchkey runs on Linux and macOS; on Windows start it inside WSL.\n");
  process.exit(1);
}
process.chdir(ROOT);
process.env.NEXT_TELEMETRY_DISABLED = "1";

/** What server.ts finds under "parentPid" (lib/process.ts): who started us, noted before anything slow happens. */
const REGISTRY = Symbol.for("latchkey.registry");
globalThis[REGISTRY] ??= new Map();
globalThis[REGISTRY].set("parentPid", process.ppid);

/** Ends this process when its parent has ended, until `handOver` says that the server watches itself. */
const watch = setInterval(() => {
  if (process.ppid !== globalThis[REGISTRY].get("parentPid")) process.exit(1);
}, 500);
watch.unref();
export const handOver = () => clearInterval(watch);

/** Prints a plain complaint and ends. */
export function refuse(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
