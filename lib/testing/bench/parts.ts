import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Child, startMeasured } from "./child";
import type { LoadReport } from "./load";

/** What every part of the bench needs: where things lie, who asks, and processes to ask. */
export interface Bench {
  /** The repository. */
  root: string;
  /** `Authorization` of the bench's person. */
  basic: string;
  /** Where the measured processes log. */
  logFile: string;
  /** What to call at the end, last first. */
  closing: (() => Promise<unknown>)[];
}

/** `npm run bench -- --full`: the sizes, in some minutes more. */
export const FULL = process.env.LATCHKEY_BENCH_FULL === "1";

/** Connections of a load. */
export const CONNECTIONS = 32;
export const ROUNDS = 3;
export const ROUND_S = Number(process.env.LATCHKEY_BENCH_ROUND_S?.trim() || 2.5);

/** A whole number from the environment, at most `max`. */
export const count = (name: string, fallback: number, max: number) =>
  Math.min(max, Math.max(1, Number(process.env[name]?.trim() || fallback)));

/** Starts a program of the product under measurement and waits for its ready line. */
export async function measured(
  bench: Bench,
  script: string,
  env: Record<string, string>,
  readyLine: string,
): Promise<Child> {
  const child = startMeasured(join(bench.root, script), env, bench.logFile);
  await child.line(readyLine);
  return child;
}

/** The bundle of one of this folder's programs. */
export function part(name: string): string {
  return fileURLToPath(new URL(`./${name}.mjs`, import.meta.url));
}

/** The port that a program of this folder printed. */
export async function portOf(child: Child): Promise<number> {
  return Number((await child.line("port ")).slice("port ".length));
}

/** Asks every so many ms until there is an answer; two minutes at most. */
export async function until<T>(look: () => Promise<T | null>, everyMs = 20): Promise<T> {
  const end = Date.now() + 120_000;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (Date.now() > end) throw new Error("It did not end within two minutes");
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** The run in the middle. */
export function median<R extends LoadReport>(reports: R[]): R {
  const sorted = [...reports].sort((a, b) => a.perSecond - b.perSecond);
  return sorted[Math.floor(sorted.length / 2)] as R;
}

/** What a contestant did for each that another did: compared within a round, because machines change their speed from round to round. */
export function ratioOf(reports: LoadReport[], to: LoadReport[]): number {
  const ratios = reports.map(({ perSecond }, round) => perSecond / (to[round] as LoadReport).perSecond);
  return ratios.sort((a, b) => a - b)[Math.floor(ratios.length / 2)] as number;
}

export const middle = (values: number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;

/** Has the API make a resource. @returns its id */
export async function made(bench: Bench, url: string, data: unknown): Promise<string> {
  const answer = await fetch(url, {
    method: "POST",
    headers: { authorization: bench.basic, "content-type": "application/json" },
    body: JSON.stringify({ data }),
  });
  if (answer.status !== 201) throw new Error(`${url} made nothing: ${answer.status} ${await answer.text()}`);
  return ((await answer.json()) as { data: { id: string } }).data.id;
}
