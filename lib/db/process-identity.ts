import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";

const PS_ENV = { PATH: "/usr/bin:/bin", LC_ALL: "C" } as unknown as NodeJS.ProcessEnv;

/**
 * When process `pid` started, as text that no other process of that number will have: pids are reused, start times are
 * not. Null when there is no such process.
 */
export async function processStart(pid: number): Promise<string | null> {
  if (!isAlive(pid)) return null;
  if (process.platform === "linux") {
    try {
      const [stat, boot] = await Promise.all([
        readFile(`/proc/${pid}/stat`, "utf8"),
        readFile("/proc/sys/kernel/random/boot_id", "utf8"),
      ]);
      // The name in parentheses may hold spaces; the fields after it do not. Field 3 is the state, field 22 the start.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return fields[0] === "Z" ? null : `${boot.trim()}:${fields[19]}`;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT" || (error as NodeJS.ErrnoException).code === "ESRCH")
        return null;
      throw error;
    }
  }
  return (await ps(pid, "lstart=")) || null;
}

/** The command line of process `pid`, or null when it is gone or may not be read. */
export async function processCommand(pid: number): Promise<string | null> {
  if (!isAlive(pid)) return null;
  if (process.platform === "linux") {
    try {
      return (await readFile(`/proc/${pid}/cmdline`, "utf8")).replaceAll("\0", " ").trim();
    } catch {
      return null; // Gone between the two looks.
    }
  }
  return (await ps(pid, "command=")) || null;
}

/** True when a process of this number exists, whoever owns it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function ps(pid: number, column: string): Promise<string> {
  return new Promise((resolve) => {
    execFile("ps", ["-o", column, "-p", String(pid)], { env: PS_ENV }, (error, stdout) =>
      resolve(error ? "" : stdout.trim()),
    );
  });
}
