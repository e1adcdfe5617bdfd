import { expect, it } from "vitest";
import { mac } from "@/lib/crypto/mac";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import type { Started } from "@/lib/testing/spawn";
import { Crew, FULL, type StormSecret, tellFigures, until } from "./crew";

const world = useOAuthWorld({ LATCHKEY_DB_POOL: "6" });
const crew = new Crew(world);
const figures = {
  rounds: 0,
  leased: 0,
  asked: 0,
  "late answers": 0,
  landed: 0,
  repeated: 0,
  "lost without grace (E2)": 0,
};

it(
  "C6 workers stopped for longer than their lease: nothing is sent late, and what was sent is landed however late it is",
  async () => {
    world.idp.grants.graceMs = 3_600_000;
    const pair = [await crew.worker(), await crew.worker()] as const;
    for (let n = 0; n < (FULL ? 200 : 2); n++) {
      const [victim, other] = n % 2 === 0 ? pair : [pair[1], pair[0]];
      await round(victim, other, n % 2 === 0);
    }
    for (const worker of pair) worker.kill("SIGTERM");
    for (const worker of pair) expect(await worker.ended).toBe(0);
    tellFigures("C6", figures);
    expect(figures.landed).toBe(figures["late answers"]);
    expect(figures.leased).toBeGreaterThan(0);
    expect(figures["late answers"]).toBeGreaterThan(0);
  },
  FULL ? 14_400_000 : 300_000,
);

/** @param early the provider answers while the worker is stopped, else after it goes on */
async function round(victim: Started, other: Started, early: boolean): Promise<void> {
  const { owner } = world.database;
  // Clients nobody has opened yet: opening one is what a worker does between lease and guard.
  const make = async () =>
    crew.secrets(9, ["strict", "grace", "static"], { expiresIn: 3_600 }, await world.addClient());
  const [askedOnes, leasedOnes] = [await make(), await make()];
  const ids = [...askedOnes, ...leasedOnes].map((secret) => secret.id);
  const leased = async (secrets: readonly StormSecret[]) => {
    const [row] = await owner<{ n: number; sent: number }[]>`
      select count(*)::int as n, count(sent_at)::int as sent from token_state
       where secret_id = any(${secrets.map((secret) => secret.id)}) and lease_holder is not null and lease_until > now()`;
    return row ?? { n: 0, sent: 0 };
  };
  const due = (secrets: readonly StormSecret[]) =>
    owner`update token_state set refresh_due_at = now() - interval '1 s' where secret_id = any(${secrets.map((one) => one.id)})`;

  // The other rests while the victim takes everything, so that it is known whose leases these are.
  const resting = await crew.stop(other);
  let release: () => void = () => {};
  world.idp.hold = new Promise<void>((resolve) => {
    release = resolve;
  });
  await due(askedOnes);
  await until(() => world.idp.open === askedOnes.length, "requests at the provider");
  const connection = await owner.reserve();
  await connection`begin`;
  await connection`lock table auth_clients in access exclusive mode`;
  await due(leasedOnes);
  await until(async () => (await leased(leasedOnes)).n > 0, "leases");
  const blow = await crew.stop(victim);
  figures.leased += (await leased(leasedOnes)).n;
  expect((await leased(leasedOnes)).sent).toBe(0);
  await connection`rollback`;
  connection.release();
  world.idp.hold = null;
  const late = presentationsOf(askedOnes).filter((p) => p.issued !== null);
  figures.asked += askedOnes.length;
  if (early) release();

  // Its leases lapse in the time they take: both its clock and the database's go on.
  await until(async () => (await leased([...askedOnes, ...leasedOnes])).n === 0, "leases to lapse");
  crew.go(other, resting);
  await until(async () => {
    const [row] = await owner<{ n: number }[]>`select count(*)::int as n from token_state
      where secret_id = any(${ids}) and (generation = 1 and suspect_since is null or lease_holder is not null)`;
    return row?.n === 0;
  }, "the other worker to take over");
  crew.go(victim, blow);
  if (!early) release();
  await until(() => world.idp.open === 0, "the provider's answers");

  // What the stopped one had asked comes to it now; whatever came is in the ledger, or was used already.
  const landed = async () => {
    const rows = await owner<{ token_mac: string }[]>`select token_mac from token_ledger where secret_id = any(${ids})`;
    const known = new Set(rows.map((row) => row.token_mac));
    const used = new Set(presentationsOf(askedOnes).map((p) => p.token));
    const there = (token: string) => known.has(mac("refresh-token", token)) || used.has(token);
    return late.filter((p) => there(p.issued as string)).length;
  };
  await until(async () => (await landed()) === late.length, "late answers to land");
  await crew.atRest();
  figures.rounds += 1;
  figures["late answers"] += late.length;
  figures.landed += await landed();

  // A strict provider ends a grant whose token comes twice, whoever stores the first answer (E2); all else lives.
  const asked = await crew.judge(askedOnes);
  expect(asked.violations).toEqual([]);
  figures.repeated += asked.repeated;
  figures["lost without grace (E2)"] += asked.lost.length;
  // Nothing of these was under way when it was stopped, so nothing may be presented twice: it finds its lease lost.
  expect(await crew.judge(leasedOnes)).toMatchObject({
    violations: [],
    repeated: 0,
    lost: [],
    presentations: leasedOnes.length,
  });
}

function presentationsOf(secrets: readonly StormSecret[]) {
  return secrets.flatMap((secret) => world.idp.grant(secret.grantId).presentations);
}
