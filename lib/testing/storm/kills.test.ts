import { expect, it } from "vitest";
import { LEASE_MS } from "@/lib/refresher/policy";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import type { Started } from "@/lib/testing/spawn";
import { Crew, FULL, pause, tellFigures, until } from "./crew";

const world = useOAuthWorld({ LATCHKEY_DB_POOL: "6" });
const crew = new Crew(world);

/** Thirty seconds of life and half of it used: with ten thousand secrets longer, so that two cores can bear it. */
const SIZE = FULL
  ? { secrets: 10_000, lifeS: 200, runMs: 0, kills: 500 }
  : { secrets: 300, lifeS: 20, runMs: 30_000, kills: 0 };

it(
  "C1 kill -9 of workers: nothing is lost but what died between the provider and the commit, and only without grace",
  async () => {
    // A takeover on a busy machine may come late; how late is reported, and the judge is not to depend on it.
    world.idp.grants.graceMs = 3_600_000;
    const secrets = await crew.secrets(
      SIZE.secrets,
      ["strict", "grace", "soft", "graceReplay", "static", "graceLatest"],
      { expiresIn: SIZE.lifeS },
    );
    const behave = () => world.idp.always({ delayMs: 20 + Math.random() * 200, holdMs: 30 + Math.random() * 250 });
    behave();
    const changing = setInterval(behave, 100);
    const workers: (Started | null)[] = await Promise.all([crew.worker(), crew.worker(), crew.worker()]);
    const starting = new Set<Promise<void>>();
    const readers = await Promise.all([0, 1].map(() => crew.reader({ secretIds: secrets.map((secret) => secret.id) })));

    const began = performance.now();
    let [kills, stops, busy] = [0, 0, 0];
    const measured: Promise<number | null>[] = [];
    const over = () => (SIZE.kills > 0 ? kills >= SIZE.kills : performance.now() - began > SIZE.runMs);
    for (let n = 0; !over(); n++) {
      await pause(200 + Math.random() * 1_600);
      const place = n % workers.length;
      const victim = workers[place];
      if (!victim) continue; // Its successor is being started.
      workers[place] = null;
      if (n % 5 === 4) {
        // In order: nothing at all may be lost by this.
        victim.kill("SIGTERM");
        expect(await victim.ended).toBe(0);
        stops += 1;
      } else {
        // Preferably in the middle of a wave, with answers that only this process knows.
        for (let i = 0; i < 20 && world.idp.open < 3; i++) await pause(50);
        if (world.idp.open > 0) busy += 1;
        await crew.kill(victim);
        kills += 1;
        measured.push(takeover());
      }
      const start = crew.worker().then((next) => {
        workers[place] = next;
        starting.delete(start);
      });
      starting.add(start);
    }

    await Promise.all(starting);
    world.idp.always(null);
    clearInterval(changing);
    // Once more each, so that whatever was left behind by the dead has been taken over.
    await world.database.owner`update token_state set refresh_due_at = now() where refresh_due_at is not null`;
    const [{ at: moment } = { at: new Date() }] = await world.database.owner<
      { at: Date }[]
    >`select clock_timestamp() as at`;
    await until(
      async () => {
        const [row] = await world.database.owner<{ n: number }[]>`
      select count(*)::int as n from token_state
       where status in ('active', 'suspect') and suspect_since is null and updated_at < ${moment}`;
        return row?.n === 0;
      },
      "every secret to be refreshed once more or refused",
      FULL ? 1_800_000 : 180_000,
    );
    for (const worker of workers) worker?.kill("SIGTERM");
    for (const worker of workers) expect(await worker?.ended).toBe(0);
    const reports = await Promise.all(readers.map((reader) => crew.report(reader)));

    const verdict = await crew.judge(secrets);
    const takeovers = (await Promise.all(measured)).filter((ms) => ms !== null).sort((a, b) => a - b);
    tellFigures("C1", {
      secrets: secrets.length,
      kills,
      "in the middle of a wave": busy,
      "ended in order": stops,
      presentations: verdict.presentations,
      repeated: verdict.repeated,
      "lost without grace, each by a kill": verdict.lost.length,
      "unexplained or lost with grace": verdict.violations.length,
      reads: reports.reduce((sum, report) => sum + report.reads, 0),
      "reads by status": JSON.stringify(reports.map((report) => report.statuses)),
      "takeover p99 ms": takeovers[Math.floor(takeovers.length * 0.99)] ?? "none",
    });
    expect(verdict.violations).toEqual([]);
    expect(verdict.presentations).toBeGreaterThan(secrets.length * 2);
    expect(busy).toBeGreaterThan(0);
    for (const report of reports) {
      expect(report.reads).toBeGreaterThan(100);
      expect(report.wrong).toEqual([]);
    }
  },
  FULL ? 7_200_000 : 300_000,
);

/** From a kill until nobody's lease of that moment is left: reported, never asserted. That no lease lasts longer than 15 s from then is. */
async function takeover(): Promise<number | null> {
  const [lasting] = await world.database.owner<{ n: number }[]>`
    select count(*)::int as n from token_state where lease_holder is not null and lease_until > now() + ${LEASE_MS} * interval '1 ms'`;
  expect(lasting?.n).toBe(0);
  const leases = () =>
    world.database.owner<{ secret_id: string; fence: string }[]>`
      select secret_id, fence from token_state where lease_holder is not null`;
  const began = performance.now();
  const orphans = new Set((await leases()).map((row) => `${row.secret_id} ${row.fence}`));
  await pause(3_000);
  for (let n = 0; n < 600; n++) {
    const left = (await leases()).filter((row) => orphans.has(`${row.secret_id} ${row.fence}`));
    if (left.length === 0) return n === 0 ? null : Math.round(performance.now() - began);
    await pause(100);
  }
  return null;
}
