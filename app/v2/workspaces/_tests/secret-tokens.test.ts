import { beforeAll, describe, expect, it } from "vitest";
import { POST as AUTHORIZE } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/authorize/route";
import { GET as HISTORY } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/history/route";
import { POST as REFRESH } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/refresh/route";
import { POST as REFUSED } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/refused/route";
import { POST as REVEAL } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/reveal/route";
import { GET as TOKEN } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/token/route";
import { DELETE as FORGET } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/tokens/route";
import { POST as CREATE } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import { newId } from "@/lib/ids";
import { makePerson, makePlace, makeSession, makeTask, OWNER, type Person } from "@/lib/testing/callers";
import { type Answer, type CallOptions, call, type Handler } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";

/** A secret's tokens over HTTP (CONTRACT section 3 "Refresh semantics", 8, 9; API.md "Endpoints", "Exact shapes"). */
const world = useOAuthWorld();
let guest: Person;
let stranger: Person;
let session: Record<string, string>;

beforeAll(async () => {
  guest = await makePerson(world.place, { workspace: "guest" });
  stranger = await makePerson(await makePlace(), OWNER);
  session = await makeSession(world.owner.id);
});

const at = (handler: Handler, secretId: string, options: CallOptions = {}): Promise<Answer> =>
  call(handler, {
    url: "/",
    params: { workspaceId: world.place.workspaceId, secretId },
    as: world.task.basic,
    ...options,
  });
const post = (handler: Handler, secretId: string, options: CallOptions = {}) =>
  at(handler, secretId, { method: "POST", ...options });

let count = 0;
async function addStatic(type = "basic", credentials: unknown = { username: "u", password: "p" }): Promise<string> {
  const answer = await call(CREATE, {
    method: "POST",
    url: "/",
    params: { workspaceId: world.place.workspaceId },
    as: world.owner.basic,
    json: { data: { type: "auth-secret", attributes: { name: `Static ${++count}`, type, credentials } } },
  });
  return answer.body.data.id;
}

async function addOpen(): Promise<string> {
  const answer = await call(CREATE, {
    method: "POST",
    url: "/",
    params: { workspaceId: world.place.workspaceId },
    as: world.owner.basic,
    json: {
      data: {
        type: "auth-secret",
        attributes: { name: `Open ${++count}`, credentials: {} },
        relationships: { auth_client: { data: { id: world.clientId, type: "auth-client" } } },
      },
    },
  });
  return answer.body.data.id;
}

const problem = (answer: Answer) => answer.body.errors[0].meta?.problem;

describe("POST refresh", () => {
  it.each([
    ["an empty body typed as a form", { "content-type": "application/x-www-form-urlencoded" }, ""],
    ["no body and no type", {}, undefined],
    ["{} as JSON", { "content-type": "application/json" }, "{}"],
    ["an empty body typed as JSON", { "content-type": "application/json" }, ""],
  ])("takes %s", async (_what, headers, body) => {
    const secret = await world.addSecret();
    const answer = await post(REFRESH, secret.id, { headers: headers as Record<string, string>, body });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toContain("application/json");
    expect(Array.isArray(answer.body.data)).toBe(false);
    expect(answer.body.data).toMatchObject({
      id: secret.id,
      type: "auth-secret",
      attributes: { type: "oauth2", state: "ready" },
    });
    const { access_token } = answer.body.data.attributes.credentials;
    expect(access_token).not.toBe(secret.accessToken);
    expect(world.idp.grants.acceptsAccess(access_token)).toBe(true);
    expect(answer.body.meta).toEqual({});
  });

  it("keeps undefined_params, fields, scope and additional_params", async () => {
    const secret = await world.addSecret(
      {},
      {
        credentials: {
          undefined_params: { instance_url: "https://eu.example.com", api_domain: "x" },
          fields: { retries: 2 },
          additional_params: '{"prompt":"consent"}',
        },
      },
    );
    world.idp.next({ change: { api_domain: "y", scope: null } });
    const { credentials } = (await post(REFRESH, secret.id)).body.data.attributes;
    expect(credentials).toMatchObject({
      undefined_params: { instance_url: "https://eu.example.com", api_domain: "y" },
      fields: { retries: 2 },
      additional_params: '{"prompt":"consent"}',
    });
  });

  it("sends what the original platform sends, to the refresh endpoint with its query", async () => {
    const clientId = await world.addClient({ refresh_token_uri: `${world.idp.url}/refresh?tenant=a%2Fb&x=1` });
    const secret = await world.addSecret({}, { clientId });
    expect((await post(REFRESH, secret.id)).status).toBe(200);
    const [sent] = world.idp.refreshCalls();
    expect(sent).toMatchObject({
      path: "/refresh",
      query: "?tenant=a%2Fb&x=1",
      form: {
        grant_type: "refresh_token",
        refresh_token: secret.refreshToken,
        client_id: "client",
        client_secret: "client-secret-value",
      },
    });
    expect(sent?.headers["content-type"]).toMatch(/^application\/x-www-form-urlencoded/);
  });

  it("of what cannot be refreshed is 400, and asks nobody", async () => {
    const noRefreshToken = await world.addSecret({ offline: false });
    for (const id of [await addStatic(), noRefreshToken.id, await addOpen()]) {
      const answer = await post(REFRESH, id);
      expect(answer.status).toBe(400);
      expect(answer.body.errors[0]).toMatchObject({ status: "400", code: "not_refreshable" });
    }
    expect((await world.token(noRefreshToken.id)).status).toBe(200);
    expect(world.idp.calls).toEqual([]);
  });

  it("of a failing provider is 200 with the stored token while that is valid, then 424, never 5xx", async () => {
    const secret = await world.addSecret();
    world.idp.always({ error: { status: 503 } });
    const valid = await post(REFRESH, secret.id);
    expect(valid.status).toBe(200);
    expect(valid.body.data.attributes.credentials.access_token).toBe(secret.accessToken);
    expect(valid.body.meta.refresh).toMatchObject({ outcome: "failed", code: "provider_failing" });
    expect(Date.parse(valid.body.meta.refresh.next_attempt_at)).toBeGreaterThan(Date.now() - 1000);
    await world.expire(secret.id);
    const expired = await post(REFRESH, secret.id);
    expect(expired.status).toBe(424);
    expect(problem(expired)).toMatchObject({ code: "provider_failing", who: "provider" });
    expect(Number(expired.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  it("of an unreachable provider is 424 with its own code", async () => {
    const clientId = await world.addClient({ refresh_token_uri: "http://127.0.0.1:9/token" });
    const secret = await world.addSecret({}, { clientId });
    await world.expire(secret.id);
    const answer = await post(REFRESH, secret.id);
    expect(answer.status).toBe(424);
    expect(problem(answer).code).toBe("provider_unreachable");
  });

  it("answers within 8 s although the provider hangs, and the answer is stored when it comes", async () => {
    const secret = await world.addSecret();
    world.idp.next({ holdMs: 9_500 });
    const answer = await post(REFRESH, secret.id);
    expect(answer.status).toBe(200);
    expect(answer.body.meta.refresh).toMatchObject({ outcome: "slow" });
    expect(answer.body.data.attributes).toMatchObject({ status: "refreshing", generation: 1 });
    const again = await post(REFRESH, secret.id);
    expect(again.body.data.attributes.generation).toBe(2);
    expect(world.idp.refreshCalls()).toHaveLength(1);
  }, 25_000);

  it("is for those who may, and only there", async () => {
    const secret = await world.addSecret();
    expect((await post(REFRESH, secret.id, { as: guest.basic })).status).toBe(403);
    expect((await post(REFRESH, secret.id, { as: stranger.basic })).status).toBe(404);
    expect((await post(REFRESH, newId())).status).toBe(404);
    const user = await makeTask(world.place, ["workspaces.auth_secret.refresh"]);
    const answer = await post(REFRESH, secret.id, { as: user.basic });
    expect(answer.status).toBe(200);
    expect(answer.body.data.attributes).not.toHaveProperty("credentials");
    expect((await post(REFRESH, secret.id, { as: session })).body.data.attributes).not.toHaveProperty("credentials");
  });
});

describe("GET token", () => {
  it("answers the least that makes a call", async () => {
    const secret = await world.addSecret({ scope: "a b" });
    const answer = await at(TOKEN, secret.id);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("cache-control")).toContain("no-store");
    expect(answer.body).toEqual({
      data: {
        id: secret.id,
        type: "token",
        attributes: {
          access_token: secret.accessToken,
          token_type: "Bearer",
          expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
          valid_for: expect.any(Number),
          generation: 1,
          fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
          scope: expect.any(String),
        },
        links: { self: `/v2/workspaces/${world.place.workspaceId}/secrets/${secret.id}/token` },
      },
      meta: {},
    });
    expect(Number.isInteger(answer.body.data.attributes.valid_for)).toBe(true);
    expect(answer.body.data.attributes.fingerprint).toBe(
      (await world.read(secret.id)).body.data.attributes.fingerprint,
    );
  });

  it.each(["minimum_validity=-1", "minimum_validity=1.5", "minimum_validity=x", "wait=26", "wait=x", "colour=red"])(
    "refuses ?%s",
    async (query) => {
      const secret = await world.addSecret();
      const answer = await at(TOKEN, secret.id, { url: `/?${query}` });
      expect(answer.status).toBe(400);
      expect(answer.body.errors[0].source.parameter).toBe(query.split("=")[0]);
    },
  );

  it("is 409 with the problem when a person must act", async () => {
    const answer = await at(TOKEN, await addOpen());
    expect(answer.status).toBe(409);
    expect(problem(answer)).toMatchObject({ code: "unauthorized", who: "you", since: expect.any(String) });
    expect(world.idp.calls).toEqual([]);
  });

  it("is 400 for what is not oauth2", async () => {
    for (const type of ["basic", "noauth"]) expect((await at(TOKEN, await addStatic(type))).status).toBe(400);
  });

  it("needs use, which get_credentials implies; a session never gets one", async () => {
    const secret = await world.addSecret();
    expect((await at(TOKEN, secret.id, { as: guest.basic })).status).toBe(403);
    expect((await at(TOKEN, secret.id, { as: stranger.basic })).status).toBe(404);
    for (const permission of ["workspaces.auth_secret.use", "workspaces.auth_secret.get_credentials"]) {
      const narrow = await makeTask(world.place, [permission]);
      expect((await at(TOKEN, secret.id, { as: narrow.basic })).status).toBe(200);
    }
    const inBrowser = await at(TOKEN, secret.id, { as: session });
    expect(inBrowser.status).toBe(403);
    expect(JSON.stringify(inBrowser.body)).not.toContain(secret.accessToken);
  });
});

describe("POST refused", () => {
  it("without a refresh token says that a person must act", async () => {
    const secret = await world.addSecret({ offline: false });
    const { fingerprint } = (await at(TOKEN, secret.id)).body.data.attributes;
    const answer = await post(REFUSED, secret.id, { json: { fingerprint } });
    expect(answer.status).toBe(409);
    expect(problem(answer).who).toBe("you");
  });

  it("of the current token, at a failing provider, is 424: the refused one is not handed out again", async () => {
    const secret = await world.addSecret();
    const { fingerprint } = (await at(TOKEN, secret.id)).body.data.attributes;
    world.idp.next({ error: { status: 500 } });
    const answer = await post(REFUSED, secret.id, { json: { fingerprint } });
    expect(answer.status).toBe(424);
    expect(JSON.stringify(answer.body)).not.toContain(secret.accessToken);
  });

  it.each([{}, { fingerprint: "" }, { fingerprint: 5 }, { fingerprint: "x", more: 1 }])("refuses %j", async (json) => {
    const secret = await world.addSecret();
    expect((await post(REFUSED, secret.id, { json })).status).toBe(400);
  });

  it("shows in the history once", async () => {
    const secret = await world.addSecret();
    const { fingerprint } = (await at(TOKEN, secret.id)).body.data.attributes;
    await Promise.all(Array.from({ length: 20 }, () => post(REFUSED, secret.id, { json: { fingerprint } })));
    const history = await at(HISTORY, secret.id);
    expect(history.body.data.map((one: { attributes: { event: string } }) => one.attributes.event)).toEqual([
      "refreshed",
      "refused",
      "created",
    ]);
  });
});

describe("GET history", () => {
  it("is newest first, 20 a page, at most 100, with the reasons", async () => {
    const secret = await world.addSecret();
    world.idp.next({ error: { status: 500 } });
    await post(REFRESH, secret.id);
    const [newest] = (await at(HISTORY, secret.id)).body.data;
    expect(newest).toMatchObject({
      type: "secret-event",
      attributes: {
        event: "refresh_failed",
        actor: expect.any(String),
        code: "provider_failing",
        detail: expect.stringContaining("500"),
        duration_ms: expect.any(Number),
        next_attempt_at: expect.any(String),
      },
    });
    await world.database.owner`insert into secret_events (tenant_id, secret_id, event, generation)
      select ${world.place.tenantId}, ${secret.id}, 'refreshed', n from generate_series(1, 130) n`;
    const first = await at(HISTORY, secret.id);
    expect(first.body.data).toHaveLength(20);
    expect(first.body.data[0].attributes.generation).toBe(130);
    expect(first.body.meta).toEqual({ page: 1, per_page: 20, total: 132, total_pages: 7 });
    expect((await at(HISTORY, secret.id, { url: "/?page[size]=500" })).body.data).toHaveLength(100);
    expect((await at(HISTORY, secret.id, { url: "/?page[number]=7" })).body.data).toHaveLength(12);
    expect((await at(HISTORY, secret.id, { url: "/?page[number]=8" })).body.data).toEqual([]);
  });

  it("never holds a value", async () => {
    const secret = await world.addSecret();
    await post(REFRESH, secret.id);
    const text = JSON.stringify((await at(HISTORY, secret.id)).body);
    expect(text).not.toContain("at.");
    expect(text).not.toContain("rt.");
  });

  it("needs get", async () => {
    const secret = await world.addSecret();
    expect((await at(HISTORY, secret.id, { as: guest.basic })).status).toBe(200);
    expect((await at(HISTORY, secret.id, { as: stranger.basic })).status).toBe(404);
  });
});

describe("DELETE tokens", () => {
  const forget = (secretId: string, as = world.owner.basic) => at(FORGET, secretId, { method: "DELETE", as });

  it("forgets, revokes, and leaves the secret to be authorized again", async () => {
    const clientId = await world.addClient({ revocation_uri: `${world.idp.url}/revoke` });
    const secret = await world.addSecret({}, { clientId });
    expect((await forget(secret.id)).status).toBe(204);
    expect(world.idp.grant(secret.grantId).revoked).toBe("revocation");
    const { attributes } = (await world.read(secret.id)).body.data;
    expect(attributes).toMatchObject({ status: "unauthorized", has_access_token: false, has_refresh_token: false });
    expect(attributes.credentials).not.toHaveProperty("access_token");
    expect(await world.database.owner`select 1 from token_ledger where secret_id = ${secret.id}`).toEqual([]);
    expect((await at(TOKEN, secret.id)).status).toBe(409);
    const [event] = (await at(HISTORY, secret.id)).body.data;
    expect(event.attributes).toMatchObject({ event: "forgotten", actor: expect.any(String) });
  });

  it("revokes what is current, also when a refresh lands at the same moment", async () => {
    const clientId = await world.addClient({ revocation_uri: `${world.idp.url}/revoke` });
    const secret = await world.addSecret({}, { clientId });
    await Promise.all([post(REFRESH, secret.id), forget(secret.id)]);
    const issued = world.idp.grant(secret.grantId).presentations[0]?.issued;
    if (issued) expect(world.idp.grant(secret.grantId).revoked).toBe("revocation");
    expect(await world.state(secret.id)).toMatchObject({ status: "unauthorized", sealed: null });
  });

  it("needs edit, and oauth2", async () => {
    const secret = await world.addSecret();
    expect((await forget(secret.id, guest.basic)).status).toBe(403);
    expect((await forget(secret.id, stranger.basic)).status).toBe(404);
    expect((await forget(await addStatic())).status).toBe(400);
    expect((await at(TOKEN, secret.id)).status).toBe(200);
  });
});

describe("POST reveal", () => {
  const reveal = (secretId: string, field: string, as: Record<string, string> = session) =>
    post(REVEAL, secretId, { json: { field }, as });

  it("gives one value to a person who signed in lately, recorded first", async () => {
    const secret = await world.addSecret();
    const answer = await reveal(secret.id, "access_token");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("cache-control")).toContain("no-store");
    expect(answer.body.data).toMatchObject({
      type: "value",
      attributes: { field: "access_token", value: secret.accessToken },
    });
    expect((await reveal(secret.id, "refresh_token")).body.data.attributes.value).toBe(secret.refreshToken);
    const [entry] = await world.database.owner`select actor_id, via, detail from audit_entries
      where target_id = ${secret.id} and action = 'secret.revealed' order by id desc limit 1`;
    expect(entry).toEqual({ actor_id: world.owner.id, via: "session", detail: { field: "refresh_token" } });
    const events = (await at(HISTORY, secret.id)).body.data;
    expect(events[0].attributes).toMatchObject({ event: "revealed", detail: "refresh_token" });
  });

  it("gives a static secret's members", async () => {
    expect((await reveal(await addStatic(), "password")).body.data.attributes.value).toBe("p");
    const keyed = await addStatic("api_key", { headerName: "X-K", headerValue: "the-key" });
    expect((await reveal(keyed, "headerValue")).body.data.attributes.value).toBe("the-key");
  });

  it("asks for the password again when the sign-in is too old", async () => {
    const secret = await world.addSecret();
    const old = await makeSession(world.owner.id, new Date(Date.now() - 2 * 3_600_000));
    const answer = await reveal(secret.id, "access_token", old);
    expect(answer.status).toBe(403);
    expect(answer.body.errors[0].code).toBe("reauth_required");
    expect(JSON.stringify(answer.body)).not.toContain(secret.accessToken);
  });

  it.each(["client_secret", "scope", "__proto__", "constructor", ""])("knows no field %j", async (field) => {
    const secret = await world.addSecret();
    expect((await reveal(secret.id, field)).status).toBe(400);
  });

  it("needs get_credentials, and our own origin", async () => {
    const secret = await world.addSecret();
    expect((await reveal(secret.id, "access_token", guest.basic)).status).toBe(403);
    expect((await reveal(secret.id, "access_token", stranger.basic)).status).toBe(404);
    const foreign = { ...session, origin: "https://evil.example" };
    expect((await reveal(secret.id, "access_token", foreign)).status).toBe(403);
  });
});

describe("POST authorize", () => {
  it("is for oauth2 and for those who may edit", async () => {
    const open = await addOpen();
    expect((await post(AUTHORIZE, open, { as: world.owner.basic })).status).toBe(200);
    expect((await post(AUTHORIZE, open, { as: guest.basic })).status).toBe(403);
    expect((await post(AUTHORIZE, open, { as: stranger.basic })).status).toBe(404);
    expect((await post(AUTHORIZE, await addStatic(), { as: world.owner.basic })).status).toBe(400);
  });
});
