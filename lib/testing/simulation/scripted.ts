import type { Presentation } from "./network";
import type { Process } from "./process";
import type { Kind } from "./provider";
import { rest } from "./run";
import { settled } from "./scheduler";
import { PLACE, type Plan, Simulation } from "./simulation";
import type { Weakness } from "./weakened";

/** What a schedule may hold back and let go. */
const HELD = new Set(["acquire", "guard", "connect", "request", "answer", "land", "fail"]);

interface Gate {
  kind: string;
  by: Process;
  owner: Process | null;
  run: () => void;
}

export interface ModelTrace {
  variant: string;
  violation: string;
  scenario: string;
  kind: string;
  steps: string[];
}

const WORKERS = 3;

/** A run in which a schedule, not time, decides what comes first: the steps of a trace of refresh-model.mjs. */
class ScriptedSimulation extends Simulation {
  readonly held: Gate[] = [];
  #next: "unavailable" | "consumedThenUnavailable" | null = null;
  #statement: { by: Process; fault: "lost" | "unsure" } | null = null;
  free = false;

  override gate(kind: string, who: { by: Process; owner: Process | null }, ms: number, run: () => void): void {
    if (this.free || !HELD.has(kind)) super.gate(kind, who, ms, run);
    else this.held.push({ kind, ...who, run });
  }

  override scripted(_p: Presentation, fault: "unavailable" | "consumedThenUnavailable"): boolean {
    if (this.#next !== fault) return false;
    this.#next = null;
    return true;
  }

  override scriptedStatement(by: Process, kind: string, fault: "lost" | "unsure"): boolean {
    if (kind !== "land" || this.#statement?.by !== by || this.#statement.fault !== fault) return false;
    this.#statement = null;
    return true;
  }

  /** Lets the oldest such moment come to pass. False: the protocol is not there, so the step cannot be taken. */
  async let(kind: string, by: Process): Promise<boolean> {
    await this.scheduler.until(this.now + 20);
    const at = this.held.findIndex((gate) => gate.kind === kind && gate.by === by);
    const [gate] = at >= 0 ? this.held.splice(at, 1) : [];
    if (!gate || (gate.owner && !gate.owner.alive)) return false;
    gate.run();
    await settled();
    await this.scheduler.until(this.now + 20);
    return true;
  }

  async letWith(fault: "unavailable" | "consumedThenUnavailable", by: Process): Promise<boolean> {
    this.#next = fault;
    const done = await this.let("request", by);
    this.#next = null;
    return done;
  }

  async landWith(fault: "lost" | "unsure", by: Process): Promise<boolean> {
    this.#statement = { by, fault };
    const done = await this.let("land", by);
    this.#statement = null;
    return done;
  }

  /** Nothing is held back any more. */
  release(): void {
    this.free = true;
    for (const gate of this.held.splice(0)) super.gate(gate.kind, gate, 0, gate.run);
  }
}

export interface Replay {
  violations: Simulation["judge"]["found"];
  trace: string[];
  /** Steps of the trace that the protocol did not let happen. */
  refused: string[];
  taken: number;
}

/** Replays a trace on the refresher's own code, lets everything come to rest and judges it. */
export async function replay(trace: ModelTrace, weakness: Weakness | null = null): Promise<Replay> {
  const plan: Plan = {
    seed: 1,
    kinds: [trace.kind as Kind],
    processes: WORKERS,
    lifetimeS: 600,
    activeMs: 0,
    enabled: [],
    readiness: 0,
    budget: 0,
    epochMs: 1_800_000_000_000,
    sendsDate: true,
    providerSkewMs: 0,
    staticSilent: false,
    pointed: false,
  };
  const sim = new ScriptedSimulation(plan, weakness);
  sim.addSecret("s0", trace.kind as Kind);
  const workers = Array.from({ length: WORKERS }, () => sim.birth());
  const row = () => sim.store.row(PLACE.tenantId, "s0");
  makeDue(sim);
  const refused: string[] = [];
  let taken = 0;
  for (const step of trace.steps) {
    sim.note(`-- ${step}`);
    if (await take(sim, step, workers, row)) taken += 1;
    else refused.push(step);
  }
  sim.note("-- the schedule is over");
  sim.release();
  await rest(sim);
  return { violations: sim.judge.found, trace: sim.trace, refused, taken };
}

function makeDue(sim: Simulation): void {
  const row = sim.store.row(PLACE.tenantId, "s0");
  if (row) Object.assign(row, { refresh_due_at: sim.now, expires_at: sim.now });
}

async function take(
  sim: ScriptedSimulation,
  step: string,
  workers: Process[],
  row: () => ReturnType<Simulation["store"]["row"]>,
): Promise<boolean> {
  const number = Number(/\bw(\d)\b/.exec(step)?.[1] ?? -1);
  const w = workers[number];
  const said = step.replace(/\bw\d\b/g, "w").replace(/\bRT\d+\b/g, "RT");
  if (w && !w.alive) {
    // A crashed process comes back as a new one.
    const again = sim.birth();
    workers[number] = again;
    return take(sim, step, workers, row);
  }
  switch (said) {
    case "w takes lease":
    case "w starts (no lease)":
    case "w queues for lease":
    case "w gets lease after queueing":
    case "w lease wait timed out, goes on without": {
      // After a failure the row rests a moment.
      const rests = row();
      if (rests && rests.failures > 0 && rests.lease_holder === null && rests.refresh_due_at !== null)
        await sim.scheduler.until(Math.max(sim.now, rests.refresh_due_at + 1));
      // Whoever does not get the lease waits for it, as every reader does, and looks again.
      void w?.ensure("s0", { validityMs: 0, generation: null, insist: false }, 25_000).catch(() => {});
      const fence = row()?.fence;
      return w !== undefined && (await sim.let("acquire", w)) && row()?.fence !== fence;
    }
    case "w reads row":
      return true; // acquiring answers with the row
    case "w pre-send check":
      return w !== undefined && sim.let("guard", w);
    case "w sends RT":
      return w !== undefined && sim.let("connect", w);
    case "w times out":
    case "w call deadline passes, answer still out":
    case "lease TTL runs out during call":
      await sim.scheduler.until(sim.now + (said.startsWith("lease") ? 16_000 : 90_000));
      return w === undefined || sim.let("fail", w);
    case "lease expires (holder gone)":
      await sim.scheduler.until(sim.now + 16_000);
      return true;
    case "IdP handles RT from w":
      return w !== undefined && sim.let("request", w);
    case "IdP 503 before consuming RT":
    case "IdP consumes RT then 502": {
      const by = sim.held.find((gate) => gate.kind === "request")?.by;
      return by !== undefined && sim.letWith(said.includes("503") ? "unavailable" : "consumedThenUnavailable", by);
    }
    case "answer reaches w":
      return w !== undefined && sim.let("answer", w);
    case "w stores RT":
      return w !== undefined && sim.let("land", w);
    case "w database write fails":
      return w !== undefined && sim.landWith("lost", w);
    case "w database commit applied but reported as failed":
      return w !== undefined && sim.landWith("unsure", w);
    case "w handles invalid_grant":
      return w !== undefined && sim.let("fail", w);
    case "w releases":
      // Landing gives the lease back; after a failure, recording it does.
      if (w) await sim.let("fail", w);
      return true;
    case "w CRASH":
      w?.crash();
      return true;
    case "access token expires":
      makeDue(sim);
      return true;
    case "user reconnects (new grant)":
      sim.consent("s0", row() ? (sim.plan.kinds[0] ?? "static") : "static");
      return true;
    case "caller with generation w reports 401":
    case "caller with generation 1 reports 401":
      void workers[0]?.ensure("s0", { validityMs: 0, generation: 1, insist: false }, 8_000).catch(() => {});
      await sim.scheduler.until(sim.now + 50);
      return true;
    case "metadata edit reads row":
    case "metadata edit writes row":
      return true; // names and fields are in another table (I11)
    default:
      throw new Error(`The model knows a step that the replay does not: ${step}`);
  }
}
