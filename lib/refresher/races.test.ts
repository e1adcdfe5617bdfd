import { afterEach, describe, expect, it, vi } from "vitest";
import { DELETE as DELETE_SECRET, PATCH } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { DELETE as FORGET } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/tokens/route";
import { systemClock } from "@/lib/clock";
import { FakeIdp } from "@/lib/testing/fake-idp";
import { HandClock } from "@/lib/testing/hand-clock";
import { call } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { runAttempt } from "./ensure-fresh";
import { refresher } from "./live-world";
import { HARD_DEADLINE_MS, HEARTBEAT_MS } from "./policy";
import { refreshOne } from "./refresh-one";
import { startSweep } from "./sweep";
import type { Lease, World } from "./world";

/** What may happen between two steps of the protocol (REFRESH sections 4 and 8), on the real rows and the real provider. */
const world = useOAuthWorld();

async function lease(secretId: string): Promise<Lease> {
  const won = await refresher().world.rows.acquire(
    { tenantId: world.place.tenantId, secretId },
    { validityMs: 0, generation: (await world.state(secretId)).generation, insist: true },
  );
  if (!won) throw new Error("no lease");
  return won;
}

async function until<T>(look: () => Promise<T | false> | T | false, ms = 8000): Promise<T> {
  for (const end = performance.now() + ms; performance.now() < end; ) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("It did not happen in time.");
}

/** Holds back every answer until it `comes`; what was asked has taken effect. */
function heldAnswer(): { comes(): void } {
  let comes = () => {};
  world.idp.hold = new Promise((resolve) => {
    comes = resolve;
  });
  return { comes: () => comes() };
}

const arrived = (n = 1) => until(() => world.idp.refreshCalls().length >= n);
const params = (secretId: string) => ({ workspaceId: world.place.workspaceId, secretId });

function patch(secretId: string, attributes: Record<string, unknown>) {
  return call(PATCH, {
    method: "PATCH",
    url: `/v2/workspaces/${world.place.workspaceId}/secrets/${secretId}`,
    params: params(secretId),
    as: world.owner.basic,
    json: { data: { type: "auth-secret", attributes } },
  });
}

const worldWith = (changes: Partial<World>): World => ({ ...refresher().world, ...changes });

it("what is claimed comes soonest first, however the database goes about it", async () => {
  const secrets = [];
  for (let n = 0; n < 12; n++) secrets.push(await world.addSecret());
  const wanted = secrets.map(({ id }, n) => ({ id, at: (n * 7) % 12 })).sort((a, b) => a.at - b.at);
  const { owner } = world.database;
  for (const { id, at } of wanted)
    await owner`update token_state set refresh_due_at = now() - interval '1 h' + ${at} * interval '1 s' where secret_id = ${id}`;
  const claimed = await owner.begin(async (tx) => {
    // As it goes about many rows: a hash of what is due, and a walk over the table.
    await tx`set local enable_nestloop = off`;
    await tx`set local enable_mergejoin = off`;
    return tx<{ secret_id: string }[]>`select secret_id from latchkey_refresh_claim('test', 200, '{}')`;
  });
  await owner`update token_state set refresh_due_at = null, lease_holder = null where lease_holder = 'test'`;
  expect(claimed.map((row) => row.secret_id)).toEqual(wanted.map(({ id }) => id));
});

describe("before anything is sent", () => {
  it("a lease that somebody else took over stops the attempt", async () => {
    const secret = await world.addSecret();
    const mine = await lease(secret.id);
    await world.database
      .owner`update token_state set lease_holder = 'other', fence = fence + 1 where secret_id = ${secret.id}`;
    expect(await runAttempt(mine, null)).toEqual({ kind: "superseded" });
    expect(world.idp.refreshCalls()).toEqual([]);
    expect((await world.state(secret.id)).lease_holder).toBe("other");
  });

  it("a lease about to lapse stops the attempt", async () => {
    const secret = await world.addSecret();
    const mine = await lease(secret.id);
    await world.database
      .owner`update token_state set lease_until = now() + interval '2 s' where secret_id = ${secret.id}`;
    expect(await runAttempt(mine, null)).toEqual({ kind: "superseded" });
    expect(world.idp.refreshCalls()).toEqual([]);
  });

  it("a generation that moved stops the attempt", async () => {
    const secret = await world.addSecret();
    const mine = await lease(secret.id);
    await world.database.owner`update token_state set generation = generation + 1 where secret_id = ${secret.id}`;
    expect(await runAttempt(mine, null)).toEqual({ kind: "superseded" });
    expect(world.idp.refreshCalls()).toEqual([]);
  });

  it("a stall between lease and guard leaves time for a heartbeat: the lease begins anew", async () => {
    const secret = await world.addSecret();
    const mine = await lease(secret.id);
    const left = async () =>
      (
        await world.database
          .owner`select extract(epoch from lease_until - now())::float8 as s from token_state where secret_id = ${secret.id}`
      )[0]?.s;
    await world.database
      .owner`update token_state set lease_until = now() + interval '5 s' where secret_id = ${secret.id}`;
    expect(await left()).toBeLessThan(5.1);
    expect(await refresher().world.rows.guard(mine)).toBe(true);
    expect(await left()).toBeGreaterThan(HEARTBEAT_MS / 1000 + 1);
  });

  it("a stall between guard and sending stops the attempt, and the lease is given back", async () => {
    const secret = await world.addSecret();
    const mine = await lease(secret.id);
    const clock = new HandClock();
    const { rows } = refresher().world;
    const outcome = await refreshOne(
      worldWith({
        clock,
        rows: {
          ...rows,
          guard: async (l) => {
            const passed = await rows.guard(l);
            clock.leap(4000);
            return passed;
          },
        },
      }),
      mine,
      null,
    );
    expect(outcome).toEqual({ kind: "superseded" });
    expect(world.idp.refreshCalls()).toEqual([]);
    expect(await world.state(secret.id)).toMatchObject({ leased: false, outcome: null });
  });

  it("a stall while the connection is being made stops the attempt too", async () => {
    const secret = await world.addSecret();
    const mine = await lease(secret.id);
    const clock = new HandClock();
    const { provider } = refresher().world;
    const outcome = await refreshOne(
      worldWith({
        clock,
        provider: {
          ...provider,
          renew: (client, tokens, mayStillSend) => {
            clock.leap(20_000);
            return provider.renew(client, tokens, mayStillSend);
          },
        },
      }),
      mine,
      null,
    );
    expect(outcome).toEqual({ kind: "superseded" });
    expect(world.idp.refreshCalls()).toEqual([]);
    expect(await world.state(secret.id)).toMatchObject({ leased: false, outcome: null, failures: 0, problem: null });
    expect((await world.refresh(secret.id)).body.data.attributes.generation).toBe(2);
  });

  it("a second process cannot lease what is leased", async () => {
    const secret = await world.addSecret();
    await lease(secret.id);
    const again = await refresher().world.rows.acquire(
      { tenantId: world.place.tenantId, secretId: secret.id },
      { validityMs: 0, generation: 1, insist: true },
    );
    expect(again).toBeNull();
    await world.database
      .owner`update token_state set lease_until = now() - interval '1 s' where secret_id = ${secret.id}`;
    expect((await world.refresh(secret.id)).body.data.attributes.generation).toBe(2);
  });
});

describe("an answer on its way", () => {
  it("is landed although it comes after the hard deadline", async () => {
    const secret = await world.addSecret();
    const mine = await lease(secret.id);
    const clock = new HandClock();
    const answer = heldAnswer();
    const attempt = refreshOne(worldWith({ clock }), mine, null);
    await arrived();
    clock.leap(HARD_DEADLINE_MS + 1);
    expect(await attempt).toMatchObject({ kind: "failed", code: "provider_failing" });
    expect(await world.state(secret.id)).toMatchObject({ leased: false, outcome: "UNKNOWN", generation: 1 });
    answer.comes();
    await until(async () => (await world.state(secret.id)).generation === 2);
    expect(await world.state(secret.id)).toMatchObject({ status: "active", failures: 0, problem: null });
    const { refresh_token } = (await world.read(secret.id)).body.data.attributes.credentials;
    expect(world.idp.grants.acceptsRefresh(refresh_token)).toBe(true);
  });

  it("that is here is taken, although the process stood still and finds the hard deadline over first", async () => {
    const secret = await world.addSecret();
    const mine = await lease(secret.id);
    const clock = new HandClock();
    const { provider } = refresher().world;
    let here = () => {};
    const read = new Promise<void>((resolve) => {
      here = resolve;
    });
    const renew: World["provider"]["renew"] = async (...asked) => {
      const answer = await provider.renew(...asked);
      await read;
      return answer;
    };
    const attempt = refreshOne(worldWith({ clock, provider: { ...provider, renew } }), mine, null);
    await until(() => world.idp.refreshCalls()[0]?.status === 200);
    // Timers come before what is read, in one turn.
    clock.leap(HARD_DEADLINE_MS + 1);
    here();
    expect(await attempt).toEqual({ kind: "landed" });
  });

  it("is waited for although it comes one byte at a time", async () => {
    const secret = await world.addSecret();
    world.idp.next({ instead: { kind: "drip", everyMs: 4 } });
    expect(await runAttempt(await lease(secret.id), null)).toEqual({ kind: "landed" });
    const { refresh_token } = (await world.read(secret.id)).body.data.attributes.credentials;
    expect(world.idp.grants.acceptsRefresh(refresh_token)).toBe(true);
  });

  it("that never comes ends in a quick second try at the hard deadline", async () => {
    const secret = await world.addSecret({ kind: "grace" });
    const mine = await lease(secret.id);
    const clock = new HandClock();
    world.idp.next({ instead: { kind: "silence" } });
    const attempt = refreshOne(worldWith({ clock }), mine, null);
    await arrived();
    clock.leap(HARD_DEADLINE_MS + 1);
    expect(await attempt).toMatchObject({ kind: "failed", code: "provider_failing" });
    expect((await world.state(secret.id)).due_in_s).toBeLessThan(1.3);
    expect((await world.token(secret.id)).body.data.attributes.access_token).toBe(secret.accessToken);
    expect((await world.refresh(secret.id)).body.data.attributes.generation).toBe(2);
  });

  it("revives a secret that was declared dead meanwhile", async () => {
    const secret = await world.addSecret();
    const mine = await lease(secret.id);
    const answer = heldAnswer();
    const attempt = runAttempt(mine, null);
    await arrived();
    await world.database
      .owner`update token_state set status = 'dead', lease_holder = null, refresh_due_at = null where secret_id = ${secret.id}`;
    answer.comes();
    expect(await attempt).toEqual({ kind: "landed" });
    expect(await world.state(secret.id)).toMatchObject({ status: "active", generation: 2 });
  });

  it("is landed although the lease was lost", async () => {
    const secret = await world.addSecret();
    const mine = await lease(secret.id);
    const answer = heldAnswer();
    const attempt = runAttempt(mine, null);
    await arrived();
    await world.database
      .owner`update token_state set lease_holder = 'other', fence = fence + 1 where secret_id = ${secret.id}`;
    answer.comes();
    expect(await attempt).toEqual({ kind: "landed" });
    expect(await world.state(secret.id)).toMatchObject({ generation: 2, lease_holder: "other" });
  });

  it("of a secret deleted meanwhile is not stored, and revoked", async () => {
    const clientId = await world.addClient({ revocation_uri: `${world.idp.url}/revoke` });
    const secret = await world.addSecret({}, { clientId });
    const answer = heldAnswer();
    const attempt = runAttempt(await lease(secret.id), null);
    await arrived();
    await call(DELETE_SECRET, { method: "DELETE", url: "/", params: params(secret.id), as: world.owner.basic });
    answer.comes();
    expect(await attempt).toEqual({ kind: "superseded" });
    const issued = world.idp.grant(secret.grantId).presentations[0]?.issued;
    expect(world.idp.revocations.map((r) => r.token)).toContain(issued);
    expect(await world.database.owner`select 1 from token_ledger where secret_id = ${secret.id}`).toEqual([]);
  });

  it("of tokens forgotten meanwhile is not stored, and revoked", async () => {
    const clientId = await world.addClient({ revocation_uri: `${world.idp.url}/revoke` });
    const secret = await world.addSecret({}, { clientId });
    const answer = heldAnswer();
    const attempt = runAttempt(await lease(secret.id), null);
    await arrived();
    await call(FORGET, { method: "DELETE", url: "/", params: params(secret.id), as: world.owner.basic });
    answer.comes();
    expect(await attempt).toEqual({ kind: "superseded" });
    expect(await world.state(secret.id)).toMatchObject({ status: "unauthorized", sealed: null, grant_id: null });
    const issued = world.idp.grant(secret.grantId).presentations[0]?.issued;
    expect(world.idp.revocations.map((r) => r.token)).toContain(issued);
  });

  it("of an older grant leaves the new one alone", async () => {
    const clientId = await world.addClient({ revocation_uri: `${world.idp.url}/revoke` });
    const secret = await world.addSecret({}, { clientId });
    const answer = heldAnswer();
    const attempt = runAttempt(await lease(secret.id), null);
    await arrived();
    const fresh = world.idp.create({ clientId: "client" });
    await patch(secret.id, {
      credentials: { access_token: fresh.tokens.access_token, refresh_token: fresh.tokens.refresh_token },
    });
    answer.comes();
    expect(await attempt).toEqual({ kind: "superseded" });
    const { credentials } = (await world.read(secret.id)).body.data.attributes;
    expect(credentials.access_token).toBe(fresh.tokens.access_token);
    expect(world.idp.grant(fresh.id).revoked).toBe("no");
    expect(world.idp.grant(secret.grantId).revoked).toBe("revocation");
    const ledger = await world.database.owner`select standing from token_ledger where secret_id = ${secret.id}`;
    expect(ledger).toEqual([{ standing: "current" }]);
  });

  it("of a grant that is gone is not stored, whatever the generation says", async () => {
    const secret = await world.addSecret();
    const answer = heldAnswer();
    const attempt = runAttempt(await lease(secret.id), null);
    await arrived();
    await world.database.owner`update token_state set grant_id = 'another' where secret_id = ${secret.id}`;
    answer.comes();
    expect(await attempt).toEqual({ kind: "superseded" });
    expect(await world.state(secret.id)).toMatchObject({ grant_id: "another", generation: 1 });
    expect((await world.token(secret.id)).body.data.attributes.access_token).toBe(secret.accessToken);
  });

  it("is not disturbed by edits of anything but tokens", async () => {
    const secret = await world.addSecret();
    const answer = heldAnswer();
    const attempt = runAttempt(await lease(secret.id), null);
    await arrived();
    const edited = await patch(secret.id, {
      name: `Renamed ${secret.id}`,
      credentials: { scope: "other", fields: { retries: 3 }, additional_params: '{"prompt":"consent"}' },
    });
    expect(edited.status).toBe(200);
    answer.comes();
    expect(await attempt).toEqual({ kind: "landed" });
    const { attributes } = (await world.read(secret.id)).body.data;
    expect(attributes).toMatchObject({ name: `Renamed ${secret.id}`, generation: 2 });
    expect(attributes.credentials.fields).toEqual({ retries: 3 });
    expect(world.idp.grants.acceptsRefresh(attributes.credentials.refresh_token)).toBe(true);
  });

  it("wins over an access token that a person put in meanwhile without a refresh token of its own", async () => {
    const secret = await world.addSecret();
    const answer = heldAnswer();
    const attempt = runAttempt(await lease(secret.id), null);
    await arrived();
    expect((await patch(secret.id, { credentials: { access_token: "by-hand" } })).status).toBe(200);
    answer.comes();
    await attempt;
    const { credentials } = (await world.read(secret.id)).body.data.attributes;
    expect(world.idp.grants.acceptsRefresh(credentials.refresh_token)).toBe(true);
  });

  it("never loses to an edit of tokens that was begun before it landed", async () => {
    const secret = await world.addSecret();
    for (let round = 0; round < 5; round++) {
      await world.database
        .owner`update token_state set received_at = now() - interval '1 h' where secret_id = ${secret.id}`;
      await Promise.all([
        world.refresh(secret.id),
        patch(secret.id, { credentials: { undefined_params: { round } } }),
        patch(secret.id, { credentials: { expires_in: 3000 } }),
      ]);
      const { credentials } = (await world.read(secret.id)).body.data.attributes;
      expect(world.idp.grants.acceptsRefresh(credentials.refresh_token)).toBe(true);
    }
    expect(world.idp.grant(secret.grantId).revoked).toBe("no");
  });

  it("that was issued before the current one is kept as an alternative, a later one is promoted", async () => {
    for (const later of [false, true]) {
      const secret = await world.addSecret({ kind: "grace" });
      const held = await lease(secret.id);
      const { provider } = refresher().world;
      const at = Date.now() + (later ? 60_000 : -60_000);
      world.idp.next({ holdMs: 500, headers: { date: new Date(at).toUTCString() } });
      const slow = refreshOne(worldWith({ provider }), held, null);
      await arrived();
      await world.database
        .owner`update token_state set lease_until = now() - interval '1 s' where secret_id = ${secret.id}`;
      const quick = await world.refresh(secret.id);
      expect(quick.body.data.attributes.generation).toBe(2);
      expect(await slow).toEqual({ kind: later ? "landed" : "superseded" });
      expect((await world.state(secret.id)).generation).toBe(later ? 3 : 2);
      const rows = await world.database
        .owner`select standing from token_ledger where secret_id = ${secret.id} order by standing`;
      expect(rows.map((row) => row.standing)).toEqual(["alternative", "current", "doubted"]);
      const kept = await refresher().world.rows.alternatives(held, true);
      for (const one of kept) await refresher().world.vault.open(held, one.generation, one.sealed);
      world.idp.reset();
    }
  });
});

describe("a database that is away", () => {
  it("while an answer is in memory: it is landed as soon as it is back, and nobody asks again", async () => {
    const secret = await world.addSecret();
    world.idp.next({ holdMs: 300 });
    const attempt = runAttempt(await lease(secret.id), null);
    await arrived();
    const { owner } = world.database;
    // Rows cannot be written and connections die, again and again, until well after the answer is here.
    await owner.begin(async (tx) => {
      await tx`lock table token_ledger in access exclusive mode`;
      for (let n = 0; n < 5; n++) {
        await new Promise((resolve) => setTimeout(resolve, 200));
        await tx`select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name = 'latchkey'`;
      }
    });
    expect(await attempt).toEqual({ kind: "landed" });
    expect(await world.state(secret.id)).toMatchObject({ generation: 2, status: "active", failures: 0 });
    expect(world.idp.refreshCalls()).toHaveLength(1);
  });

  it("says nothing about a commit: the same landing again changes nothing", async () => {
    const secret = await world.addSecret();
    const { rows } = refresher().world;
    let commits = 0;
    const outcome = await refreshOne(
      worldWith({
        rows: {
          ...rows,
          land: async (landing) => {
            const verdict = await rows.land(landing);
            commits += 1;
            if (commits < 3) throw new Error("connection lost after commit");
            return verdict;
          },
        },
      }),
      await lease(secret.id),
      null,
    );
    expect(outcome).toEqual({ kind: "landed" });
    expect(commits).toBe(3);
    expect(await world.state(secret.id)).toMatchObject({ generation: 2 });
    const events = await world.database
      .owner`select 1 from secret_events where secret_id = ${secret.id} and event = 'refreshed'`;
    expect(events).toHaveLength(1);
    const ledger = await world.database
      .owner`select standing from token_ledger where secret_id = ${secret.id} order by standing`;
    expect(ledger.map((row) => row.standing)).toEqual(["current", "predecessor"]);
  });

  it("is not noticed by those who read after it is back", async () => {
    const secrets = await Promise.all(Array.from({ length: 20 }, () => world.addSecret()));
    for (let round = 0; round < 3; round++) {
      // In the middle of statements, so that connections die with an error of their own, and idle ones too.
      const reading = Promise.allSettled(secrets.map((secret) => world.read(secret.id)));
      await world.database.owner`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'latchkey'`;
      await reading;
      const answers = await Promise.all(
        secrets.flatMap((secret) => [world.token(secret.id), world.read(secret.id), world.refresh(secret.id)]),
      );
      expect(answers.map((answer) => answer.status).filter((status) => status !== 200)).toEqual([]);
    }
  });

  it("does not stop the sweep for good", async () => {
    const secret = await world.addSecret();
    const sweep = startSweep();
    try {
      await world.database.owner`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'latchkey'`;
      await world.makeDue(secret.id);
      await until(async () => (await world.state(secret.id)).generation === 2);
    } finally {
      await sweep.stop(1000);
    }
  });
});

describe("a process whose clock is wrong by a day", () => {
  afterEach(() => void vi.restoreAllMocks());

  it.each([86_400_000, -86_400_000])("(%d ms) serves no expired token and asks once", async (offset) => {
    const secret = await world.addSecret();
    const real = Date.now.bind(Date);
    vi.spyOn(Date, "now").mockImplementation(() => real() + offset);
    expect((await world.token(secret.id)).body.data.attributes.generation).toBe(1);
    await world.expire(secret.id);
    const answers = await Promise.all(Array.from({ length: 20 }, () => world.token(secret.id)));
    for (const answer of answers) {
      expect(answer.body.data.attributes.access_token).not.toBe(secret.accessToken);
      expect(answer.body.data.attributes.valid_for).toBeGreaterThan(3500);
    }
    const sweep = startSweep();
    await systemClock.sleep(700);
    await sweep.stop(1000);
    expect(world.idp.refreshCalls()).toHaveLength(1);
  });
});

describe("the sweep", () => {
  it("refreshes what is due before it expires, soonest first, and nothing else", async () => {
    const due = await Promise.all(Array.from({ length: 30 }, () => world.addSecret()));
    const rest = await Promise.all(Array.from({ length: 5 }, () => world.addSecret()));
    for (const [n, secret] of due.entries())
      await world.database.owner`update token_state set refresh_due_at = now() - ${n} * interval '1 s',
        expires_at = now() + interval '3 s' where secret_id = ${secret.id}`;
    const sweep = startSweep();
    try {
      await until(() => world.idp.refreshCalls().length >= 30);
      await until(async () => {
        const rows = await world.database
          .owner`select 1 from token_state where secret_id in ${world.database.owner(due.map((s) => s.id))} and generation = 2`;
        return rows.length === 30;
      });
    } finally {
      await sweep.stop(5000);
    }
    expect(world.idp.refreshCalls()).toHaveLength(30);
    for (const secret of rest) expect((await world.state(secret.id)).generation).toBe(1);
    const first = world.idp.refreshCalls()[0]?.form.refresh_token;
    expect(due.slice(-8).map((secret) => secret.refreshToken)).toContain(first);
  });

  it("keeps a lead of at least a minute where the lifetime allows, never more than half of it", async () => {
    for (const [expiresIn, least, most] of [
      [3600, 600, 660],
      [600, 120, 132],
      [120, 60, 60],
      [20, 10, 10],
      [86_400, 600, 660],
    ] as const) {
      const secret = await world.addSecret({ expiresIn });
      const row = await world.state(secret.id);
      const lead = row.valid_for_s - row.due_in_s;
      expect(lead).toBeGreaterThanOrEqual(least - 0.01);
      expect(lead).toBeLessThanOrEqual(most + 0.01);
    }
  });

  it("gives a silent provider a rest and delays nobody else's secrets", async () => {
    const silent = await new FakeIdp().start();
    const sweep = startSweep();
    try {
      silent.always({ instead: { kind: "drop" } });
      const clientId = await world.addClient({ refresh_token_uri: `${silent.url}/refresh` });
      const stuck = await Promise.all(Array.from({ length: 60 }, () => world.addSecret({}, { clientId })));
      const well = await Promise.all(Array.from({ length: 30 }, () => world.addSecret()));
      for (const secret of [...stuck, ...well]) await world.makeDue(secret.id);
      await until(() => world.idp.refreshCalls().length >= 30);
      const host = new URL(silent.url).host;
      const { hosts } = refresher();
      await until(() => hosts.states().find((state) => state.host === host)?.open ?? false);
      await systemClock.sleep(300);
      const calls = silent.calls.length;
      await systemClock.sleep(2500);
      expect(silent.calls.length).toBe(calls);
      expect(calls).toBeLessThan(120);

      const [one] = stuck;
      if (!one) throw new Error("no secret");
      await world.database
        .owner`update token_state set expires_at = now(), failures = 0, refresh_due_at = now() - interval '1 s',
        problem = null where secret_id = ${one.id}`;
      const answer = await world.token(one.id, "?wait=2");
      expect(answer.status).toBe(424);
      expect(answer.body.errors[0].meta.problem.code).toBe("provider_unreachable");
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(silent.calls.length).toBe(calls);
    } finally {
      await sweep.stop(1000);
      await silent.stop();
    }
  });

  it("is not held up by many providers that hang", async () => {
    const hanging = await Promise.all(Array.from({ length: 9 }, () => new FakeIdp().start()));
    const sweep = startSweep();
    try {
      for (const idp of hanging) {
        idp.always({ instead: { kind: "silence" } });
        const clientId = await world.addClient({ refresh_token_uri: `${idp.url}/refresh` });
        const stuck = await Promise.all(Array.from({ length: 34 }, () => world.addSecret({}, { clientId })));
        await world.database.owner`update token_state set refresh_due_at = now() - interval '1 min'
          where secret_id in ${world.database.owner(stuck.map((secret) => secret.id))}`;
      }
      await until(
        () => hanging.every((idp) => idp.calls.length === world.database.settings.refreshHostConcurrency),
        20_000,
      );
      const well = await Promise.all(Array.from({ length: 20 }, () => world.addSecret()));
      for (const secret of well) await world.makeDue(secret.id);
      const presented = () => new Set(world.idp.refreshCalls().map((sent) => sent.form.refresh_token));
      await until(() => well.every((secret) => presented().has(secret.refreshToken as string)));
      expect(hanging.map((idp) => idp.calls.length)).toEqual(
        hanging.map(() => world.database.settings.refreshHostConcurrency),
      );
    } finally {
      await sweep.stop(0);
      await Promise.all(hanging.map((idp) => idp.stop()));
    }
  }, 40_000);

  it("waits for what is under way when it is stopped, also for what readers started", async () => {
    const [swept, read] = [await world.addSecret(), await world.addSecret()];
    world.idp.always({ holdMs: 600 });
    const sweep = startSweep();
    await world.makeDue(swept.id);
    await arrived();
    await world.expire(read.id);
    const reading = world.token(read.id, "?wait=0");
    await arrived(2);
    await sweep.stop(5000);
    expect((await world.state(swept.id)).generation).toBe(2);
    expect((await world.state(read.id)).generation).toBe(2);
    await reading;
  });
});
