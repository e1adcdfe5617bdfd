import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type postgres from "postgres";

/** The kernel's unit of CPU times in /proc, USER_HZ: a hundredth of a second on every platform that Node runs on. */
const TICK_US = 10_000;

/**
 * CPU time of the database so far: of the server, of all its processes, and of those that have ended.
 *
 * @param pid of the postmaster, `postmasterOf`
 * @returns microseconds, in steps of 10 ms; null where there is no /proc
 */
export async function databaseCpuUs(pid: number): Promise<number | null> {
  const all = await readdir("/proc").catch(() => [] as string[]);
  let ticks: number | null = null;
  for (const name of all) {
    if (!/^\d+$/.test(name)) continue;
    const text = await readFile(`/proc/${name}/stat`, "utf8").catch(() => null); // It has ended meanwhile.
    if (text === null) continue;
    // The name in parentheses may hold anything; behind it: state, parent, ..., 12: utime, stime, cutime, cstime.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const own = Number(fields[11]) + Number(fields[12]);
    if (Number(name) === pid) ticks = (ticks ?? 0) + own + Number(fields[13]) + Number(fields[14]);
    else if (Number(fields[1]) === pid) ticks = (ticks ?? 0) + own;
  }
  return ticks === null ? null : ticks * TICK_US;
}

/** The pid of the server's first process. The owner may read its own file. */
export async function postmasterOf(owner: postgres.Sql): Promise<number> {
  const [row] = await owner<{ folder: string }[]>`select current_setting('data_directory') as folder`;
  const text = await readFile(join(row?.folder ?? "", "postmaster.pid"), "utf8");
  return Number(text.split("\n")[0]);
}

/** `n` µs, or a dash where it cannot be known. */
export function us(value: number | null): string {
  return value === null ? "–" : `${Math.round(value)} µs`;
}
