import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { PATCH as PATCH_CLIENT } from "@/app/v2/auth-clients/[id]/route";
import { POST as AUTHORIZE } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/authorize/route";
import { POST as REFRESH } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/refresh/route";
import { PATCH as PATCH_SECRET } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { DELETE as FORGET } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/tokens/route";
import { makeSession } from "@/lib/testing/callers";
import { call } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { dueNow, sweepOnce } from "@/lib/testing/sweep-once";
import { runAttempt } from "./ensure-fresh";
import { refresher } from "./live-world";
import { type Sweep, startSweep } from "./sweep";

/** Tokens that Latchkey asks for by itself (RFC 6749 section 4.4), under the same protocol as a refresh. */
const world = useOAuthWorld();
let clientId: string;

beforeAll(async () => {
  clientId = await world.addAskingClient();
});
beforeEach(async () => {
  await world.database.owner`update token_state set refresh_due_at = null`;
});

const calls = () => world.idp.callsOf("client_credentials");
const params = (secretId: string) => ({ workspaceId: world.place.workspaceId, secretId });
const url = (secretId: string) => `/v2/workspaces/${world.place.workspaceId}/secrets/${secretId}`;
const attributesOf = async (secretId: string) => (await world.read(secretId)).body.data.attributes;

function edit(secretId: string, credentials: Record<string, unknown>) {
  return call(PATCH_SECRET, {
    method: "PATCH",
    url: url(secretId),
    params: params(secretId),
    as: world.owner.basic,
    json: { data: { type: "auth-secret", attributes: { credentials } } },
  });
}

async function until(look: () => Promise<boolean> | boolean, ms = 20_000): Promise<void> {
  for (const end = performance.now() + ms; !(await look()); await new Promise((done) => setTimeout(done, 20)))
    if (performance.now() > end) throw new Error("It did not happen in time.");
}

describe("the first token", () => {
  it("is waited for by nobody in a browser", async () => {
    const id = await world.addAsking(clientId, { scope: "read write" });
    expect(await attributesOf(id)).toMatchObject({
      status: "refreshing",
      state: "ready",
      problem: null,
      grant_type: "client_credentials",
      redirect_uri: null,
      expires_at: null,
      has_access_token: false,
      has_refresh_token: false,
      generation: 0,
    });
    expect(calls()).toHaveLength(0);
  });

  it("comes with the first read, by exactly one request", async () => {
    const id = await world.addAsking(clientId, {
      scope: "read write",
      additional_params: '{"audience":"a","client_id":"x"}',
    });
    const answer = await world.token(id);
    expect(answer.status).toBe(200);
    expect(world.idp.grants.acceptsAccess(answer.body.data.attributes.access_token)).toBe(true);
    expect(answer.body.data.attributes).toMatchObject({ generation: 1, scope: "read write" });
    expect(calls()).toHaveLength(1);
    expect(calls()[0]).toMatchObject({ path: "/token", auth: "client_secret_post" });
    expect(calls()[0]?.form).toEqual({
      grant_type: "client_credentials",
      scope: "read write",
      audience: "a",
      client_id: "client",
      client_secret: "client-secret-value",
    });
    expect(await attributesOf(id)).toMatchObject({ status: "fresh", has_access_token: true, has_refresh_token: false });
  });

  it("comes with the first refresh, which the next one joins", async () => {
    const id = await world.addAsking(clientId);
    const [first, second] = [await world.refresh(id), await world.refresh(id)];
    expect(first.body.data.attributes).toMatchObject({ generation: 1, state: "ready" });
    expect(second.body.data.attributes.credentials).toEqual(first.body.data.attributes.credentials);
    expect(calls()).toHaveLength(1);
  });

  it("comes by itself, and is renewed ahead of its expiry by asking again", async () => {
    let sweep: Sweep | null = startSweep();
    try {
      const id = await world.addAsking(clientId);
      await until(async () => (await world.state(id)).generation === 1);
      const row = await world.state(id);
      expect(row.due_in_s).toBeGreaterThan(2400);
      expect(row.due_in_s).toBeLessThan(row.valid_for_s - 60);
      await world.makeDue(id);
      await until(async () => (await world.state(id)).generation === 2);
      expect(calls()).toHaveLength(2);
      expect(calls()[1]?.form).toEqual(calls()[0]?.form);
    } finally {
      await sweep.stop(5000);
      sweep = null;
    }
  });

  it("costs one request however many readers ask, and so does every one after it", async () => {
    const id = await world.addAsking(clientId);
    world.idp.always({ delayMs: 200 });
    for (let generation = 1; generation <= 2; generation++) {
      const answers = await Promise.all(Array.from({ length: 500 }, () => world.token(id, "?wait=25")));
      expect(new Set(answers.map((answer) => `${answer.status} ${answer.body.data?.attributes.generation}`))).toEqual(
        new Set([`200 ${generation}`]),
      );
      expect(calls()).toHaveLength(generation);
      await world.expire(id);
    }
  });

  it("can be brought along instead", async () => {
    const id = await world.addAsking(clientId, { access_token: "brought-along-token", expires_in: 600 });
    expect((await world.token(id)).body.data.attributes.access_token).toBe("brought-along-token");
    await world.expire(id);
    expect((await world.token(id)).body.data.attributes.generation).toBe(2);
    expect(calls()).toHaveLength(1);
  });
});

describe("the answer", () => {
  it("may hold a refresh token, which is not kept", async () => {
    const id = await world.addAsking(clientId);
    world.idp.next({ change: { refresh_token: "unasked-for" } });
    expect((await world.refresh(id)).body.data.attributes.credentials).not.toHaveProperty("refresh_token");
    const ledger = await world.database.owner`select 1 from token_ledger where secret_id = ${id}`;
    expect(ledger).toHaveLength(0);
  });

  it("without a lifetime has the client's", async () => {
    const id = await world.addAsking(await world.addAskingClient({ token_expires_in: 1234 }));
    world.idp.next({ change: { expires_in: null } });
    await world.refresh(id);
    expect((await world.state(id)).lifetime_s).toBe(1234);
  });

  it("keeps what else the provider said", async () => {
    const id = await world.addAsking(clientId);
    world.idp.next({ change: { instance_url: "https://eu1.example.com" } });
    await world.refresh(id);
    await world.expire(id);
    await world.token(id);
    expect((await attributesOf(id)).credentials.undefined_params).toEqual({ instance_url: "https://eu1.example.com" });
  });

  it("is asked for again at once when the API refuses it", async () => {
    const id = await world.addAsking(clientId);
    const { fingerprint } = (await world.token(id)).body.data.attributes;
    const answers = await Promise.all(Array.from({ length: 50 }, () => world.refused(id, fingerprint)));
    expect(new Set(answers.map((answer) => answer.body.data.attributes.generation))).toEqual(new Set([2]));
    expect(calls()).toHaveLength(2);
  });
});

describe("a request under way", () => {
  afterEach(() => world.idp.always(null));

  it("is made of what the secret says when it is written, and of nothing older", async () => {
    const id = await world.addAsking(clientId, { scope: "old" });
    world.idp.next({ holdMs: 600 });
    const reading = world.token(id, "?wait=25");
    await until(() => calls().length === 1);
    expect((await edit(id, { scope: "new" })).status).toBe(200);
    const answer = await reading;
    // Whoever waited is served from what landed: the answer for the old scope belongs to nobody.
    const now = answer.status === 200 ? answer : await world.token(id, "?wait=25");
    expect(now.body.data.attributes.scope).toBe("new");
    await until(async () => (await world.state(id)).scope_granted === "new");
    expect(calls().map((one) => one.form.scope)).toEqual(["old", "new"]);
  });

  it("is not written once the secret says something else", async () => {
    const id = await world.addAsking(clientId, { scope: "old" });
    const lease = await refresher().world.rows.acquire(
      { tenantId: world.place.tenantId, secretId: id },
      { validityMs: 0, generation: 0, insist: true },
    );
    if (!lease) throw new Error("no lease");
    await edit(id, { scope: "new" });
    expect(await runAttempt(lease, null)).toEqual({ kind: "superseded" });
    expect(calls()).toEqual([]);
  });

  it("that got no answer is made again, and a refusal later is not called a lost answer", async () => {
    const own = await world.addAskingClient();
    const id = await world.addAsking(own);
    world.idp.next({ instead: { kind: "drop" } });
    const answer = await world.token(id);
    expect(answer.status).toBe(424);
    expect(answer.body.errors[0].meta.problem).toMatchObject({ code: "provider_failing", who: "provider" });
    expect((await world.state(id)).due_in_s).toBeLessThan(1.3);
    expect(await attributesOf(id)).toMatchObject({ status: "retrying", state: "ready" });

    const well = await world.addAsking(own);
    await world.refresh(well);
    world.idp.always({ error: { code: "invalid_grant" } });
    await dueNow(world, id);
    await sweepOnce();
    await world.database.owner`update token_state set suspect_since = now() - interval '40 s' where secret_id = ${id}`;
    await dueNow(world, id);
    await sweepOnce();
    expect((await attributesOf(id)).problem).toMatchObject({ code: "grant_refused", who: "you" });
  });

  it("does not outlast the tokens being forgotten: they are asked for anew", async () => {
    const revoking = await world.addAskingClient({ revocation_uri: `${world.idp.url}/revoke` });
    const id = await world.addAsking(revoking);
    const { access_token } = (await world.token(id)).body.data.attributes;
    const forgotten = await call(FORGET, {
      method: "DELETE",
      url: `${url(id)}/tokens`,
      params: params(id),
      as: world.owner.basic,
    });
    expect(forgotten.status).toBe(204);
    expect(world.idp.revocations).toMatchObject([{ token: access_token, known: true }]);
    expect(await attributesOf(id)).toMatchObject({ status: "refreshing", has_access_token: false, problem: null });
    const next = (await world.token(id)).body.data.attributes;
    expect(next.access_token).not.toBe(access_token);
    expect(world.idp.grants.acceptsAccess(next.access_token)).toBe(true);
  });
});

describe("an edit", () => {
  it("of the scopes or the parameters asks anew; of anything else, and the same again, does not", async () => {
    const id = await world.addAsking(clientId, { scope: "read", additional_params: { audience: "a" } });
    await world.refresh(id);
    const { credentials } = await attributesOf(id);
    expect((await edit(id, credentials)).status).toBe(200);
    expect((await edit(id, { fields: { retries: 3 } })).status).toBe(200);
    expect((await world.token(id)).body.data.attributes.generation).toBe(1);
    expect(calls()).toHaveLength(1);
    await edit(id, { additional_params: { audience: "b" } });
    await world.token(id);
    await edit(id, { scope: "write" });
    await world.token(id);
    expect(calls().map((one) => [one.form.audience, one.form.scope])).toEqual([
      ["a", "read"],
      ["b", "read"],
      ["b", "write"],
    ]);
  });
});

describe("a refusal", () => {
  it("of the client is the client's problem: its secrets wait, and go on when it is corrected", async () => {
    const wrong = await world.addAskingClient({
      client_secret: "not the right one",
      token_endpoint_auth_method: "client_secret_basic",
    });
    const [id, other] = [await world.addAsking(wrong), await world.addAsking(wrong)];
    const answer = await world.token(id);
    expect(answer.status).toBe(409);
    expect(answer.body.errors[0].meta.problem).toMatchObject({ code: "client_rejected", who: "admin" });
    expect(calls()).toHaveLength(1);
    for (let n = 0; n < 3; n++) {
      expect((await world.token(other)).status).toBe(409);
      expect((await world.refresh(other)).status).toBe(409);
    }
    expect(await sweepOnce()).toBe(0);
    expect(calls()).toHaveLength(1);
    expect(await attributesOf(other)).toMatchObject({ status: "paused", problem: { code: "client_rejected" } });
    const mended = await call(PATCH_CLIENT, {
      method: "PATCH",
      url: `/v2/auth-clients/${wrong}`,
      params: { id: wrong },
      as: world.owner.basic,
      json: { data: { type: "auth-client", attributes: { credentials: { client_secret: "client-secret-value" } } } },
    });
    expect(mended.status).toBe(200);
    expect((await world.token(id)).status).toBe(200);
    expect((await world.token(other)).status).toBe(200);
    expect(calls()).toHaveLength(3);
  });

  it.each([
    ["invalid_grant", { code: "invalid_grant" }],
    ["a 400 that says nothing", { status: 400, body: "" }],
  ])("by %s is the client's as long as nothing of it was ever accepted", async (_name, error) => {
    const fresh = await world.addAskingClient();
    const id = await world.addAsking(fresh);
    world.idp.always({ error });
    const answer = await world.token(id);
    expect(answer.status).toBe(409);
    expect(answer.body.errors[0].meta.problem).toMatchObject({ who: "admin" });
    expect((await attributesOf(id)).status).toBe("paused");
    expect(await world.state(id)).toMatchObject({ status: "active", failures: 0 });
  });

  it("of one secret harms no other, is believed at the second look, and asks nobody into a browser", async () => {
    const mine = await world.addAskingClient();
    const [id, other] = [await world.addAsking(mine, { scope: "odd" }), await world.addAsking(mine)];
    await world.refresh(other);
    world.idp.always({ error: { code: "invalid_grant" } });
    expect((await world.token(id)).status).toBe(424);
    expect(await world.state(id)).toMatchObject({ status: "suspect" });
    await world.database.owner`update token_state set suspect_since = now() - interval '40 s' where secret_id = ${id}`;
    await dueNow(world, id);
    await sweepOnce();
    const dead = await attributesOf(id);
    expect(dead).toMatchObject({ status: "reauthorization_needed", problem: { code: "grant_refused", who: "you" } });
    expect(`${dead.problem.title} ${dead.problem.detail}`).not.toMatch(/browser|sign in|grant it again|authoriz/i);
    expect((await world.token(other)).status).toBe(200);

    world.idp.always(null);
    const asked = calls().length;
    for (let n = 0; n < 3; n++) expect((await world.refresh(id)).status).toBe(409);
    expect(calls()).toHaveLength(asked);
    const person = await makeSession(world.owner.id);
    const again = await call(REFRESH, { method: "POST", url: `${url(id)}/refresh`, params: params(id), as: person });
    expect(again.status).toBe(200);
    expect(await attributesOf(id)).toMatchObject({ status: "fresh", problem: null });
  });

  it("of the scopes pauses the secret until they are edited", async () => {
    const id = await world.addAsking(clientId, { scope: "nonsense" });
    world.idp.next({ error: { code: "invalid_scope" } });
    const answer = await world.token(id);
    expect(answer.status).toBe(409);
    expect(answer.body.errors[0].meta.problem).toMatchObject({ code: "request_rejected", who: "you" });
    expect(await attributesOf(id)).toMatchObject({ status: "paused", state: "error" });
    expect(await sweepOnce()).toBe(0);
    await edit(id, { scope: "read" });
    expect((await world.token(id)).status).toBe(200);
    expect(calls()).toHaveLength(2);
  });

  it("is not waited out by asking all the time", async () => {
    const id = await world.addAsking(clientId);
    world.idp.always({ error: { status: 500 } });
    expect((await world.token(id)).status).toBe(424);
    // The wait is what is told apart here, not its length.
    await world.database
      .owner`update token_state set refresh_due_at = now() + interval '1 hour' where secret_id = ${id}`;
    for (let n = 0; n < 40; n++) expect((await world.token(id)).status).toBe(424);
    expect(calls()).toHaveLength(1);
  });
});

describe("a browser", () => {
  it("has nothing to do here: authorize is a clear 400", async () => {
    const id = await world.addAsking(clientId);
    const answer = await call(AUTHORIZE, {
      method: "POST",
      url: `${url(id)}/authorize`,
      params: params(id),
      as: world.owner.basic,
    });
    expect(answer.status).toBe(400);
    expect(answer.body.errors[0].detail).toMatch(/grant type client_credentials/);
  });

  it("brings no refresh token either", async () => {
    const id = await world.addAsking(clientId);
    const answer = await edit(id, { access_token: "a-token", refresh_token: "a-refresh-token" });
    expect(answer.status).toBe(400);
    expect(answer.body.errors[0].source.pointer).toBe("/data/attributes/credentials/refresh_token");
  });
});
