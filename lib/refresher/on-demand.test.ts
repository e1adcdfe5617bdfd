import { describe, expect, it } from "vitest";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { refresher } from "./live-world";

/** A reader or a person asks; the provider is asked once, whoever and however many ask. */
const world = useOAuthWorld();

describe("a refresh on demand", () => {
  it("answers with the provider's new token and stores the rotated refresh token", async () => {
    const secret = await world.addSecret();
    const answer = await world.refresh(secret.id);
    expect(answer.status).toBe(200);
    const { credentials, state, generation } = answer.body.data.attributes;
    const grant = world.idp.grant(secret.grantId);
    expect(credentials.access_token).not.toBe(secret.accessToken);
    expect(world.idp.grants.acceptsAccess(credentials.access_token)).toBe(true);
    expect(credentials.refresh_token).toBe(grant.presentations[0]?.issued);
    expect({ state, generation }).toEqual({ state: "ready", generation: 2 });
    expect(world.idp.refreshCalls()).toHaveLength(1);
    expect(world.idp.refreshCalls()[0]?.path).toBe("/refresh");
  });

  it("works again and again, each time with the newest refresh token", async () => {
    const secret = await world.addSecret();
    for (let n = 2; n <= 4; n++) {
      const answer = await world.refresh(secret.id);
      expect(answer.body.data.attributes.generation).toBe(n);
      await world.database
        .owner`update token_state set received_at = now() - interval '1 min' where secret_id = ${secret.id}`;
    }
    const grant = world.idp.grant(secret.grantId);
    expect(grant.revoked).toBe("no");
    expect(grant.presentations.map((p) => p.verdict)).toEqual(["accepted", "accepted", "accepted"]);
  });

  it("leaves its room at the provider when that has answered, however long the database takes", async () => {
    const secret = await world.addSecret();
    const { rows } = refresher().world;
    const { land } = rows;
    let goOn = () => {};
    let answered = false;
    const away = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    rows.land = async (landing) => {
      answered = true;
      await away;
      return land(landing);
    };
    try {
      const refreshed = world.refresh(secret.id);
      await expect.poll(() => answered, { timeout: 10_000 }).toBe(true);
      expect(refresher().hosts.states()).toMatchObject([{ inFlight: 0 }]);
      goOn();
      expect((await refreshed).body.data.attributes.generation).toBe(2);
    } finally {
      rows.land = land;
    }
  });

  it("joins a refresh that landed in the last two seconds", async () => {
    const secret = await world.addSecret();
    const [first, second] = [await world.refresh(secret.id), await world.refresh(secret.id)];
    expect(second.body.data.attributes.credentials).toEqual(first.body.data.attributes.credentials);
    expect(world.idp.refreshCalls()).toHaveLength(1);
  });

  it("keeps the refresh token when the answer has none", async () => {
    const secret = await world.addSecret({ kind: "static" });
    const answer = await world.refresh(secret.id);
    expect(answer.body.data.attributes.credentials.refresh_token).toBe(secret.refreshToken);
    await world.expire(secret.id);
    expect((await world.token(secret.id)).status).toBe(200);
  });

  it.each([
    ["absent", null],
    ["zero", 0],
    ["negative", -5],
    ["a word", "soon"],
  ])("takes token_expires_in for a lifetime that is %s", async (_what, expires_in) => {
    const clientId = await world.addClient({ token_expires_in: 1234 });
    const secret = await world.addSecret({}, { clientId });
    world.idp.next({ change: { expires_in } });
    await world.refresh(secret.id);
    const row = await world.state(secret.id);
    expect(row.lifetime_s).toBe(1234);
    expect(row.valid_for_s).toBeGreaterThan(1225);
    expect(row.valid_for_s).toBeLessThanOrEqual(1234);
  });

  it.each([
    ["digits in a text", "1800", 1800],
    ["a fraction", 1800.9, 1800],
    ["absurd", 1e15, 10 * 365 * 86_400],
  ])("understands a lifetime that is %s", async (_what, expires_in, lifetime) => {
    const secret = await world.addSecret();
    world.idp.next({ change: { expires_in } });
    await world.refresh(secret.id);
    expect((await world.state(secret.id)).lifetime_s).toBe(lifetime);
  });

  it.each(["bearer", "BEARER", null])("takes token_type %s", async (token_type) => {
    const secret = await world.addSecret();
    world.idp.next({ change: { token_type } });
    expect((await world.refresh(secret.id)).status).toBe(200);
    expect((await world.token(secret.id)).body.data.attributes.token_type).toBe(token_type ?? "Bearer");
  });

  it("ignores an id_token but keeps what the provider adds", async () => {
    const secret = await world.addSecret();
    world.idp.next({ change: { id_token: "x.y.z", instance_url: "https://eu1.example.com" } });
    const answer = await world.refresh(secret.id);
    expect(answer.body.data.attributes.credentials.undefined_params).toMatchObject({
      instance_url: "https://eu1.example.com",
    });
  });
});

describe("a thousand readers", () => {
  it("of an expired token cost one call and are all served the same", async () => {
    const secret = await world.addSecret();
    await world.expire(secret.id);
    world.idp.next({ delayMs: 300 });
    const answers = await Promise.all(Array.from({ length: 1000 }, () => world.token(secret.id)));
    expect(answers.filter((answer) => answer.status !== 200)).toEqual([]);
    expect(new Set(answers.map((answer) => answer.body.data.attributes.access_token)).size).toBe(1);
    expect(answers[0]?.body.data.attributes.generation).toBe(2);
    expect(world.idp.refreshCalls()).toHaveLength(1);
  });

  it("who report the current token as refused cost one call", async () => {
    const secret = await world.addSecret();
    const { fingerprint } = (await world.token(secret.id)).body.data.attributes;
    const answers = await Promise.all(Array.from({ length: 1000 }, () => world.refused(secret.id, fingerprint)));
    expect(answers.filter((answer) => answer.status !== 200)).toEqual([]);
    expect(new Set(answers.map((answer) => answer.body.data.attributes.generation))).toEqual(new Set([2]));
    expect(world.idp.refreshCalls()).toHaveLength(1);
    const events = await world.database
      .owner`select 1 from secret_events where secret_id = ${secret.id} and event = 'refused'`;
    expect(events).toHaveLength(1);
  });

  it("who report an older token cost nothing and get the newer one", async () => {
    const secret = await world.addSecret();
    const { fingerprint } = (await world.token(secret.id)).body.data.attributes;
    await world.refresh(secret.id);
    const answers = await Promise.all(Array.from({ length: 200 }, () => world.refused(secret.id, fingerprint)));
    expect(new Set(answers.map((answer) => answer.body.data.attributes.generation))).toEqual(new Set([2]));
    expect((await world.refused(secret.id, "never-seen")).body.data.attributes.generation).toBe(2);
    expect(world.idp.refreshCalls()).toHaveLength(1);
  });

  it("of a token that has life left cost nothing, however due it is", async () => {
    const secret = await world.addSecret();
    await world.makeDue(secret.id);
    const answers = await Promise.all(Array.from({ length: 100 }, () => world.token(secret.id)));
    expect(new Set(answers.map((answer) => answer.body.data.attributes.access_token))).toEqual(
      new Set([secret.accessToken]),
    );
    expect(world.idp.refreshCalls()).toHaveLength(0);
  });
});

describe("minimum validity", () => {
  it("fetches a fresher token first", async () => {
    const secret = await world.addSecret();
    await world.database
      .owner`update token_state set expires_at = now() + interval '5 min' where secret_id = ${secret.id}`;
    expect((await world.token(secret.id, "?minimum_validity=200")).body.data.attributes.generation).toBe(1);
    const fresher = await world.token(secret.id, "?minimum_validity=600");
    expect(fresher.body.data.attributes.generation).toBe(2);
    expect(fresher.body.data.attributes.valid_for).toBeGreaterThan(3500);
    expect(fresher.body.meta).toEqual({});
  });

  it("counts half the lifetime for more, and says so", async () => {
    const secret = await world.addSecret();
    const answer = await world.token(secret.id, "?minimum_validity=3000");
    expect(answer.body.data.attributes.generation).toBe(1);
    expect(answer.body.meta.refresh).toMatchObject({ outcome: "too_short" });
    expect(world.idp.refreshCalls()).toHaveLength(0);
  });

  it("never withholds a token that is valid because the fresher one cannot be had", async () => {
    const secret = await world.addSecret();
    await world.database
      .owner`update token_state set expires_at = now() + interval '5 min' where secret_id = ${secret.id}`;
    world.idp.next({ error: { status: 500 } });
    const answer = await world.token(secret.id, "?minimum_validity=600");
    expect(answer.status).toBe(200);
    expect(answer.body.data.attributes.access_token).toBe(secret.accessToken);
    expect(answer.body.meta.refresh).toMatchObject({ outcome: "failed", code: "provider_failing" });
  });

  it("waits no longer than asked while the refresh goes on", async () => {
    const secret = await world.addSecret();
    await world.expire(secret.id);
    world.idp.next({ holdMs: 2500 });
    const early = await world.token(secret.id, "?wait=1");
    // Not the provider's answer: that one is still to come.
    expect(early.status).toBe(424);
    expect(Number(early.headers.get("retry-after"))).toBeGreaterThan(0);
    const later = await world.token(secret.id, "?wait=8");
    expect(later.body.data.attributes.generation).toBe(2);
    expect(world.idp.refreshCalls()).toHaveLength(1);
  });
});
