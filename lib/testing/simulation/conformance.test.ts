import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Clock } from "@/lib/clock";
import { inTenant } from "@/lib/db/tx";
import { forget, install } from "@/lib/process";
import { databaseRows, takeSlots } from "@/lib/refresher/claim";
import { SHORTEST_WAIT_MS } from "@/lib/refresher/policy";
import type { Landing, Lease, Rows, Want } from "@/lib/refresher/world";
import { forgetTokens, saveTokens } from "@/lib/secrets/token-store";
import { useDatabase } from "@/lib/testing/database";
import { Random } from "./random";
import type { LeaseKey, SavedRow, StateRow } from "./row-shapes";
import { RowStore } from "./row-store";

/**
 * The row store of the simulation and the statements in PostgreSQL are given the same commands and must hold the same rows
 * after each. PostgreSQL's now() is the test's: a schema before pg_catalog holds another one.
 */
const database = useDatabase({}, { keyring: false });
const RUNS = 6;
const COMMANDS = 80;
const START = 1_800_000_000_000;
const TENANT = "b".repeat(24);
const HOLDERS = ["one", "two"] as const;
const CLIENTS = ["client-a", "client-b"];

const clock = { at: START };
const handClock: Clock = {
  now: () => clock.at,
  monotonic: () => clock.at - START,
  sleep: async () => {},
  after: () => () => {},
};
const rows = {} as Record<(typeof HOLDERS)[number], Rows>;

beforeAll(async () => {
  const { owner } = database;
  await owner.unsafe(`
    create schema simtime;
    create table simtime.clock (at timestamptz not null);
    insert into simtime.clock values (to_timestamp(${START / 1000}));
    create function simtime.now() returns timestamptz language sql stable security definer as 'select at from simtime.clock';
    create function simtime.clock_timestamp() returns timestamptz language sql stable security definer as 'select at from simtime.clock';
    grant usage on schema simtime to public;
    do $$ declare f regprocedure; begin
      for f in select p.oid::regprocedure from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                where n.nspname = 'public' and p.proname ~ '^latchkey_(refresh|pace)' and p.prosecdef loop
        execute format('alter function %s set search_path = simtime, pg_catalog, public, pg_temp', f);
      end loop;
      execute format('alter database %I set search_path = simtime, pg_catalog, public', current_database());
    end $$`);
  for (const holder of HOLDERS) {
    install("lease-holder", holder);
    rows[holder] = databaseRows(handClock);
  }
});
afterAll(() => forget("lease-holder"));

/** A lease as both sides gave it; only the attempts' names differ. */
interface Held {
  holder: (typeof HOLDERS)[number];
  lease: Lease;
  model: StateRow;
}

class Run {
  readonly random: Random;
  readonly model: RowStore;
  readonly held: Held[] = [];
  readonly secrets: string[];
  readonly said: string[] = [];
  #count = 0;
  #grants = new Map<string, string>();

  constructor(readonly seed: number) {
    this.random = new Random(seed);
    this.secrets = [`s${seed}-0`, `s${seed}-1`];
    this.model = new RowStore(
      () => clock.at,
      () => `model-${++this.#count}`,
    );
    for (const id of CLIENTS)
      this.model.clients.set(id, { tenant_id: TENANT, auth_client_id: id, broken: false, next_probe_at: null });
  }

  async begin(): Promise<void> {
    const { owner } = database;
    await owner`truncate token_state, token_ledger, auth_client_state, token_pace`;
    for (const [i, secret_id] of this.secrets.entries()) {
      const row = {
        tenant_id: TENANT,
        workspace_id: "workspace",
        secret_id,
        auth_client_tenant_id: TENANT,
        auth_client_id: CLIENTS[i] as string,
      };
      this.model.insert(row);
      await owner`insert into token_state ${owner(row)}`;
      await this.save(secret_id, true);
    }
  }

  /** One command for both; throws when their answers differ. */
  async step(): Promise<void> {
    const { random } = this;
    const secret = random.pick(this.secrets);
    const what = random.next();
    if (what < 0.2) await this.leap(random.pick([100, 3_000, 9_000, 13_000, 16_000, 40_000, 200_000, 700_000]));
    else if (what < 0.32) await this.claim(random.pick(HOLDERS));
    else if (what < 0.44) await this.acquire(random.pick(HOLDERS), secret);
    else if (what < 0.56) await this.guard();
    else if (what < 0.61) await this.heartbeat();
    else if (what < 0.74) await this.land();
    else if (what < 0.83) await this.fail();
    else if (what < 0.87) await this.release();
    else if (what < 0.91) await this.refused();
    else if (what < 0.96) await this.save(secret, random.chance(0.4));
    else if (what < 0.97) await this.breakClient();
    else if (what < 0.99) await this.takeSlots();
    else await this.forget(secret);
    await this.compare();
  }

  async leap(ms: number): Promise<void> {
    clock.at += ms;
    this.said.push(`leap ${ms}`);
    await database.owner`update simtime.clock set at = to_timestamp(${clock.at}::float8 / 1000)`;
  }

  async claim(holder: (typeof HOLDERS)[number]): Promise<void> {
    const excluded = this.random.chance(0.2) ? [TENANT + this.random.pick(CLIENTS)] : [];
    const limit = this.random.between(1, 2);
    this.take(holder, "claim", await rows[holder].claim(limit, excluded), this.model.claim(holder, limit, excluded));
    if (this.random.chance(0.5)) this.take(holder, "probe", await rows[holder].claimProbes(), this.model.probe(holder));
  }

  async acquire(holder: (typeof HOLDERS)[number], secretId: string): Promise<void> {
    const generation = this.model.row(TENANT, secretId)?.generation ?? 0;
    const want: Want = {
      validityMs: this.random.pick([0, 0, 60_000, 1_000_000]),
      generation: this.random.pick([null, generation, generation - 1]),
      insist: this.random.chance(0.4),
    };
    const given = await rows[holder].acquire({ tenantId: TENANT, secretId }, want);
    const model = this.model.acquire(holder, TENANT, secretId, want);
    this.take(holder, `acquire ${JSON.stringify(want)}`, given ? [given] : [], model ? [model] : []);
  }

  take(holder: (typeof HOLDERS)[number], how: string, leases: Lease[], models: StateRow[]): void {
    this.said.push(`${holder} ${how}: ${leases.map((one) => one.secretId)}`);
    expect(leases.map(seen).sort()).toEqual(models.map(modelSeen).sort());
    for (const lease of leases)
      this.held.push({ holder, lease, model: models.find((m) => m.secret_id === lease.secretId) as StateRow });
  }

  any(): Held | null {
    return this.held.length === 0 ? null : this.random.pick(this.held.slice(this.random.chance(0.7) ? -2 : -6));
  }

  key({ holder, model }: Held): LeaseKey {
    const { tenant_id: tenantId, secret_id: secretId, fence, attempt } = model;
    return { tenantId, secretId, holder, fence, attempt: attempt as string };
  }

  async guard(): Promise<void> {
    const held = this.any();
    if (!held) return;
    const passed = await rows[held.holder].guard(held.lease);
    this.said.push(`${held.holder} guard ${held.lease.secretId}: ${passed}`);
    expect(passed).toBe(this.model.guard(this.key(held), held.lease.grantId, held.lease.generation));
  }

  async heartbeat(): Promise<void> {
    const held = this.any();
    if (!held) return;
    const { tenantId, secretId, fence, attempt } = held.lease;
    const json = JSON.stringify([{ tenant_id: tenantId, secret_id: secretId, holder: held.holder, fence, attempt }]);
    const kept = await database.owner`select * from latchkey_refresh_heartbeat(${json}::text::jsonb)`;
    this.said.push(`${held.holder} beats for ${secretId}: ${kept.length}`);
    expect(kept.length).toBe(this.model.heartbeat([this.key(held)]).length);
  }

  async land(): Promise<void> {
    const held = this.any();
    if (!held) return;
    // Tokens received at the same moment come back in any order.
    await this.leap(1);
    const { random } = this;
    const { lease } = held;
    const row = this.model.row(TENANT, lease.secretId);
    const known = this.model.ledger.filter((g) => g.secret_id === lease.secretId).map((g) => g.token_mac);
    const fresh = `mac-${lease.grantId}-${++this.#count}`;
    const current = this.model.ledger.find((g) => g.secret_id === lease.secretId && g.standing === "current");
    const parentGeneration = random.chance(0.8) ? lease.generation : (row?.generation ?? 1);
    const askedAt = handClock.monotonic() - random.pick([0, 50, 20_000]);
    const landing: Landing = {
      lease,
      parentGeneration,
      sealed: Buffer.from(`sealed ${++this.#count}`),
      tokenMac: random.chance(0.1) ? null : known.length > 0 && random.chance(0.25) ? random.pick(known) : fresh,
      previousMac: random.chance(0.8) ? (current?.token_mac ?? null) : known.length > 0 ? random.pick(known) : null,
      sibling: random.chance(0.2),
      issuedAtMs: random.pick([null, clock.at, clock.at - 5_000, clock.at + 5_000]),
      askedAt,
      lifetimeS: random.pick([null, 60, 600]),
      leadMs: random.pick([0, 20_000]),
      renewable: random.chance(0.9),
      hasRefreshToken: true,
      tokenType: "Bearer",
      scope: null,
      fingerprint: `fp ${random.between(1, 5)}`,
      refreshFingerprint: null,
      durationMs: 1,
      actor: null,
    };
    const verdict = await rows[held.holder].land(landing);
    this.said.push(
      `${held.holder} lands ${landing.tokenMac} on ${lease.secretId}/${parentGeneration}: ${verdict.kind}`,
    );
    const { lease: _lease, askedAt: _asked, ...rest } = landing;
    const ageMs = handClock.monotonic() - askedAt;
    expect(verdict).toEqual(this.model.land({ ...rest, key: this.key(held), grantId: lease.grantId, ageMs }));
  }

  async fail(): Promise<void> {
    const held = this.any();
    if (!held) return;
    const { random } = this;
    const status = random.pick(["active", "suspect", "dead", "paused"] as const);
    const delayMs = random.pick([null, "keep", 0, 1_000, 45_000] as const);
    // Who is told to slow down is told until when.
    const told = typeof delayMs === "number" && random.chance(0.5);
    const throttle = told
      ? { retryAfterMs: random.pick([null, 0, 5_000, 60_000]), askedAt: handClock.monotonic() }
      : undefined;
    const record = {
      status,
      delayMs,
      counts: random.chance(0.8),
      calls: random.pick([0, 1, 2, 3]),
      unknown: random.chance(0.4),
      suspect: random.chance(0.4),
      problem: random.chance(0.3)
        ? null
        : ({
            code: random.pick(["grant_refused", "throttled"] as const),
            title: "t",
            detail: "d",
            who: "you",
          } as const),
      event: "refresh_failed" as const,
      eventCode: "code",
      eventDetail: "detail",
      durationMs: 1,
      actor: null,
      throttle,
    };
    const { grantId, generation, authClientId } = held.lease;
    // What was accepted before is counted by the real clock, which this test does not turn.
    forget("bore");
    const waitMs = Math.max(SHORTEST_WAIT_MS, throttle?.retryAfterMs ?? 0);
    const pace = throttle && { authClientId, waitMs, bore: 0 };
    const done = await rows[held.holder].fail({ lease: held.lease, ...record });
    this.said.push(`${held.holder} fails ${held.lease.secretId} ${JSON.stringify(record)}: ${done}`);
    expect(done).toBe(this.model.fail({ ...record, key: this.key(held), grantId, generation, pace }));
  }

  async takeSlots(): Promise<void> {
    const who = { tenantId: TENANT, authClientId: this.random.pick(CLIENTS) };
    const max = this.random.pick([1, 64]);
    const late = this.random.pick([0, 0, 5]);
    forget("bore");
    install("bore", { takeLate: () => late });
    const [given, model] = [await takeSlots(who, max), this.model.paces.take(who, max, late)];
    forget("bore");
    this.said.push(`slots of ${who.authClientId}: ${JSON.stringify(given)}`);
    expect(given.granted).toBe(model.granted);
    for (const name of ["startMs", "everyMs", "blockedMs"] as const) expect(given[name]).toBeCloseTo(model[name], 2);
  }

  async release(): Promise<void> {
    const held = this.any();
    if (!held) return;
    this.said.push(`${held.holder} releases ${held.lease.secretId}`);
    await rows[held.holder].release(held.lease);
    this.model.release(this.key(held));
  }

  async refused(): Promise<void> {
    const held = this.any();
    const entry = this.model.ledger.length > 0 ? this.random.pick(this.model.ledger) : null;
    if (!held || !entry) return;
    const { lease, holder } = held;
    const predecessor = this.random.chance(0.5);
    expect(await rows[holder].alternatives(lease, predecessor)).toEqual(
      this.model.alternatives(TENANT, lease.secretId, lease.grantId, predecessor),
    );
    this.said.push(`${holder} marks ${entry.token_mac} refused`);
    await rows[holder].markRefused(lease, entry.token_mac);
    this.model.refused(TENANT, lease.secretId, lease.grantId, entry.token_mac);
  }

  async save(secretId: string, newGrant: boolean): Promise<void> {
    const { random } = this;
    const row = this.model.row(TENANT, secretId) as StateRow;
    const grantId = newGrant || row.grant_id === null ? `grant-${++this.#count}` : row.grant_id;
    const tokenMac =
      grantId === row.grant_id ? (this.#grants.get(secretId) ?? null) : random.chance(0.9) ? `mac-${grantId}` : null;
    if (grantId !== row.grant_id && tokenMac) this.#grants.set(secretId, tokenMac);
    const saved: SavedRow = {
      tenantId: TENANT,
      secretId,
      grantId,
      parentGeneration: random.chance(0.9) ? row.generation : row.generation - 1,
      sealed: Buffer.from(`saved ${++this.#count}`),
      tokenMac,
      ageMs: random.pick([0, 700]),
      issuedAtMs: random.pick([null, clock.at - 1_000]),
      lifetimeS: random.pick([null, 60, 600]),
      leadMs: 20_000,
      renewable: tokenMac !== null,
      fingerprint: `fp ${random.between(1, 5)}`,
      attempt: `person-${this.#count}`,
    };
    this.said.push(`save ${secretId} ${grantId} after ${saved.parentGeneration}`);
    const done = await inTenant(TENANT, (tx) =>
      saveTokens(tx, {
        ...saved,
        workspaceId: "workspace",
        authClientTenantId: TENANT,
        authClientId: row.auth_client_id,
        hasRefreshToken: tokenMac !== null,
        tokenType: "Bearer",
        scopeGranted: null,
        refreshFingerprint: null,
      }),
    );
    expect(done).toBe(this.model.save(saved));
  }

  async forget(secretId: string): Promise<void> {
    this.said.push(`forget ${secretId}`);
    await inTenant(TENANT, (tx) => forgetTokens(tx, TENANT, secretId));
    this.model.forget(TENANT, secretId);
  }

  async breakClient(): Promise<void> {
    const client = this.model.clients.get(this.random.pick(CLIENTS));
    if (!client) return;
    client.broken = !client.broken;
    client.next_probe_at = clock.at + this.random.pick([-1_000, 5_000]);
    this.said.push(`${client.auth_client_id} is ${client.broken ? "broken" : "well"}`);
    await database.owner`
      insert into auth_client_state (tenant_id, auth_client_id, problem, next_probe_at)
      values (${TENANT}, ${client.auth_client_id}, ${client.broken ? "{}" : null}::jsonb,
              to_timestamp(${client.next_probe_at}::float8 / 1000))
      on conflict (tenant_id, auth_client_id)
      do update set problem = excluded.problem, next_probe_at = excluded.next_probe_at`;
  }

  async compare(): Promise<void> {
    const { owner } = database;
    const ms = (column: string) => owner.unsafe(`(extract(epoch from ${column}) * 1000)::float8 as ${column}`);
    const names = this.names();
    const states = await owner`
      select tenant_id, workspace_id, secret_id, auth_client_tenant_id, auth_client_id, status, grant_id, generation,
             sealed, lifetime_s, has_refresh_token, renewable, fingerprint, lost_generation, lease_holder,
             fence::int as fence, attempt, outcome, failures, problem, ${ms("expires_at")}, ${ms("issued_at")},
             ${ms("received_at")}, ${ms("refresh_due_at")}, ${ms("not_before")}, ${ms("lease_until")}, ${ms("sent_at")},
             ${ms("suspect_since")} from token_state order by secret_id`;
    expect(
      states.map((t) => ({
        ...t,
        attempt: names.get(t.attempt) ?? t.attempt,
        problem: t.problem && { code: t.problem.code, since: Date.parse(t.problem.since) },
      })),
    ).toEqual([...this.model.states.values()]);
    const ledger = await owner`
      select tenant_id, secret_id, grant_id, token_mac, generation, sealed, attempt, standing, ${ms("issued_at")},
             ${ms("received_at")} from token_ledger order by secret_id, token_mac`;
    expect(ledger.map((g) => ({ ...g, attempt: names.get(g.attempt) ?? g.attempt }))).toEqual(
      [...this.model.ledger].sort((a, b) => (a.secret_id + a.token_mac < b.secret_id + b.token_mac ? -1 : 1)),
    );
    const paces = await owner`
      select tenant_id, auth_client_id, rate, ${ms("blocked_until")}, ${ms("throttled_at")}, ${ms("next_at")}
        from token_pace order by auth_client_id`;
    const modelled = [...this.model.paces.rows.values()].sort((a, b) => (a.auth_client_id < b.auth_client_id ? -1 : 1));
    expect(paces.map((p) => p.auth_client_id)).toEqual(modelled.map((p) => p.auth_client_id));
    for (const [i, p] of modelled.entries())
      for (const name of ["rate", "blocked_until", "throttled_at", "next_at"] as const)
        expect(paces[i]?.[name], name).toBeCloseTo(p[name], name === "rate" ? 6 : 2);
    const clients = await owner`
      select auth_client_id, (extract(epoch from next_probe_at) * 1000)::float8 as next_probe_at from auth_client_state`;
    for (const client of clients)
      expect(client.next_probe_at).toBe(this.model.clients.get(client.auth_client_id)?.next_probe_at);
  }

  /** PostgreSQL's names of attempts, as the model calls them. */
  names(): Map<string, string> {
    return new Map(this.held.map(({ lease, model }) => [lease.attempt, model.attempt as string]));
  }
}

const seen = (l: Lease) =>
  JSON.stringify([
    l.secretId,
    l.status,
    l.grantId,
    l.generation,
    l.fence,
    l.failures,
    l.lostGeneration,
    l.sealed,
    l.suspectForMs,
    l.validForMs,
  ]);
const modelSeen = (t: StateRow) =>
  JSON.stringify([
    t.secret_id,
    t.status,
    t.grant_id,
    t.generation,
    t.fence,
    t.failures,
    t.lost_generation,
    t.sealed,
    t.suspect_since === null ? null : clock.at - t.suspect_since,
    t.expires_at === null ? null : t.expires_at - clock.at,
  ]);

describe("the rows of the simulation are those of PostgreSQL", () => {
  const first = Number(process.env.LATCHKEY_CONFORMANCE_SEED ?? 1);
  it.each(Array.from({ length: RUNS }, (_, i) => first + i))("after every command of seed %i", async (seed) => {
    const run = new Run(seed);
    await run.begin();
    try {
      for (let i = 0; i < COMMANDS; i++) await run.step();
    } catch (error) {
      throw new Error(`Commands of seed ${seed}, the last one failed:\n${run.said.slice(-15).join("\n")}`, {
        cause: error,
      });
    }
  });
});
