import { Sensitive } from "@/lib/crypto/sensitive";
import { AppError } from "@/lib/errors";
import { readStored, type SealedTokens, type StoredTokens } from "@/lib/oauth/token-set";
import { Bore } from "@/lib/refresher/bore";
import { ensureFresh, type Freshened, type RowView } from "@/lib/refresher/ensure-fresh";
import { Heartbeat } from "@/lib/refresher/heartbeat";
import { type Refresher, refresherIn } from "@/lib/refresher/live-world";
import { type Paced, Paces } from "@/lib/refresher/pace";
import { HEARTBEAT_MS, LEASE_MS, SHORTEST_WAIT_MS } from "@/lib/refresher/policy";
import { type Sweep, startSweep } from "@/lib/refresher/sweep";
import type { Lease, Rows, Want, World } from "@/lib/refresher/world";
import { simulatedClient } from "./network";
import type { LeaseKey, StateRow } from "./row-shapes";
import type { Owner } from "./scheduler";
import { PLACE, type Simulation } from "./simulation";

/** Why a process may be excused for not doing what it should: it stood still, or could not reach the database. */
export interface Trouble {
  from: number;
  to: number;
}

/** One simulated process: the refresher's own code with a world of its own around it. It may die at any event. */
export class Process implements Owner {
  alive = true;
  stalledUntil = 0;
  diedAt: number | null = null;
  databaseAwayUntil = 0;
  readonly troubles: Trouble[] = [];
  readonly self: Refresher;
  readonly listeners = new Map<string, Set<() => void>>();
  wallSkewMs = 0;
  failedBeats = 0;
  readonly #bore: Bore;
  #sweep: Sweep | null = null;
  /** The lease of the last guard that passed, by grant: what is presented next is presented under it. */
  readonly #guarded = new Map<string, Lease>();

  constructor(
    readonly sim: Simulation,
    readonly name: string,
  ) {
    const background = new Set<Promise<void>>();
    const world = this.#world(background);
    this.#bore = new Bore(world.clock);
    const take = (who: Paced, max: number) =>
      this.#statement("pace", () => sim.store.paces.take(who, max, this.#bore.takeLate(pairOf(who))));
    this.self = refresherIn(world, background, { paces: new Paces(world.clock, take, () => {}) });
    for (const who of sim.store.paces.known()) this.self.paces.note(who);
  }

  start(): void {
    this.#sweep = startSweep(this.self);
  }

  get sweeps(): boolean {
    return this.#sweep !== null;
  }

  crash(): void {
    this.alive = false;
    this.diedAt = this.sim.now;
    this.sim.note(`${this.name} CRASHES`);
  }

  stall(ms: number): void {
    this.stalledUntil = Math.max(this.stalledUntil, this.sim.now + ms);
    this.troubles.push({ from: this.sim.now, to: this.stalledUntil });
    this.sim.note(`${this.name} stands still for ${ms} ms`);
  }

  loseDatabase(ms: number): void {
    this.databaseAwayUntil = Math.max(this.databaseAwayUntil, this.sim.now + ms);
    this.troubles.push({ from: this.sim.now, to: this.databaseAwayUntil });
    this.sim.note(`${this.name} cannot reach the database for ${ms} ms`);
  }

  /** It was not itself at some time since `from`. */
  troubledSince(from: number): boolean {
    return !this.alive || this.failedBeats >= 2 || this.troubles.some((trouble) => trouble.to >= from);
  }

  presenting(grant: string): Lease {
    const lease = this.#guarded.get(grant);
    if (!lease) throw new Error(`${this.name} presents a token of ${grant} that it never guarded`);
    return lease;
  }

  ensure(secretId: string, want: Want, waitMs: number): Promise<Freshened> {
    const target = { ...PLACE, secretId, authClientTenantId: PLACE.tenantId, authClientId: this.sim.clientId };
    const look = () => this.view(secretId);
    return ensureFresh(target, want, { waitMs, actor: "reader", look }, this.self);
  }

  /** A reader's look at the row; what lib/secrets/tokens makes of it. */
  view(secretId: string): Promise<(RowView & { row: StateRow; at: number }) | null> {
    return this.#statement("look", () => {
      const row = this.sim.store.row(PLACE.tenantId, secretId);
      if (!row) return null;
      const now = this.sim.now;
      const resting = row.failures > 0 && row.refresh_due_at !== null && row.refresh_due_at > now;
      return {
        row: { ...row },
        at: now,
        generation: row.generation,
        validForMs: row.expires_at === null ? null : row.expires_at - now,
        leased: row.lease_holder !== null && (row.lease_until as number) >= now,
        attemptable: row.renewable && (row.status === "active" || row.status === "suspect") && !resting,
      };
    });
  }

  #world(background: Set<Promise<void>>): World {
    const { sim } = this;
    return {
      clock: {
        now: () => sim.plan.epochMs + sim.now + this.wallSkewMs,
        monotonic: () => sim.now,
        sleep: (ms, signal) =>
          new Promise((resolve) => {
            if (signal?.aborted) return resolve();
            signal?.addEventListener("abort", () => resolve(), { once: true });
            sim.scheduler.after(ms, this, resolve);
          }),
        after: (ms, run) => {
          let over = false;
          sim.scheduler.after(ms, this, () => over || run());
          return () => {
            over = true;
          };
        },
      },
      random: () => sim.random.next(),
      rows: this.#rows(),
      leadS: 60,
      provider: {
        renew: (_client, { tokens }, mayStillSend) => {
          if (!tokens) throw new Error("A simulated secret has tokens from the beginning.");
          return sim.network.renew(this, tokens, mayStillSend);
        },
        renewable: (_client, tokens) => tokens.refresh_token !== null,
        host: () => "provider",
        refusal: () => ({ title: "refused", cure: "" }),
        revoke: async () => {},
      },
      clients: {
        open: async (tenantId, id) => simulatedClient(tenantId, id, "https://provider/token"),
        noteProblem: async () => {
          throw new Error("the simulated provider never rejects the client");
        },
        noteOk: async () => {},
      },
      vault: {
        own: async () => null,
        open: (lease, generation, sealed) => this.#moment(() => unseal(lease, generation, sealed)),
        seal: (lease, generation, tokens) => this.#moment(() => seal(lease.secretId, generation, tokens)),
        tokenMac: (token) => token.use(macOf),
        fingerprint: (_tenant, token) => token.use(fingerprintOf),
      },
      report: (event) => sim.note(`${this.name} ${event.outcome} (generation ${event.lease.generation})`),
      reportStoreTrouble: () => {},
      background: (work) => {
        const kept = work.finally(() => background.delete(kept));
        background.add(kept);
      },
      soon: (work) => sim.scheduler.after(0, this, work),
      onChange: (secretId, changed) => {
        const all = this.listeners.get(secretId) ?? new Set();
        this.listeners.set(secretId, all.add(changed));
        return () => all.delete(changed);
      },
    };
  }

  #rows(): Rows {
    const { sim } = this;
    const { store } = sim;
    const holder = this.name;
    const key = (lease: Lease): LeaseKey => ({ ...lease, holder });
    const heartbeat = new Heartbeat(
      () => sim.now,
      async (leases) => {
        try {
          const kept = await this.#statement("heartbeat", () =>
            sim.weakness?.noHeartbeat ? leases.map((one) => one.attempt) : store.heartbeat(leases.map(key)),
          );
          this.failedBeats = 0;
          return kept;
        } catch (error) {
          this.failedBeats += 1;
          throw error;
        }
      },
    );
    const beat = () => {
      heartbeat.beat().catch(() => {});
      sim.scheduler.after(HEARTBEAT_MS, this, beat);
    };
    sim.scheduler.after(HEARTBEAT_MS, this, beat);
    const leased = (t: StateRow, askedAt: number, probing = false) => {
      sim.judge.leased(t);
      // Long enough for a late answer to come between lease and guard, and short enough for the guard to find the lease alive.
      if (sim.faults.strikes("pauseWithLease")) this.stall(sim.random.between(500, 11_000));
      return toLease(t, askedAt, sim.now, probing);
    };
    return {
      claim: async (limit, excluded) => {
        const askedAt = sim.now;
        await this.#restUntilSomethingIsDue();
        return this.#statement("claim", () => store.claim(holder, limit, excluded).map((t) => leased(t, askedAt)));
      },
      claimProbes: async () => [],
      acquire: (target, want) => {
        const askedAt = sim.now;
        return this.#statement("acquire", () => {
          const t = store.acquire(holder, target.tenantId, target.secretId, want);
          if (t) sim.judge.demanded(t, want);
          return t && leased(t, askedAt);
        });
      },
      guard: (lease) =>
        (sim.weakness?.noGuard
          ? this.#moment(() => true)
          : this.#statement("guard", () => {
              const passed = store.guard(key(lease), lease.grantId, lease.generation);
              if (passed) sim.judge.guarded(lease.attempt);
              return passed;
            })
        ).then((passed) => {
          sim.note(`${this.name} guard ${passed ? "passed" : "refused"} (generation ${lease.generation})`);
          if (passed) this.#guarded.set(lease.grantId, lease);
          return passed;
        }),
      land: (landing) => {
        const attempt = this.#statement("land", () => {
          const { lease, askedAt, ...rest } = landing;
          const before = store.row(lease.tenantId, lease.secretId);
          const was = before && { ...before };
          const verdict = store.land({ ...rest, key: key(lease), grantId: lease.grantId, ageMs: sim.now - askedAt });
          sim.note(
            `${this.name} lands ${readable(landing.sealed)} on generation ${landing.parentGeneration}: ${verdict.kind}`,
          );
          sim.judge.landed(lease, was ?? null);
          return verdict;
        });
        attempt.then(
          () => this.#bore.add(pairOf(landing.lease), landing.askedAt),
          () => {},
        );
        return sim.weakness?.dropsOnStoreTrouble ? attempt.catch(() => ({ kind: "landed" }) as const) : attempt;
      },
      fail: (record) =>
        this.#statement("fail", () => {
          const { lease, ...rest } = record;
          const waitMs = Math.max(SHORTEST_WAIT_MS, record.throttle?.retryAfterMs ?? 0);
          const pace = record.throttle
            ? {
                authClientId: lease.authClientId,
                waitMs,
                bore: this.#bore.take(pairOf(lease), record.throttle.askedAt, waitMs),
              }
            : undefined;
          const row = { ...rest, key: key(lease), grantId: lease.grantId, generation: lease.generation, pace };
          if (sim.weakness?.unknownIsDead && row.unknown) Object.assign(row, { status: "dead", delayMs: null });
          const done = store.fail(row);
          if (pace) {
            sim.judge.toldToWait(waitMs);
            sim.paceChanged(lease);
          }
          if (done && row.status === "suspect") sim.refusedOnce(lease.secretId);
          sim.note(`${this.name} records ${row.status} after ${record.eventCode}: ${done ? "done" : "not ours"}`);
          return done;
        }),
      release: (lease) => this.#statement("release", () => store.release(key(lease))),
      alternatives: (lease, predecessor) =>
        this.#statement("alternatives", () =>
          store.alternatives(lease.tenantId, lease.secretId, lease.grantId, predecessor),
        ),
      markRefused: (lease, mac) =>
        this.#statement("refused", () => store.refused(lease.tenantId, lease.secretId, lease.grantId, mac)),
      hold: (lease) => heartbeat.hold(lease),
      drop: (lease) => heartbeat.drop(lease),
    };
  }

  /** Waiting for work costs nobody anything: a claim that would find nothing takes until something may be due. */
  async #restUntilSomethingIsDue(): Promise<void> {
    const { sim } = this;
    const idleMs = Math.min(sim.store.nextChange() - sim.now, sim.random.between(5_000, 20_000));
    if (!sim.store.anythingDue() && idleMs > 0)
      await new Promise<void>((resolve) => sim.scheduler.after(idleMs, this, resolve));
  }

  /** A statement's way to the database and back. */
  #statement<T>(kind: string, execute: () => T): Promise<T> {
    const { sim } = this;
    const { faults, random, scheduler } = sim;
    return new Promise((resolve, reject) => {
      if (this.databaseAwayUntil > sim.now) {
        scheduler.after(random.between(1, 200), this, () => reject(new Error("the database is away")));
        return;
      }
      const slow = this.#slowStatement();
      // What has left a process is carried out although the process stands still, and may be although it has died.
      const outlives = random.chance(0.5);
      sim.gate(kind, { by: this, owner: null }, random.skewed(0, 15) + slow, () => {
        if (!this.alive && !outlives) return;
        const lost = faults.strikes("statementLost", 0.5) || sim.scriptedStatement(this, kind, "lost");
        const result = lost ? null : { value: execute() };
        if (result) sim.judge.rows();
        const unsure = !lost && (faults.strikes("commitReportedFailed") || sim.scriptedStatement(this, kind, "unsure"));
        if (lost || unsure) sim.note(`${this.name} ${kind}: ${lost ? "lost" : "done, but reported as failed"}`);
        const backMs = random.skewed(0, 15) + this.#slowStatement();
        scheduler.after(backMs, this, () =>
          result && !unsure ? resolve(result.value) : reject(new Error(`the answer to ${kind} was lost`)),
        );
      });
    });
  }

  /** A statement may take longer than a lease lasts, also the one that prolongs it. */
  #slowStatement(): number {
    if (!this.sim.faults.strikes("statementSlow", 0.5)) return 0;
    const ms = this.sim.random.between(1_000, 30_000);
    this.troubles.push({ from: this.sim.now, to: this.sim.now + ms });
    return ms;
  }

  /** Work of its own that takes a moment, in which the process may die. */
  #moment<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.sim.scheduler.after(0, this, () => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}

function toLease(t: StateRow, askedAt: number, now: number, probing: boolean): Lease {
  return {
    tenantId: t.tenant_id,
    workspaceId: t.workspace_id,
    secretId: t.secret_id,
    authClientTenantId: t.auth_client_tenant_id,
    authClientId: t.auth_client_id,
    status: t.status as Lease["status"],
    grantId: t.grant_id as string,
    generation: t.generation,
    sealed: t.sealed as Buffer,
    fence: t.fence,
    attempt: t.attempt as string,
    failures: t.failures,
    lostGeneration: t.lost_generation,
    suspectForMs: t.suspect_since === null ? null : now - t.suspect_since,
    validForMs: t.expires_at === null ? null : t.expires_at - now,
    probing,
    heldUntil: askedAt + LEASE_MS,
  };
}

const pairOf = (who: Paced) => who.tenantId + who.authClientId;

export const macOf = (token: string) => `mac ${token}`;
export const fingerprintOf = (token: string) => `fp ${token}`;

/** What is sealed: bound to its place and generation, as lib/crypto does it. */
interface Sealed {
  place: string;
  tokens: SealedTokens;
}

export function seal(secretId: string, generation: number, tokens: StoredTokens): Buffer {
  const clear: SealedTokens = {
    ...tokens,
    access_token: tokens.access_token.reveal(),
    refresh_token: tokens.refresh_token?.reveal() ?? null,
    undefined_params: tokens.undefined_params.reveal(),
  };
  return Buffer.from(JSON.stringify({ place: `${secretId} ${generation}`, tokens: clear } satisfies Sealed));
}

export function unseal(lease: { secretId: string }, generation: number, sealed: Buffer): StoredTokens {
  const { place, tokens } = JSON.parse(sealed.toString()) as Sealed;
  if (place !== `${lease.secretId} ${generation}`) throw new AppError("integrity_failure", "sealed for another place");
  return readStored(new Sensitive(tokens));
}

const read = new WeakMap<Buffer, SealedTokens>();

/** The clear tokens in a sealed set, for the judge. */
export function sealedTokens(sealed: Buffer): SealedTokens {
  let tokens = read.get(sealed);
  if (!tokens) {
    tokens = (JSON.parse(sealed.toString()) as Sealed).tokens;
    read.set(sealed, tokens);
  }
  return tokens;
}

function readable(sealed: Buffer): string {
  return sealedTokens(sealed).refresh_token ?? "no refresh token";
}
