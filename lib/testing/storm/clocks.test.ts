import { expect, it } from "vitest";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { Crew, FULL, pause, tellFigures, until } from "./crew";

const world = useOAuthWorld({ LATCHKEY_DB_POOL: "6" });
const crew = new Crew(world);
const HOUR = 3_600_000;

/** What is wrong with the clock of one node; the others and the database are right. */
const CLOCKS: { name: string; env: Record<string, string> }[] = [
  { name: "an hour ahead", env: { LATCHKEY_TEST_CLOCK_SHIFT_MS: String(HOUR) } },
  { name: "an hour behind", env: { LATCHKEY_TEST_CLOCK_SHIFT_MS: String(-HOUR) } },
  { name: "a day ahead", env: { LATCHKEY_TEST_CLOCK_SHIFT_MS: String(24 * HOUR) } },
  { name: "a day behind", env: { LATCHKEY_TEST_CLOCK_SHIFT_MS: String(-24 * HOUR) } },
  { name: "a tenth too fast", env: { LATCHKEY_TEST_CLOCK_DRIFT: "0.1" } },
  { name: "a tenth too slow", env: { LATCHKEY_TEST_CLOCK_DRIFT: "-0.1" } },
];

it(
  "C7 nodes with wrong clocks: no expired token is served, no call too many, no lease is stolen",
  async () => {
    const clocks = FULL ? CLOCKS : CLOCKS.filter(({ name }) => name === "a day ahead" || name === "a tenth too fast");
    const secrets = await crew.secrets(FULL ? 400 : 60, ["strict"], { expiresIn: 24 });
    // Long enough for leases of a wrong clock to be stolen while they are in use.
    world.idp.always({ delayMs: 100, holdMs: 400 });
    const workers = await Promise.all([crew.worker(), ...clocks.map((clock) => crew.worker(clock.env))]);
    const readers = await Promise.all(
      clocks.map((clock) => crew.reader({ secretIds: secrets.map((secret) => secret.id), concurrency: 2 }, clock.env)),
    );
    const generations = FULL ? 20 : 2;
    await until(
      async () => {
        const [row] = await world.database.owner<{ n: number }[]>`select min(generation)::int as n from token_state`;
        return (row?.n ?? 0) > generations;
      },
      "every secret to be refreshed some times",
      FULL ? 1_200_000 : 180_000,
    );
    await pause(500);
    const reports = await Promise.all(readers.map((reader) => crew.report(reader)));
    for (const worker of workers) worker.kill("SIGTERM");
    for (const worker of workers) expect(await worker.ended).toBe(0);
    const verdict = await crew.judge(secrets);
    tellFigures("C7", {
      clocks: clocks.map((clock) => clock.name).join(" and "),
      presentations: verdict.presentations,
      repeated: verdict.repeated,
      reads: reports.reduce((sum, report) => sum + report.reads, 0),
      "expired tokens served": reports.reduce((sum, report) => sum + report.wrong.length, 0),
    });
    expect(reports.flatMap((report) => report.wrong)).toEqual([]);
    expect(verdict).toMatchObject({ violations: [], repeated: 0, lost: [] });
    for (const report of reports) expect(report.reads).toBeGreaterThan(50);
  },
  FULL ? 3_600_000 : 300_000,
);
