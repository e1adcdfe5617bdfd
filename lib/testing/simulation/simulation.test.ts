import { describe, expect, it } from "vitest";
import type { Violation } from "./judge";
import modelTraces from "./model-traces.json";
import { OWN_TRACES } from "./own-traces";
import { runSeed } from "./run";
import { replay } from "./scripted";
import { IMPATIENT, WEAKNESSES } from "./weakened";

/** FAULTS C13 and C14: the refresher's own code in virtual time, judged by the provider's ground truth. */
const SEEDS = 1_000;
/** By a trace of the model, or within so many seeds, every weakened protocol must be found out. */
const SEEDS_FOR_A_WEAKNESS = 600;

const traces = [...modelTraces, ...OWN_TRACES];

const told = (violations: { violation: string; detail: string }[]) =>
  violations.map(({ violation, detail }) => `${violation}: ${detail}`);

describe("random faults", () => {
  it(`violate nothing in ${SEEDS} seeds, and every kind of trouble was there`, { timeout: 300_000 }, async () => {
    const failed: string[] = [];
    const totals = { presented: 0, landed: 0, dead: 0, alternatives: 0, excused: 0, slowed: 0, faults: 0 };
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { violations, counts, faults } = await runSeed(seed);
      if (violations.length > 0) failed.push(`npm run test:simulation -- --seed ${seed}   ${told(violations)}`);
      totals.faults += faults;
      for (const name of ["presented", "landed", "dead", "alternatives", "excused", "slowed"] as const)
        totals[name] += counts[name];
    }
    expect(failed).toEqual([]);
    expect(totals.presented).toBeGreaterThan(5 * SEEDS);
    expect(totals.landed).toBeGreaterThan(5 * SEEDS);
    expect(totals.faults).toBeGreaterThan(SEEDS);
    for (const name of ["dead", "alternatives", "excused", "slowed"] as const) expect(totals[name]).toBeGreaterThan(0);
  });

  it("a provider that asks for patience again and again gets it", { timeout: 120_000 }, async () => {
    let slowed = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const { violations, counts } = await runSeed(seed, IMPATIENT);
      expect(told(violations)).toEqual([]);
      slowed += counts.slowed;
    }
    expect(slowed).toBeGreaterThan(60);
  });

  it("come again bit for bit from the same seed", async () => {
    for (const seed of [7, 77, 777]) {
      const [first, second, other] = [await runSeed(seed), await runSeed(seed), await runSeed(seed + 1)];
      expect(second.trace).toEqual(first.trace);
      expect(second.hash).toBe(first.hash);
      expect(other.hash).not.toBe(first.hash);
    }
  });
});

/** Seeds that once broke the product; what was wrong is in DECISIONS.md. */
describe("what the simulation found stays mended", () => {
  it.each([
    [1851, "a late answer of a provider without Date header took the place of a newer one"],
    [1840, "that the predecessor may have an unseen child was forgotten when the next token's fate was unknown too"],
    [3075, "a person's edit of the access token ended the lease of whoever was presenting the refresh token"],
    [
      776,
      "who stood still with a fresh lease sent at the end of it, before any heartbeat, and another presented the same",
    ],
  ])("seed %i: %s", async (seed) => {
    expect(told((await runSeed(seed)).violations)).toEqual([]);
  });
});

describe("the simulation has teeth", () => {
  it.each(WEAKNESSES.map((weakness) => [weakness.name, weakness] as const))(
    "finds: %s",
    { timeout: 120_000 },
    async (_name, weakness) => {
      const shown = (violations: { violation: Violation }[]) =>
        violations.some(({ violation }) => weakness.shows.includes(violation));
      for (const trace of traces)
        if (trace.variant.split(" ")[0] === weakness.name.split(" ")[0])
          if (shown((await replay(trace, weakness)).violations)) return;
      for (let seed = 1; seed <= SEEDS_FOR_A_WEAKNESS; seed++) {
        if (shown((await runSeed(seed, weakness)).violations)) return;
      }
      throw new Error(`not found within ${SEEDS_FOR_A_WEAKNESS} seeds`);
    },
  );
});

describe("random seeds alone", () => {
  it.each(["E2", "J"])("find %s, without a schedule written for it", { timeout: 120_000 }, async (letter) => {
    const weakness = WEAKNESSES.find(({ name }) => name.startsWith(`${letter} `));
    if (!weakness) throw new Error(`no weakness ${letter}`);
    for (let seed = 1; seed <= SEEDS; seed++)
      if ((await runSeed(seed, weakness)).violations.some(({ violation }) => weakness.shows.includes(violation)))
        return;
    throw new Error(`not found within ${SEEDS} seeds`);
  });
});

describe("the model's shortest counterexamples and our own, replayed on the real code", () => {
  it.each(traces.map((trace) => [`${trace.variant}: ${trace.violation}`, trace] as const))(
    "%s",
    async (_name, trace) => {
      const { violations, taken } = await replay(trace);
      expect(told(violations)).toEqual([]);
      expect(taken).toBeGreaterThan(1);
    },
  );
});
