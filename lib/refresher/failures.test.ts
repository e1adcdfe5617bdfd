import { describe, expect, it } from "vitest";
import { PATCH as PATCH_CLIENT } from "@/app/v2/auth-clients/[id]/route";
import { PATCH as PATCH_SECRET } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { call } from "@/lib/testing/http";
import type { Behaviour } from "@/lib/testing/idp-behaviour";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { dueNow, sweepOnce } from "@/lib/testing/sweep-once";
import { runAttempt } from "./ensure-fresh";
import { refresher } from "./live-world";

/** What each kind of failed answer leads to (REFRESH section 6): nothing lost, nobody blamed wrongly, no storm. */
const world = useOAuthWorld();

const attributesOf = async (secretId: string) => (await world.read(secretId)).body.data.attributes;

describe("a passing trouble", () => {
  const troubles: [string, Behaviour, string, boolean][] = [
    ["500 before it took effect", { error: { status: 500 } }, "provider_failing", true],
    ["a redirect", { consume: false, instead: { kind: "redirect", status: 302, location: "/elsewhere" } }, "provider_failing", true],
    ["a redirect that keeps the method", { consume: false, instead: { kind: "redirect", status: 307, location: "/elsewhere" } }, "provider_failing", true],
    ["HTML", { consume: false, instead: { kind: "raw", status: 200, body: "<html><b>Welcome</b></html>" } }, "provider_failing", true],
    ["50 MB", { consume: false, instead: { kind: "huge", bytes: 50 * 1024 * 1024 } }, "provider_failing", true],
    ["a gzip bomb", { consume: false, instead: { kind: "gzip_bomb", bytes: 50 * 1024 * 1024 } }, "provider_failing", true],
    ["half an answer", { consume: false, instead: { kind: "half" } }, "provider_failing", true],
    ["a dropped connection", { consume: false, instead: { kind: "drop" } }, "provider_failing", true],
    ["200 without an access token", { consume: false, instead: { kind: "raw", status: 200, type: "application/json", body: "{}" } }, "provider_failing", true],
    ["200 with a list", { consume: false, instead: { kind: "raw", status: 200, type: "application/json", body: "[1]" } }, "provider_failing", true],
    ["429", { error: { status: 429, headers: { "retry-after": "120" } } }, "throttled", false],
    ["503 with Retry-After", { error: { status: 503, headers: { "retry-after": "120" } } }, "throttled", false],
    ["slow_down", { error: { status: 400, code: "slow_down" } }, "throttled", false],
  ]; // biome-ignore format: one list

  it.each(troubles)(
    "of %s: the stored token serves on, and the next attempt succeeds",
    async (_name, behaviour, code, quick) => {
      const secret = await world.addSecret();
      await world.makeDue(secret.id);
      world.idp.next(behaviour);
      expect(await sweepOnce()).toBe(1);

      const row = await world.state(secret.id);
      expect(row).toMatchObject({ status: "active", generation: 1, failures: 1, leased: false });
      expect(row.problem.code).toBe(code);
      if (quick) expect(row.due_in_s).toBeLessThan(1.3);
      else if (code === "throttled" && behaviour.error?.headers) expect(row.due_in_s).toBeGreaterThan(115);
      expect(world.idp.strays).toEqual([]);

      const served = await world.token(secret.id);
      expect(served.status).toBe(200);
      expect(served.body.data.attributes.access_token).toBe(secret.accessToken);
      expect(served.body.meta.refresh).toMatchObject({ outcome: "failed", code });
      const attributes = await attributesOf(secret.id);
      expect(attributes).toMatchObject({ status: "retrying", state: "ready", problem: { code } });
      expect(attributes.next_attempt_at).toBe(attributes.refresh_due_at);

      await dueNow(world, secret.id);
      expect(await sweepOnce()).toBe(1);
      expect(await world.state(secret.id)).toMatchObject({
        status: "active",
        generation: 2,
        failures: 0,
        problem: null,
      });
      expect(await attributesOf(secret.id)).toMatchObject({ status: "fresh", problem: null });
      expect(world.idp.grant(secret.grantId).revoked).toBe("no");
    },
  );

  it("is not called again before its time, however many ask", async () => {
    const secret = await world.addSecret();
    await world.expire(secret.id);
    world.idp.next({ error: { status: 429, headers: { "retry-after": "60" } } });
    const answers = await Promise.all(Array.from({ length: 50 }, () => world.token(secret.id)));
    for (const answer of answers) {
      expect(answer.status).toBe(424);
      expect(answer.body.errors[0].meta.problem).toMatchObject({ code: "throttled", who: "provider" });
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(50);
    }
    expect((await world.refresh(secret.id)).status).toBe(424);
    expect(await sweepOnce()).toBe(0);
    expect(world.idp.refreshCalls()).toHaveLength(1);
  });

  it("backs off longer and longer, up to ten minutes", async () => {
    const secret = await world.addSecret();
    world.idp.always({ error: { status: 500 } });
    const waits: number[] = [];
    for (let n = 1; n <= 13; n++) {
      await dueNow(world, secret.id);
      await sweepOnce();
      waits.push((await world.state(secret.id)).due_in_s);
    }
    expect(waits[0]).toBeLessThan(1.3);
    expect(waits[1]).toBeLessThan(3.5);
    expect(waits[2]).toBeLessThan(9);
    expect(Math.max(...waits)).toBeLessThanOrEqual(600);
    expect(waits[12]).toBeGreaterThan(595);
    expect((await world.state(secret.id)).status).toBe("active");
  });

  it("ends when a person insists, unless the provider asked for patience", async () => {
    const secret = await world.addSecret();
    await world.makeDue(secret.id);
    world.idp.next({ error: { status: 500 } });
    await sweepOnce();
    const answer = await world.refresh(secret.id);
    expect(answer.body.data.attributes.generation).toBe(2);
    expect(answer.body.meta).toEqual({});
  });
});

describe("a provider that took the rotation and lost the answer", () => {
  it.each(["grace", "graceReplay", "graceLatest"] as const)("of kind %s gets it again in time", async (kind) => {
    const secret = await world.addSecret({ kind });
    for (const behaviour of [{ instead: { kind: "drop" } }, { consume: true, error: { status: 502 } }] as Behaviour[]) {
      world.idp.next(behaviour);
      await world.makeDue(secret.id);
      await sweepOnce();
      expect((await world.state(secret.id)).due_in_s).toBeLessThan(3.5);
      await dueNow(world, secret.id);
      await sweepOnce();
      expect(await world.state(secret.id)).toMatchObject({ status: "active", failures: 0 });
    }
    const open = await world.read(secret.id);
    expect(world.idp.grants.acceptsRefresh(open.body.data.attributes.credentials.refresh_token)).toBe(true);
  });

  it.each(["soft", "strict"] as const)("of kind %s is named as the cause, not the person", async (kind) => {
    const secret = await world.addSecret({ kind });
    world.idp.next({ instead: { kind: "drop" } });
    await world.makeDue(secret.id);
    await sweepOnce();
    await dueNow(world, secret.id);
    await sweepOnce();
    expect(await attributesOf(secret.id)).toMatchObject({ status: "retrying", state: "ready" });
    await world.database
      .owner`update token_state set suspect_since = now() - interval '31 s' where secret_id = ${secret.id}`;
    await dueNow(world, secret.id);
    await sweepOnce();
    expect(await attributesOf(secret.id)).toMatchObject({
      status: "reauthorization_needed",
      problem: { code: "lost_answer", who: "you" },
    });
  });
});

describe("a refused grant", () => {
  it.each([
    ["invalid_grant", { error: { code: "invalid_grant" } }],
    ["invalid_grant with 401", { error: { status: 401, code: "invalid_grant" } }],
    ["an error inside a 200", { error: { status: 200, code: "invalid_refresh_token" } }],
    ["Slack's form", { error: { status: 200, body: '{"ok":false,"error":"token_revoked"}' } }],
  ] as [string, Behaviour][])(
    "(%s) is believed only at the second look after the hold-off",
    async (_name, behaviour) => {
      const secret = await world.addSecret();
      world.idp.always(behaviour);
      await world.makeDue(secret.id);
      await sweepOnce();
      let row = await world.state(secret.id);
      expect(row).toMatchObject({ status: "suspect", generation: 1 });
      expect(row.due_in_s).toBeGreaterThan(29);
      expect(row.due_in_s).toBeLessThan(61);
      expect((await world.token(secret.id)).body.data.attributes.access_token).toBe(secret.accessToken);
      expect(await attributesOf(secret.id)).toMatchObject({ status: "retrying", state: "ready" });

      // Too early a look, as by a person who insists, does not condemn it.
      expect((await world.refresh(secret.id)).status).toBe(200);
      expect((await world.state(secret.id)).status).toBe("suspect");

      await world.database
        .owner`update token_state set suspect_since = now() - interval '31 s' where secret_id = ${secret.id}`;
      await dueNow(world, secret.id);
      await sweepOnce();
      row = await world.state(secret.id);
      expect(row).toMatchObject({ status: "dead", refresh_due_at: null });
      expect(await attributesOf(secret.id)).toMatchObject({
        status: "reauthorization_needed",
        state: "error",
        problem: { code: "grant_refused", who: "you" },
      });

      const calls = world.idp.refreshCalls().length;
      expect((await world.refresh(secret.id)).status).toBe(409);
      expect((await world.token(secret.id)).status).toBe(200); // the access token still lives
      await world.database
        .owner`update token_state set expires_at = now() - interval '1 s' where secret_id = ${secret.id}`;
      const refused = await world.token(secret.id);
      expect(refused.status).toBe(409);
      expect(refused.body.errors[0].meta.problem.code).toBe("grant_refused");
      expect(await sweepOnce()).toBe(0);
      expect(world.idp.refreshCalls()).toHaveLength(calls);
    },
  );

  it("comes back to life when a second look succeeds", async () => {
    const secret = await world.addSecret();
    world.idp.next({ error: { code: "invalid_grant" } });
    await world.makeDue(secret.id);
    await sweepOnce();
    await dueNow(world, secret.id);
    await sweepOnce();
    expect(await world.state(secret.id)).toMatchObject({
      status: "active",
      generation: 2,
      suspect_since: null,
      problem: null,
    });
  });

  it("tries another refresh token of the same grant that the ledger holds", async () => {
    const secret = await world.addSecret({ kind: "graceLatest" });
    const first = await world.state(secret.id);
    // The first token arrives a second time after its answer was stored: the provider takes back what it gave before.
    await world.refresh(secret.id);
    const stored = await world.state(secret.id);
    expect(stored.generation).toBe(first.generation + 1);
    const orphan = world.idp.grants.present(secret.refreshToken as string);
    world.idp.grants.redeem(orphan);
    await world.database.owner`update token_state set lost_generation = 1 where secret_id = ${secret.id}`;
    await world.makeDue(secret.id);
    await sweepOnce();
    expect(await world.state(secret.id)).toMatchObject({ status: "active", generation: 3, failures: 0 });
    const open = await world.read(secret.id);
    expect(world.idp.grants.acceptsRefresh(open.body.data.attributes.credentials.refresh_token)).toBe(true);
  });
});

describe("a rejected client", () => {
  it("pauses all its secrets at the first word, harms none, is probed once, and goes on when it is corrected", async () => {
    const clientId = await world.addClient({ token_endpoint_auth_method: "client_secret_post" });
    const secrets = await Promise.all(Array.from({ length: 20 }, () => world.addSecret({}, { clientId })));
    world.idp.clients.set("client", { id: "client", secret: "rotated-at-the-provider" });
    for (const secret of secrets) await world.makeDue(secret.id);
    const [one] = secrets;
    if (!one) throw new Error("no secret");

    const { rows } = refresher().world;
    const [lease] = await rows.claim(1, []);
    if (!lease) throw new Error("nothing is due");
    await runAttempt(lease, null);
    expect(world.idp.refreshCalls()).toHaveLength(1);
    expect(await sweepOnce()).toBe(0);
    for (const secret of secrets) {
      expect(await attributesOf(secret.id)).toMatchObject({
        status: "paused",
        state: "error",
        problem: { code: "client_rejected", who: "admin" },
      });
      expect((await world.token(secret.id)).body.meta.refresh).toMatchObject({ outcome: "paused" });
    }
    expect((await world.refresh(one.id)).body.meta.refresh).toMatchObject({ outcome: "paused" });
    await world.database.owner`update token_state set expires_at = now() where secret_id = ${one.id}`;
    const expired = await world.token(one.id);
    expect(expired.status).toBe(409);
    expect(expired.body.errors[0].meta.problem.code).toBe("client_rejected");
    expect(world.idp.refreshCalls()).toHaveLength(1);

    await world.database.owner`update auth_client_state set next_probe_at = now() where auth_client_id = ${clientId}`;
    expect(await sweepOnce()).toBe(1);
    expect(await sweepOnce()).toBe(0);
    expect(world.idp.refreshCalls()).toHaveLength(2);
    const states = await world.database
      .owner`select distinct status from token_state where auth_client_id = ${clientId}`;
    expect(states).toEqual([{ status: "active" }]);

    const patched = await call(PATCH_CLIENT, {
      method: "PATCH",
      url: `/v2/auth-clients/${clientId}`,
      params: { id: clientId },
      as: world.owner.basic,
      json: {
        data: { type: "auth-client", attributes: { credentials: { client_secret: "rotated-at-the-provider" } } },
      },
    });
    expect(patched.status).toBe(200);
    expect(await sweepOnce()).toBe(20);
    for (const secret of secrets) expect((await world.state(secret.id)).generation).toBe(2);
  });

  it("tries the other way of authenticating once, and remembers what works", async () => {
    const clientId = await world.addClient();
    world.idp.clients.set("client", { id: "client", secret: "client-secret-value", methods: ["client_secret_basic"] });
    const secret = await world.addSecret({}, { clientId });
    await world.refresh(secret.id);
    expect(world.idp.refreshCalls().map((c) => c.auth)).toEqual(["client_secret_post", "client_secret_basic"]);
    await world.makeDue(secret.id);
    await sweepOnce();
    expect(world.idp.refreshCalls().map((c) => c.auth)).toEqual([
      "client_secret_post",
      "client_secret_basic",
      "client_secret_basic",
    ]);
    expect((await world.state(secret.id)).generation).toBe(3);
  });

  it("recovers by itself when a probe succeeds", async () => {
    const clientId = await world.addClient();
    const secret = await world.addSecret({}, { clientId });
    world.idp.always({ error: { status: 401, code: "invalid_client" } });
    await world.makeDue(secret.id);
    await sweepOnce();
    world.idp.always(null);
    await world.database.owner`update auth_client_state set next_probe_at = now() where auth_client_id = ${clientId}`;
    await sweepOnce();
    expect(await attributesOf(secret.id)).toMatchObject({ status: "fresh", generation: 2, problem: null });
  });
});

describe("a rejected request", () => {
  it.each([
    ["unsupported_grant_type", { error: { code: "unsupported_grant_type" } }],
    ["404", { error: { status: 404 } }],
    ["405", { error: { status: 405 } }],
    ["400 with an empty body, never accepted before", { error: { status: 400, body: "" } }],
    ["403 with a code of its own, never accepted before", { error: { status: 403, code: "AccessDenied.Custom" } }],
    ["invalid_request, never accepted before", { error: { code: "invalid_request" } }],
  ] as [string, Behaviour][])("(%s) is the client's matter and harms no secret", async (_name, behaviour) => {
    const clientId = await world.addClient();
    const secret = await world.addSecret({}, { clientId });
    world.idp.always(behaviour);
    await world.makeDue(secret.id);
    await sweepOnce();
    expect(await attributesOf(secret.id)).toMatchObject({
      status: "paused",
      problem: { code: "request_rejected", who: "admin" },
    });
    expect(await world.state(secret.id)).toMatchObject({ status: "active", generation: 1 });
    expect(await sweepOnce()).toBe(0);
    expect(world.idp.refreshCalls()).toHaveLength(1);
  });

  it.each([
    ["400 with an empty body", { error: { status: 400, body: "" } }],
    ["403 with a code of its own", { error: { status: 403, code: "AccessDenied.Custom" } }],
  ] as [string, Behaviour][])(
    "(%s) of a client that was accepted before is a refused grant",
    async (_name, behaviour) => {
      const clientId = await world.addClient();
      const secret = await world.addSecret({}, { clientId });
      expect((await world.refresh(secret.id)).body.data.attributes.generation).toBe(2);
      world.idp.always(behaviour);
      await world.makeDue(secret.id);
      await sweepOnce();
      expect((await world.state(secret.id)).status).toBe("suspect");
    },
  );

  it("for its scopes pauses that one secret, until they are edited", async () => {
    const [secret, other] = [await world.addSecret(), await world.addSecret()];
    await world.makeDue(secret.id);
    world.idp.next({ error: { code: "invalid_scope" } });
    await sweepOnce();
    expect(await attributesOf(secret.id)).toMatchObject({
      status: "paused",
      state: "error",
      problem: { code: "request_rejected", who: "you" },
    });
    expect(await attributesOf(other.id)).toMatchObject({ status: "fresh" });
    expect((await world.token(secret.id)).body.meta.refresh).toMatchObject({ outcome: "paused" });
    await dueNow(world, secret.id);
    expect(await sweepOnce()).toBe(0);
    await call(PATCH_SECRET, {
      method: "PATCH",
      url: `/v2/workspaces/${world.place.workspaceId}/secrets/${secret.id}`,
      params: { workspaceId: world.place.workspaceId, secretId: secret.id },
      as: world.owner.basic,
      json: { data: { type: "auth-secret", attributes: { credentials: { scope: "fewer" } } } },
    });
    expect(await sweepOnce()).toBe(1);
    expect(await attributesOf(secret.id)).toMatchObject({ status: "fresh", generation: 2 });
  });

  it("is tried again at once when a person asks for a refresh", async () => {
    const secret = await world.addSecret();
    await world.makeDue(secret.id);
    world.idp.next({ error: { code: "invalid_scope" } });
    await sweepOnce();
    expect((await world.refresh(secret.id)).body.data.attributes).toMatchObject({ status: "fresh", generation: 2 });
  });
});

describe("a token endpoint on a private address", () => {
  it("is never called: 424, and the administrator is named", async () => {
    const clientId = await world.addClient({ refresh_token_uri: "http://localhost.localdomain:9/token" });
    await world.database
      .owner`update auth_clients set options = jsonb_set(options, '{refresh_token_uri}', '"http://10.1.2.3/token"') where id = ${clientId}`;
    const secret = await world.addSecret({}, { clientId });
    await world.expire(secret.id);
    const answer = await world.token(secret.id);
    expect(answer.status).toBe(424);
    expect(answer.body.errors[0].meta.problem).toMatchObject({ code: "egress_blocked", who: "admin" });
    expect(answer.body.errors[0].meta.problem.detail).toContain("LATCHKEY_EGRESS_ALLOW");
    expect(JSON.stringify(answer.body)).not.toContain("10.1.2.3");
  });
});

describe("what a provider says", () => {
  it("is quoted in short and without anything that looks like a token", async () => {
    const secret = await world.addSecret();
    await world.makeDue(secret.id);
    world.idp.next({
      error: {
        code: "invalid_grant",
        description: `Token ${secret.refreshToken} of eyJhbGciOiJIUzI1NiJ9.abc.def0123456789abcdef with client-secret-value is <b>bad</b>\r\n${"x".repeat(900)}`,
      },
    });
    await sweepOnce();
    const { problem } = await attributesOf(secret.id);
    expect(problem.detail).not.toContain(secret.refreshToken);
    expect(problem.detail).not.toContain("eyJhbGci");
    expect(problem.detail).not.toContain("client-secret-value");
    expect(problem.detail.length).toBeLessThan(500);
    const [event] = await world.database
      .owner`select detail from secret_events where secret_id = ${secret.id} order by id desc limit 1`;
    expect(event?.detail).not.toContain(secret.refreshToken);
  });
});
