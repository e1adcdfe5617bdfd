import type { Settings } from "@/lib/config";
import { install } from "@/lib/process";
import { fingerprintOf, type Process, sealedTokens } from "./process";
import { KINDS } from "./provider";
import { PLACE, planOf, Simulation, type Verdict } from "./simulation";
import type { Weakness } from "./weakened";

/** Longer than the slowest backoff, the longest late answer and the longest stall, twice over. */
const REST_MS = 3_600_000;

/**
 * Runs one seed to its end and judges it.
 *
 * @param weakness what is left out, to see that it is noticed; null for the product as it is
 * @returns the same for the same seed, on every machine
 */
export async function runSeed(seed: number, weakness: Weakness | null = null): Promise<Verdict> {
  install("settings", { logLevel: "silent" } as Settings);
  const sim = new Simulation({ ...planOf(seed), ...weakness?.plan }, weakness);
  const { plan } = sim;
  sim.note(JSON.stringify(plan));
  const secrets = plan.kinds.map((kind, i) => {
    sim.addSecret(`s${i}`, kind);
    return `s${i}`;
  });
  for (let i = 0; i < plan.processes; i++) sim.birth().start();
  people(sim, secrets);
  await sim.scheduler.until(plan.activeMs);
  sim.note("all faults are over");
  sim.faults.left = 0;
  await rest(sim);
  return sim.verdict();
}

/** Faults are over: everything must come to rest, and then nothing may be wrong. */
export async function rest(sim: Simulation): Promise<void> {
  sim.faults.left = 0;
  while (sim.alive().length < 2) sim.birth();
  for (const one of sim.alive()) if (!one.sweeps) one.start();
  const end = sim.now + REST_MS;
  const since = sim.now;
  while (!atRest(sim, since) && sim.now < end) await sim.scheduler.until(sim.now + 5_000);
  if (!atRest(sim, since)) sim.judge.stuck("it does not come to rest");
  sim.judge.settle();
}

/** Nothing is on its way, nobody waits, and every secret was refreshed since, is dead, or is gone. */
function atRest(sim: Simulation, since: number): boolean {
  if (sim.network.presentations.some((p) => p.arrivedAt === null || (p.heard === "nothing" && p.by.alive)))
    return false;
  if (sim.alive().some(({ self }) => self.running.size + self.waiters.size + self.background.size > 0)) return false;
  return [...sim.store.states.values()].every(
    (t) =>
      t.status === "dead" ||
      t.status === "unauthorized" ||
      (t.status === "active" && t.failures === 0 && (t.received_at as number) > since && !sim.store.isClaimable(t)),
  );
}

/** Readers, reports, people: whatever comes from outside. */
function people(sim: Simulation, secrets: readonly string[]): void {
  const { plan, random, scheduler } = sim;
  const next = () => {
    if (sim.now >= plan.activeMs) return;
    const secret = random.pick(secrets);
    const by = sim.alive().length > 0 ? random.pick(sim.alive()) : null;
    const what = random.next();
    if (what < 0.55) {
      if (by) void read(sim, by, secret, random.pick([0, 0, 30_000, 90_000])).catch(() => {});
    } else if (what < 0.75) {
      if (by) void report(sim, by, secret, random.chance(0.5)).catch(() => {});
    } else if (what < 0.85) {
      if (by && !sim.network.undelivered(secret)) void refreshNow(sim, by, secret).catch(() => {});
    } else if (what < 0.9) edit(sim, secret);
    else if (what < 0.95) {
      if (random.chance(0.5)) sim.consent(secret, random.pick(KINDS));
    } else if (what < 0.97) sim.patch(secret);
    else if (what < 0.975) {
      sim.note(`${secret} is deleted`);
      sim.store.delete(secret);
    } else if (what < 0.98) {
      sim.note(`the tokens of ${secret} are forgotten`);
      sim.store.forget(PLACE.tenantId, secret);
      scheduler.after(random.between(1_000, 60_000), null, () => sim.consent(secret, random.pick(KINDS)));
    }
    scheduler.after(random.between(500, 40_000), null, next);
  };
  scheduler.after(random.between(500, 40_000), null, next);
}

/** `GET token`: the stored token when it is good for long enough, else after a refresh. As lib/secrets/tokens does it. */
async function read(sim: Simulation, by: Process, secret: string, validityMs: number): Promise<void> {
  let seen = await by.view(secret);
  const good = (ms: number) => seen !== null && (seen.validForMs === null || seen.validForMs > ms);
  if (!seen?.row.sealed) return;
  if (!good(validityMs) && seen.row.renewable) {
    const began = sim.now;
    const waitMs = sim.random.pick([1_000, 8_000, 25_000]);
    await by.ensure(secret, { validityMs, generation: null, insist: false }, waitMs);
    if (!by.troubledSince(began)) sim.judge.waited(sim.now - began, waitMs);
    seen = await by.view(secret);
  }
  const sealed = seen?.row.sealed;
  if (seen && sealed && good(0)) sim.judge.handedOut(sealedTokens(sealed).access_token, seen.at);
}

/** `POST refused`: the current token's fingerprint causes one refresh, an older one none. */
async function report(sim: Simulation, by: Process, secret: string, stale: boolean): Promise<void> {
  const seen = await by.view(secret);
  if (!seen?.row.sealed || !seen.row.renewable) return;
  const fingerprint = stale ? fingerprintOf("an older one") : seen.row.fingerprint;
  if (fingerprint !== seen.row.fingerprint && !sim.weakness?.store?.name.startsWith("AnyGeneration")) return;
  if (sim.network.undelivered(secret)) return;
  const generation = stale ? seen.generation - 1 : seen.generation;
  sim.note(`${by.name} hears that generation ${generation} of ${secret} was refused`);
  await by.ensure(secret, { validityMs: 0, generation, insist: false }, 8_000);
}

async function refreshNow(sim: Simulation, by: Process, secret: string): Promise<void> {
  const seen = await by.view(secret);
  if (!seen?.row.renewable || sim.network.undelivered(secret)) return;
  await by.ensure(secret, { validityMs: 0, generation: seen.generation, insist: true }, 7_500);
}

/** A person edits name or fields: it touches no token column, unless the whole row is written back. */
function edit(sim: Simulation, secret: string): void {
  const seen = sim.store.row(PLACE.tenantId, secret);
  if (!seen || !sim.weakness?.wholeRow) return;
  const copy = { ...seen };
  sim.scheduler.after(sim.random.between(10, 20_000), null, () => {
    const row = sim.store.row(PLACE.tenantId, secret);
    if (row) Object.assign(row, { ...copy, lease_holder: row.lease_holder, fence: row.fence });
  });
}
