import type { Paced } from "@/lib/refresher/pace";
import { FAULTS, type Fault, Faults } from "./faults";
import { Judge } from "./judge";
import { Network, type Presentation } from "./network";
import { fingerprintOf, macOf, Process, seal } from "./process";
import { accessToken, KINDS, type Kind, refreshToken, TrueProvider } from "./provider";
import { Random } from "./random";
import { RowStore } from "./row-store";
import { Scheduler } from "./scheduler";
import { storedTokens } from "./tokens";
import type { Weakness } from "./weakened";

export const PLACE = { tenantId: "tenant", workspaceId: "workspace" };

/** What a run is about, drawn from its seed. */
export interface Plan {
  seed: number;
  kinds: Kind[];
  processes: number;
  lifetimeS: number;
  /** How long faults and people are at work; after that everything comes to rest. */
  activeMs: number;
  enabled: Fault[];
  readiness: number;
  budget: number;
  epochMs: number;
  sendsDate: boolean;
  providerSkewMs: number;
  staticSilent: boolean;
  /** Troubles come where they hurt most: a late answer while the next attempt begins, a reconnection while a refusal is looked at again. */
  pointed: boolean;
}

export interface Verdict {
  seed: number;
  violations: Judge["found"];
  trace: string[];
  hash: string;
  steps: number;
  faults: number;
  counts: Judge["counts"];
  plan: Plan;
}

/** One run: processes, rows, provider and network in virtual time, all from one seed. */
export class Simulation {
  readonly scheduler = new Scheduler();
  readonly random: Random;
  readonly faults: Faults;
  readonly truth = new TrueProvider();
  readonly network: Network;
  readonly store: RowStore;
  readonly judge: Judge;
  readonly processes: Process[] = [];
  readonly clientId = "client";
  readonly trace: string[] = [];
  #attempts = 0;
  #grants = 0;
  #born = 0;
  #hash = 0x811c9dc5;

  constructor(
    readonly plan: Plan,
    readonly weakness: Weakness | null = null,
  ) {
    this.random = new Random(plan.seed + 1);
    this.faults = new Faults(this.random, new Set(plan.enabled), plan.readiness, plan.budget);
    this.network = new Network(this, this.truth);
    const make = weakness?.store ?? RowStore;
    this.store = new make(
      () => this.now,
      () => `attempt-${++this.#attempts}`,
    );
    this.judge = new Judge(this);
  }

  get now(): number {
    return this.scheduler.now;
  }

  note(what: string): void {
    const line = `${(this.now / 1000).toFixed(3).padStart(10)} ${what}`;
    this.trace.push(line);
    let hash = this.#hash;
    for (let i = 0; i < line.length; i++) hash = Math.imul(hash ^ line.charCodeAt(i), 0x01000193);
    this.#hash = hash;
  }

  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  /** A moment at which a schedule may decide what comes first; here time does. Whose moment it is may die just before or after. */
  gate(_kind: string, who: { by: Process; owner: Process | null }, ms: number, run: () => void): void {
    const { by, owner } = who;
    this.scheduler.after(ms, owner, () => {
      const dies = by.alive && this.faults.strikes("crash", 0.3);
      const before = dies && this.random.chance(0.5);
      if (before) this.kill(by);
      if (!before || owner === null) run();
      if (dies && by.alive) this.kill(by);
      if (by.alive && this.faults.strikes("stall", 0.3)) by.stall(this.random.skewed(500, 240_000));
      if (by.alive && this.faults.strikes("databaseAway", 0.2)) by.loseDatabase(this.random.skewed(1_000, 120_000));
      if (by.alive && this.faults.strikes("clockJumps", 0.2)) by.wallSkewMs = this.random.between(-1, 1) * 86_400_000;
    });
  }

  /** The process dies; a new one takes its place before long. */
  kill(process: Process): void {
    const swept = process.sweeps;
    process.crash();
    if (swept) this.scheduler.after(this.random.between(500, 30_000), null, () => this.birth().start());
  }

  /** A fault that a schedule asks for; here the dice do. */
  scripted(_p: Presentation, _fault: "unavailable" | "consumedThenUnavailable"): boolean {
    return false;
  }

  scriptedStatement(_by: Process, _kind: string, _fault: "lost" | "unsure"): boolean {
    return false;
  }

  birth(): Process {
    const process = new Process(this, `w${this.#born++}`);
    this.processes.push(process);
    return process;
  }

  alive(): Process[] {
    return this.processes.filter((one) => one.alive);
  }

  addSecret(secretId: string, kind: Kind): void {
    this.store.insert({
      tenant_id: PLACE.tenantId,
      workspace_id: PLACE.workspaceId,
      secret_id: secretId,
      auth_client_tenant_id: PLACE.tenantId,
      auth_client_id: this.clientId,
    });
    this.consent(secretId, kind);
  }

  /** A person grants access: a new grant, in one statement (REFRESH section 4, "Notes"). */
  consent(secretId: string, kind: Kind): void {
    const row = this.store.row(PLACE.tenantId, secretId);
    if (!row) return;
    const grant = `g${++this.#grants}`;
    const issued = this.truth.create(grant, kind);
    this.judge.issuedAccess(grant, issued.access);
    const tokens = storedTokens(accessToken(grant, issued.access), refreshToken(grant, issued.refresh));
    this.#save(secretId, grant, tokens, this.plan.lifetimeS * 1000 * (0.3 + 0.2 * this.random.next()), null);
    this.note(`a person grants access to ${secretId} (${grant}, ${kind})`);
  }

  /** A provider refused once. Whoever sees that may reconnect, at any time before or while it is looked at again. */
  refusedOnce(secretId: string): void {
    if (!this.plan.pointed || this.random.chance(0.5)) return;
    const row = this.store.row(PLACE.tenantId, secretId);
    const again = Math.max(this.now, (row?.refresh_due_at ?? this.now) + this.random.between(0, 1_500));
    this.scheduler.after(again - this.now, null, () => this.consent(secretId, this.random.pick(KINDS)));
  }

  /** A person puts in another access token; grant and refresh token stay (DECISIONS 31, 73). */
  patch(secretId: string): void {
    const row = this.store.row(PLACE.tenantId, secretId);
    if (!row?.sealed || row.grant_id === null) return;
    const refresh = JSON.parse(row.sealed.toString()).tokens.refresh_token as string;
    const tokens = storedTokens(`by-hand-${row.generation}`, refresh);
    this.#save(secretId, row.grant_id, tokens, this.plan.lifetimeS * 500, row.issued_at);
    this.note(`a person puts an access token into ${secretId}`);
  }

  #save(
    secretId: string,
    grant: string,
    tokens: ReturnType<typeof storedTokens>,
    leadMs: number,
    issuedAtMs: number | null,
  ): void {
    const row = this.store.row(PLACE.tenantId, secretId);
    if (!row) return;
    const refresh = tokens.refresh_token?.reveal() ?? null;
    this.store.save({
      ...PLACE,
      secretId,
      grantId: grant,
      parentGeneration: row.generation,
      sealed: seal(secretId, row.generation + 1, tokens),
      tokenMac: refresh === null ? null : macOf(refresh),
      ageMs: 0,
      issuedAtMs: issuedAtMs ?? this.plan.epochMs + this.now,
      lifetimeS: this.plan.lifetimeS,
      leadMs,
      renewable: refresh !== null,
      fingerprint: tokens.access_token.use(fingerprintOf),
      attempt: `person-${++this.#attempts}`,
    });
    this.judge.rows();
    this.changed(secretId);
  }

  /** The hint that PostgreSQL's NOTIFY gives. It may be late. */
  changed(secretId: string): void {
    for (const process of this.alive())
      for (const listener of process.listeners.get(secretId) ?? [])
        this.scheduler.after(this.random.skewed(0, 400), process, listener);
  }

  /** The hint that a tenant's client was told to slow down. */
  paceChanged(who: Paced): void {
    for (const process of this.alive())
      this.scheduler.after(this.random.skewed(0, 400), process, () => process.self.paces.note(who));
  }

  verdict(): Verdict {
    return {
      seed: this.plan.seed,
      violations: this.judge.found,
      trace: this.trace,
      hash: this.hash,
      steps: this.scheduler.steps,
      faults: this.faults.count,
      counts: this.judge.counts,
      plan: this.plan,
    };
  }
}

/** What a seed stands for. Some faults only, so that rare combinations come together in some runs. */
export function planOf(seed: number): Plan {
  const random = new Random(seed);
  for (let i = 0; i < 4; i++) random.next();
  const enabled: Fault[] = FAULTS.filter(() => random.chance(0.4));
  if (new Random(seed + 0x510d_0000).chance(0.3)) enabled.push("slowDown");
  const plan: Plan = {
    seed,
    kinds: Array.from({ length: random.between(1, 3) }, () => random.pick(KINDS)),
    processes: random.between(1, 3),
    lifetimeS: random.pick([180, 300, 600, 900]),
    activeMs: random.between(200, 900) * 1000,
    enabled,
    readiness: random.pick([0.02, 0.05, 0.15, 0.4]),
    budget: random.between(0, 6),
    epochMs: 1_800_000_000_000,
    sendsDate: random.chance(0.8),
    providerSkewMs: random.chance(0.3) ? random.between(-600_000, 600_000) : 0,
    staticSilent: random.chance(0.5),
    pointed: false,
  };
  return new Random(seed + 0x9017_0000).chance(0.1) ? pointedly(plan) : plan;
}

/** Fewer kinds of trouble and more of each, where chance would seldom put them. */
function pointedly(plan: Plan): Plan {
  const enabled: Fault[] = ["answerLate", "consumedThenUnavailable", "pauseWithLease"];
  return { ...plan, enabled, pointed: true, processes: 3, readiness: 0.3, budget: 40 };
}
