import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { POST as REFRESH } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/refresh/route";
import { POST as TEST } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/test/route";
import { makeSession, makeTask } from "@/lib/testing/callers";
import { call } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";

/** "Test" of a secret for whose tokens Latchkey asks by itself: one request, shown with its answer and without a value. */
const world = useOAuthWorld();
const SCOPE = "('read,write',)";
const LOGIN = { username: "machine", password: "machine-password" };
let session: Record<string, string>;

beforeAll(async () => {
  session = await makeSession(world.owner.id);
});
beforeEach(async () => {
  await world.database.owner`update token_state set refresh_due_at = null`;
});

const at = (secretId: string) => ({
  method: "POST",
  url: `/v2/workspaces/${world.place.workspaceId}/secrets/${secretId}/test`,
  params: { workspaceId: world.place.workspaceId, secretId },
});
const test = (secretId: string, as = world.owner.basic) => call(TEST, { ...at(secretId), as });
const withLogin = (more: Record<string, unknown> = {}) =>
  world.addAskingClient({
    client_id: undefined,
    client_secret: undefined,
    grant_type: "token_request",
    token_request_credentials: "username_password",
    token_request_grant_type: "password",
    token_request_format: "json",
    ...more,
  });
const entries = (secretId: string) =>
  world.database
    .owner`select action, outcome, host from audit_entries where target_id = ${secretId} and action = 'secret.tested'`;

describe("a provider that answers with a token", () => {
  it("shows the request and the answer with every value masked, and keeps the token", async () => {
    const id = await world.addAsking(await withLogin(), { ...LOGIN, scope: SCOPE });
    const answer = await test(id);
    expect(answer.status).toBe(200);
    expect(world.idp.calls).toHaveLength(1);
    expect(world.idp.calls[0]?.form).toEqual({ ...LOGIN, grant_type: "password", scope: SCOPE });
    const { type, attributes } = answer.body.data;
    expect(type).toBe("token-test");
    expect(attributes).toMatchObject({ outcome: "token", problem: null });
    const [only, ...more] = attributes.exchanges;
    expect(more).toEqual([]);
    expect(only.request).toMatchObject({ method: "POST", url: `${world.idp.url}/token` });
    expect(JSON.parse(only.request.body)).toEqual({
      username: "••••••••",
      password: "••••••••",
      grant_type: "password",
      scope: SCOPE,
    });
    expect(only.response.status).toBe(200);
    expect(JSON.parse(only.response.body)).toMatchObject({ access_token: "••••••••", token_type: "Bearer" });
    const { access_token } = (await world.token(id)).body.data.attributes;
    expect(world.idp.calls).toHaveLength(1);
    const said = JSON.stringify(answer.body);
    for (const value of [LOGIN.username, LOGIN.password, access_token]) expect(said).not.toContain(value);
    expect(await entries(id)).toEqual([
      { action: "secret.tested", outcome: "allowed", host: new URL(world.idp.url).host },
    ]);
  });

  it("shows a form as it is sent, the client's proof masked", async () => {
    const id = await world.addAsking(
      await world.addAskingClient({
        token_endpoint_auth_method: "client_secret_basic",
        token_params: { plan: "gold" },
      }),
      { scope: "a b" },
    );
    const { exchanges } = (await test(id)).body.data.attributes;
    expect(exchanges[0].request.headers).toMatchObject({ authorization: "Basic ••••••••" });
    expect(exchanges[0].request.body.split("&").sort()).toEqual([
      "grant_type=client_credentials",
      "plan=••••••••",
      "scope=a%20b",
    ]);
  });

  it("shows both requests where the way to prove the client has to be found out", async () => {
    world.idp.clients.set("client", { id: "client", secret: "client-secret-value", methods: ["client_secret_basic"] });
    const id = await world.addAsking(await world.addAskingClient());
    const { outcome, exchanges } = (await test(id)).body.data.attributes;
    world.idp.clients.set("client", { id: "client", secret: "client-secret-value" });
    expect(outcome).toBe("token");
    expect(exchanges.map((one: { response: { status: number } }) => one.response.status)).toEqual([401, 200]);
  });

  it("hides what the auth client holds from who may not read it", async () => {
    const task = await makeTask(world.place, ["workspaces.auth_secret.edit", "workspaces.auth_secret.refresh"]);
    const id = await world.addAsking(await world.addAskingClient({ token_endpoint_auth_method: "client_secret_post" }));
    const { request } = (await test(id, task.basic)).body.data.attributes.exchanges[0];
    expect(request.url).toBe(`${world.idp.url}/…`);
    expect(request.body.split("&").sort()).toEqual([
      "client_id=••••••••",
      "client_secret=••••••••",
      "grant_type=client_credentials",
    ]);
  });
});

describe("a provider that answers with anything else", () => {
  it("shows its words without what they repeat of the request", async () => {
    const id = await world.addAsking(await withLogin(), LOGIN);
    const base64 = Buffer.from(LOGIN.password).toString("base64");
    world.idp.next({
      error: { code: "invalid_grant", description: `No ${LOGIN.password} for ${LOGIN.username}, nor ${base64}` },
    });
    const answer = await test(id);
    expect(answer.status).toBe(200);
    const { outcome, detail, exchanges } = answer.body.data.attributes;
    expect(outcome).toBe("refused");
    expect(detail).toContain("invalid_grant");
    expect(JSON.parse(exchanges[0].response.body).error).toBe("invalid_grant");
    const said = JSON.stringify(answer.body);
    for (const value of [LOGIN.username, LOGIN.password, base64]) expect(said).not.toContain(value);
  });

  it.each([
    ["a page", { kind: "raw", status: 502, type: "text/html", body: "<h1>Bad gateway</h1>" }, "<h1>Bad gateway</h1>"],
    ["a token that is no JSON", { kind: "raw", status: 200, type: "text/plain", body: "a-token" }, "••••••••"],
  ] as const)("shows %s", async (_what, instead, body) => {
    const id = await world.addAsking(await world.addAskingClient());
    world.idp.next({ instead });
    const { outcome, exchanges } = (await test(id)).body.data.attributes;
    expect(outcome).toBe("refused");
    expect(exchanges[0].response.body).toBe(body);
  });

  it("shows the request alone where no answer came", async () => {
    const id = await world.addAsking(await world.addAskingClient());
    world.idp.next({ instead: { kind: "drop" } });
    const { outcome, exchanges } = (await test(id)).body.data.attributes;
    expect(outcome).toBe("refused");
    expect(exchanges).toHaveLength(1);
    expect(exchanges[0].response).toBeNull();
  });

  it("asks also while the client is broken, and mends it by that", async () => {
    const id = await world.addAsking(await world.addAskingClient());
    world.idp.next(
      { error: { status: 401, code: "invalid_client" } },
      { error: { status: 401, code: "invalid_client" } },
    );
    expect((await test(id)).body.data.attributes.problem).toMatchObject({ code: "client_rejected", who: "admin" });
    expect((await test(id)).body.data.attributes.outcome).toBe("token");
    expect((await world.read(id)).body.data.attributes.status).toBe("fresh");
  });

  it("asks once more for a person after a refusal that was believed, and not for a program", async () => {
    const id = await world.addAsking(await withLogin(), LOGIN);
    await world.database.owner`update token_state set status = 'dead', suspect_since = now() - interval '1 hour',
      problem = '{"code":"grant_refused","title":"Refused","detail":"It is refused.","who":"you","since":"2026-01-01T00:00:00Z"}'
      where secret_id = ${id}`;
    const program = await test(id);
    expect(program.status).toBe(409);
    expect(world.idp.calls).toHaveLength(0);
    world.idp.next({ error: { code: "invalid_grant" } });
    expect((await test(id, session)).body.data.attributes.outcome).toBe("refused");
    expect(await world.state(id)).toMatchObject({ status: "dead" });
    expect((await test(id, session)).body.data.attributes.outcome).toBe("token");
    expect(world.idp.calls).toHaveLength(2);
  });
});

describe("nothing is sent", () => {
  it("beside a request under way", async () => {
    const id = await world.addAsking(await world.addAskingClient());
    let open: () => void = () => undefined;
    world.idp.hold = new Promise<void>((resolve) => {
      open = resolve;
    });
    const running = call(REFRESH, { ...at(id), as: world.task.basic });
    while (world.idp.calls.length === 0) await new Promise(setImmediate);
    const answer = await test(id);
    world.idp.hold = null;
    open();
    expect(answer.status).toBe(409);
    expect(answer.body.errors[0].detail).toContain("at this moment");
    expect((await running).status).toBe(200);
    expect(world.idp.calls).toHaveLength(1);
  });

  it("before a provider's time of rest is over", async () => {
    const id = await world.addAsking(await world.addAskingClient());
    world.idp.next({ error: { status: 429, headers: { "retry-after": "60" } } });
    expect((await test(id)).body.data.attributes.problem).toMatchObject({ code: "throttled" });
    const answer = await test(id);
    expect([answer.status, world.idp.calls.length]).toEqual([424, 1]);
    expect(answer.body.errors[0].detail).toContain("Nothing was sent.");
  });

  it("for a secret that is authorized in a browser", async () => {
    const { id } = await world.addSecret();
    const answer = await test(id);
    expect(answer.status).toBe(400);
    expect(answer.body.errors[0].detail).toContain("authorized in a browser");
    expect(world.idp.calls).toHaveLength(0);
  });

  it("by who may edit but not refresh", async () => {
    const task = await makeTask(world.place, ["workspaces.auth_secret.edit"]);
    const id = await world.addAsking(await world.addAskingClient());
    expect((await test(id, task.basic)).status).toBe(403);
    expect(world.idp.calls).toHaveLength(0);
  });
});
