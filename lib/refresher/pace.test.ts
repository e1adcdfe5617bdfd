import { describe, expect, it } from "vitest";
import { HandClock } from "@/lib/testing/hand-clock";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { Bore } from "./bore";
import { knownPaces, takeSlots } from "./claim";
import { runAttempt } from "./ensure-fresh";
import { refresher } from "./live-world";
import { PACE_LEAST } from "./policy";
import { startSweep } from "./sweep";
import type { Lease } from "./world";

/** "Slow down" (REFRESH section 6, throttled; FAULTS C21): heard by all processes, obeyed, and fair. */
const world = useOAuthWorld();
const THROTTLED = { error: { status: 429, headers: { "retry-after": "600" } } };

const who = (authClientId: string) => ({ tenantId: world.place.tenantId, authClientId });

async function acquire(secretId: string): Promise<Lease | null> {
  const want = { validityMs: 0, generation: 1, insist: true };
  return refresher().world.rows.acquire({ tenantId: world.place.tenantId, secretId }, want);
}

async function throttle(clientId: string): Promise<void> {
  const secret = await world.addSecret({}, { clientId });
  world.idp.next(THROTTLED);
  expect((await world.refresh(secret.id)).body.meta.refresh).toMatchObject({ code: "throttled" });
  world.idp.calls.length = 0;
}

/** Moves the pace of a client back in time. */
async function later(clientId: string, seconds: number): Promise<void> {
  await world.database.owner`
    update token_pace set blocked_until = blocked_until - ${seconds} * interval '1 s',
      throttled_at = throttled_at - ${seconds} * interval '1 s', next_at = next_at - ${seconds} * interval '1 s'
     where auth_client_id = ${clientId}`;
}

describe("a throttled client", () => {
  it("makes no call for any of its secrets before Retry-After is over, in whatever way it is asked for", async () => {
    const clientId = await world.addClient();
    const other = await world.addClient();
    await throttle(clientId);
    const [waits, expired, elsewhere] = [
      await world.addSecret({}, { clientId }),
      await world.addSecret({}, { clientId }),
      await world.addSecret({}, { clientId: other }),
    ];
    await Promise.all([world.makeDue(waits.id), world.expire(expired.id), world.makeDue(elsewhere.id)]);
    expect(await acquire(waits.id)).toBeNull();
    expect((await refresher().world.rows.claim(200, [])).map((lease) => lease.secretId)).toEqual([elsewhere.id]);
    const answer = await world.token(expired.id);
    expect(answer.status).toBe(424);
    expect(answer.body.errors[0].meta.problem).toMatchObject({ code: "throttled", who: "provider" });
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(590);
    expect((await world.token(waits.id)).body.data.attributes.access_token).toBe(waits.accessToken);
    expect(world.idp.calls).toEqual([]);
    await later(clientId, 600);
    expect((await world.token(expired.id)).body.data.attributes.generation).toBe(2);
  });

  it("holds back what another process had leased already, up to the guard, and gives the lease back", async () => {
    const clientId = await world.addClient();
    const secret = await world.addSecret({}, { clientId });
    const lease = (await acquire(secret.id)) as Lease;
    await throttle(clientId);
    expect(await runAttempt(lease, null)).toEqual({ kind: "superseded" });
    expect(world.idp.calls).toEqual([]);
    expect(await world.state(secret.id)).toMatchObject({ leased: false, failures: 0, outcome: null });
  });

  it("keeps the order of expiry: who was told to wait is first again", async () => {
    const clientId = await world.addClient();
    const first = await world.addSecret({}, { clientId });
    const second = await world.addSecret({}, { clientId });
    for (const [secret, ago] of [
      [first, 20],
      [second, 10],
    ] as const)
      await world.database
        .owner`update token_state set refresh_due_at = now() - ${ago} * interval '1 s' where secret_id = ${secret.id}`;
    world.idp.next(THROTTLED);
    const [lease] = await refresher().world.rows.claim(1, []);
    expect(lease?.secretId).toBe(first.id);
    await runAttempt(lease as Lease, null);
    expect((await world.read(first.id)).body.data.attributes).toMatchObject({ status: "retrying" });
    expect((await world.state(first.id)).due_in_s).toBeGreaterThan(590);
    await later(clientId, 600);
    await world.database.owner`update token_state set not_before = now() where secret_id = ${first.id}`;
    const ids = (await refresher().world.rows.claim(200, [])).map((one) => one.secretId);
    expect(ids.filter((id) => id === first.id || id === second.id)).toEqual([first.id, second.id]);
  });

  it("starts anew when it is pointed to another address", async () => {
    const clientId = await world.addClient();
    await throttle(clientId);
    const count = () => world.database.owner`select 1 from token_pace where auth_client_id = ${clientId}`;
    await world.database.owner`update auth_clients set name = 'Renamed' where id = ${clientId}`;
    expect(await count()).toHaveLength(1);
    await world.database.owner`
      update auth_clients set options = jsonb_set(options, '{refresh_token_uri}', '"https://other.example/token"') where id = ${clientId}`;
    expect(await count()).toHaveLength(0);
  });
});

describe("the pace after it", () => {
  async function paced(rate: number): Promise<string> {
    const clientId = await world.addClient();
    await world.database.owner`
      insert into token_pace (tenant_id, auth_client_id, rate, blocked_until, throttled_at, next_at)
      values (${world.place.tenantId}, ${clientId}, ${rate}, now(), now(), now())`;
    return clientId;
  }

  it("gives its slots out once, evenly spaced, however many processes ask", async () => {
    const id = await paced(20);
    const started = performance.now();
    const all = await Promise.all(Array.from({ length: 8 }, () => takeSlots(who(id), 3)));
    const elapsedMs = performance.now() - started;
    const granted = all.reduce((sum, slots) => sum + slots.granted, 0);
    // A quarter of a second ahead, and what passed while they asked.
    expect(granted).toBeLessThanOrEqual(Math.ceil((250 + elapsedMs) / 50) + 1);
    expect(granted).toBeGreaterThanOrEqual(5);
    for (const slots of all) expect(slots.everyMs).toBeCloseTo(50, 0);
    const none = all.find((slots) => slots.granted === 0);
    expect(none?.startMs).toBeGreaterThan(0);
  });

  it("grows with the time since, and is gone after an hour", async () => {
    const id = await paced(10);
    expect((await takeSlots(who(id), 1)).everyMs).toBeCloseTo(100, 0);
    await later(id, 100);
    expect((await takeSlots(who(id), 1)).everyMs).toBeCloseTo(50, 0);
    await later(id, 3_600);
    expect(await takeSlots(who(id), 7)).toEqual({ granted: 7, startMs: 0, everyMs: 0, blockedMs: 0 });
    expect(await world.database.owner`select 1 from token_pace where auth_client_id = ${id}`).toHaveLength(0);
  });

  it("is cut by what was borne, by half at most, once an episode; shares of processes add up", async () => {
    const id = await paced(10);
    const rate = async () =>
      (await world.database.owner`select rate from token_pace where auth_client_id = ${id}`)[0]?.rate;
    const told = (bore: number) =>
      world.database
        .owner`select latchkey_pace_throttled(${JSON.stringify([{ tenant_id: world.place.tenantId, auth_client_id: id, wait_ms: 60_000, bore }])}::text::jsonb)`;
    await later(id, 2);
    await told(9.5);
    expect(await rate()).toBeCloseTo(9, 1);
    await told(0);
    expect(await rate()).toBeCloseTo(9, 1);
    await told(1);
    expect(await rate()).toBeCloseTo(9.9, 1);
    await later(id, 62);
    await told(0.1);
    expect(await rate()).toBeCloseTo(4.95, 1);
    // Fifty quiet minutes let it grow nine hundredfold, which nobody tried.
    await later(id, 3_060);
    await told(0.1);
    expect(await rate()).toBeCloseTo(4.95, 1);
  });

  it("is kept by the sweep and by readers: no more calls than slots", async () => {
    const id = await paced(20);
    const secrets = [];
    for (let n = 0; n < 30; n++) secrets.push(await world.addSecret({}, { clientId: id }));
    for (const secret of secrets) await world.makeDue(secret.id);
    refresher().paces.note(who(id));
    const sweep = startSweep();
    const began = performance.now();
    try {
      const reader = secrets.at(-1)?.id as string;
      expect((await world.refresh(reader)).body.data.attributes.generation).toBe(2);
      while (world.idp.refreshCalls().length < 30) await new Promise((resolve) => setTimeout(resolve, 50));
    } finally {
      await sweep.stop(5_000);
    }
    expect(world.idp.refreshCalls()).toHaveLength(30);
    // The last of thirty slots is 29 intervals after the first, and slots of before are never used twice.
    expect(performance.now() - began).toBeGreaterThan(1_000);
  });

  it("counts what it learns while the provider is left alone, and from then on makes nobody wait by the slower pace of before", async () => {
    const id = await world.addClient();
    const told = JSON.stringify([{ tenant_id: world.place.tenantId, auth_client_id: id, wait_ms: 60_000, bore: 0 }]);
    const take = async (late: number) =>
      (
        await world.database.owner`
          select granted, start_ms, every_ms, blocked_ms from latchkey_pace_take(${world.place.tenantId}, ${id}, 8, ${late})`
      )[0];
    await world.database.owner`select latchkey_pace_throttled(${told}::text::jsonb)`;
    expect((await take(10))?.blocked_ms).toBeGreaterThan(50_000);
    await later(id, 60);
    expect((await take(0))?.every_ms).toBeCloseTo(1000 / 9.02, 0);

    await world.database
      .owner`update token_pace set rate = 0.02, next_at = now() + interval '50 s' where auth_client_id = ${id}`;
    const waits = await take(0);
    expect(waits?.granted).toBe(0);
    expect(waits?.start_ms).toBeGreaterThan(40_000);
    const soon = await take(10);
    expect(soon?.granted).toBe(0);
    expect(soon?.start_ms).toBeLessThan(200);
    await world.database
      .owner`update token_pace set next_at = next_at - interval '400 ms' where auth_client_id = ${id}`;
    expect((await take(0))?.granted).toBeGreaterThan(0);
  });

  it("finds out quickly what a provider bears that had accepted nothing, and slowly what one bears beyond what it did", async () => {
    const rateOf = async (rate: number, seconds: number) => {
      const id = await paced(rate);
      await later(id, seconds);
      return 1000 / (await takeSlots(who(id), 1)).everyMs;
    };
    expect(await rateOf(PACE_LEAST, 0)).toBeCloseTo(PACE_LEAST, 2);
    expect(await rateOf(PACE_LEAST, 100)).toBeGreaterThan(20);
    expect(await rateOf(20, 10)).toBeLessThan(20.5);
    expect(await rateOf(20, 3_500)).toBeGreaterThan(1_000);
  });
});

describe("what a provider bore", () => {
  it("is learned from what was accepted, however the provider counts", () => {
    const clock = new HandClock();
    const bore = new Bore(clock);
    const now = () => clock.monotonic();
    for (let n = 0; n < 20; n++) bore.add("by the second", now());
    for (let n = 0; n < 600; n++) bore.add("by the minute", now());
    expect(bore.take("by the second", now(), 1_000)).toBeCloseTo(20, 0);
    expect(bore.take("by the minute", now(), 60_000)).toBeCloseTo(10, 0);
    expect(bore.take("by the minute", now(), 60_000)).toBe(0);
    bore.add("after a quiet time", now());
    clock.leap(3_600_000);
    for (let n = 0; n < 20; n++) bore.add("after a quiet time", now());
    expect(bore.take("after a quiet time", now(), 1_000)).toBeCloseTo(20, 0);
  });

  it("includes what was under way, whenever its answer is read", () => {
    const clock = new HandClock();
    const bore = new Bore(clock);
    const asked = clock.monotonic();
    expect(bore.take("pair", asked, 1_000)).toBe(0);
    for (let n = 0; n < 5; n++) bore.add("pair", asked);
    expect(bore.takeLate("pair")).toBeCloseTo(5, 0);
    expect(bore.takeLate("pair")).toBe(0);
    // The provider took its time, or this process did.
    clock.leap(30_000);
    for (let n = 0; n < 15; n++) bore.add("pair", asked);
    expect(bore.takeLate("pair")).toBeCloseTo(15, 0);
    // What was asked afterwards says something about the pace that it was asked at, and nothing about before.
    bore.add("pair", clock.monotonic());
    expect(bore.takeLate("pair")).toBe(0);
  });

  it("is measured by when it was asked: a process that stood still before it read the answers learns the same", () => {
    const clock = new HandClock();
    const bore = new Bore(clock);
    const asked = clock.monotonic();
    clock.leap(60_000);
    for (let n = 0; n < 20; n++) bore.add("pair", asked);
    expect(bore.take("pair", asked, 1_000)).toBeCloseTo(20, 0);
  });
});

describe("many that expire together, at a provider that lets twenty through and then wants a rest", () => {
  it("never ask it again before the rest is over, and then each in a slot of its own", async () => {
    const clientId = await world.addClient();
    for (let n = 0; n < 60; n++) await world.addSecret({}, { clientId });
    // Leases of tests before lapse, and somebody else's "slow down" is not this client's.
    await world.database.owner`update token_state set refresh_due_at = null where auth_client_id <> ${clientId}`;
    await world.database
      .owner`update token_state set refresh_due_at = now() - interval '1 s' where auth_client_id = ${clientId}`;
    const { world: live, paces } = refresher();
    const { provider, rows } = live;
    const { renew } = provider;
    const { fail, guard } = rows;
    const { take } = paces;
    let [accepted, told, rested, early, slots, calls] = [0, false, false, 0, 0, 0];
    provider.renew = async (client, tokens, mayStillSend) => {
      calls += 1;
      if (rested || accepted++ < 20) return renew(client, tokens, mayStillSend);
      const over = { oauthError: null, said: null, status: 429, detail: "Slow down.", retryAfterMs: 600_000 };
      return { kind: "failure", failure: { ...over, kind: "throttled", code: "throttled" } };
    };
    rows.fail = async (record) => {
      const done = await fail(record);
      told = true;
      return done;
    };
    // What the guard let through before the word was written down cannot be called back; nothing passes it afterwards.
    rows.guard = async (lease) => {
      const after = told;
      const passed = await guard(lease);
      if (after && passed) early += 1;
      return passed;
    };
    Object.assign(paces, {
      take: async (...asked: Parameters<typeof take>) => {
        const given = await take(...asked);
        slots += given.granted;
        return given;
      },
    });
    const left = () =>
      world.database.owner`select 1 from token_state where auth_client_id = ${clientId} and generation = 1`;
    const settled = async (done: () => Promise<boolean> | boolean) => {
      for (let n = 0; n < 1200 && !(await done()); n++) await new Promise((resolve) => setTimeout(resolve, 50));
      expect(await done()).toBe(true);
    };
    const sweep = startSweep();
    try {
      await settled(() => told && refresher().running.size === 0);
      expect(await left()).toHaveLength(40);
      expect([early, slots]).toEqual([0, 0]);
      // The rest is over; what was learned from so long a rest would be a call in half a minute.
      rows.guard = guard;
      rested = true;
      calls = 0;
      await world.database.owner`update token_state set not_before = null where auth_client_id = ${clientId}`;
      await world.database
        .owner`update token_pace set rate = 40, blocked_until = now(), next_at = now() where auth_client_id = ${clientId}`;
      paces.note(who(clientId));
      await settled(async () => (await left()).length === 0);
      expect(calls).toBe(40);
      expect(slots).toBeGreaterThanOrEqual(40);
    } finally {
      await sweep.stop(5_000);
      provider.renew = renew;
      Object.assign(rows, { fail, guard });
      Object.assign(paces, { take });
    }
  }, 180_000);
});

it("a process that starts later learns of it", async () => {
  const clientId = await world.addClient();
  await throttle(clientId);
  expect(await knownPaces()).toContainEqual(who(clientId));
});
