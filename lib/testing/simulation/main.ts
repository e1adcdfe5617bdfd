import { runSeed } from "./run";
import { WEAKNESSES } from "./weakened";

/** `npm run test:simulation -- --seeds N [--seed S] [--weakness NAME]`. Exits 1 when a seed violates anything. */
async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const option = (name: string) => {
    const at = args.indexOf(name);
    return at >= 0 ? args[at + 1] : undefined;
  };
  const number = (name: string, fallback: number) => {
    const text = option(name) ?? String(fallback);
    if (!/^\d{1,15}$/.test(text)) throw new Error(`${name} takes a whole number, not ${text}.`);
    return Number(text);
  };
  const one = option("--seed") !== undefined && option("--seeds") === undefined;
  const from = number("--seed", 1);
  const count = one ? 1 : number("--seeds", 1_000);
  const weakness = WEAKNESSES.find((known) => known.name.startsWith(option("--weakness") ?? "-")) ?? null;
  let failed = 0;
  let steps = 0;
  const totals = { presented: 0, landed: 0, dead: 0, alternatives: 0, excused: 0, slowed: 0, faults: 0 };
  const began = performance.now();
  for (let seed = from; seed < from + count; seed++) {
    const verdict = await runSeed(seed, weakness);
    steps += verdict.steps;
    totals.faults += verdict.faults;
    for (const name of Object.keys(verdict.counts) as (keyof typeof verdict.counts)[])
      totals[name] += verdict.counts[name];
    if (one) process.stdout.write(`${verdict.trace.join("\n")}\nhash ${verdict.hash}\n`);
    if (verdict.violations.length === 0) continue;
    failed += 1;
    if (!one && failed === 1) process.stdout.write(`${verdict.trace.join("\n")}\n`);
    for (const { violation, at, detail } of verdict.violations)
      process.stdout.write(`seed ${seed}: ${violation} at ${(at / 1000).toFixed(3)} s: ${detail}\n`);
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(`${JSON.stringify(totals)}\n${count} seeds, ${steps} steps, ${seconds} s: ${failed} failed\n`);
  process.exitCode = failed === 0 ? 0 : 1;
}

await main();
