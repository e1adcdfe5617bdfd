import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { POST as TEST_NEW } from "@/app/v2/workspaces/[workspaceId]/secret-test/route";
import { POST as TEST } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/test/route";
import { systemClock } from "@/lib/clock";
import { makeTask } from "@/lib/testing/callers";
import { type Answer, call } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { madeId, postSecret } from "@/lib/testing/secrets-api";
import { reasonOf } from "@/lib/testing/sql-api";
import { listen } from "@/lib/testing/sql-servers";
import { useSqlThreads } from "@/lib/testing/sql-thread";

/** "Test" of what is typed and not saved: the bodies of POST and PATCH, tried and forgotten. */
const world = useOAuthWorld();
useSqlThreads();

const TYPED = "typed-password-that-nobody-saved";
const LOGIN = { username: "machine", password: "machine-password" };
let login: Record<string, unknown>;

beforeAll(async () => {
  const { hostname, port, username, password, pathname } = new URL(world.database.url);
  login = {
    host: hostname === "localhost" ? "127.0.0.1" : hostname,
    port: Number(port),
    database: pathname.slice(1),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    tls: "disable",
  };
});
beforeEach(async () => {
  await world.database.owner`delete from sign_in_failures`;
});

afterEach(() => vi.restoreAllMocks());

type Auth = Record<string, string>;
const testNew = (attributes: Record<string, unknown>, clientId?: string, as: Auth = world.owner.basic) =>
  call(TEST_NEW, {
    method: "POST",
    as,
    params: { workspaceId: world.place.workspaceId },
    json: {
      data: {
        type: "auth-secret",
        attributes,
        ...(clientId ? { relationships: { auth_client: { data: { id: clientId, type: "auth-client" } } } } : {}),
      },
    },
  });
const testChanged = (secretId: string, credentials: unknown, as: Auth = world.owner.basic) =>
  call(TEST, {
    method: "POST",
    as,
    params: { workspaceId: world.place.workspaceId, secretId },
    json: { data: { type: "auth-secret", attributes: { credentials } } },
  });
const database = (more: Record<string, unknown> = {}, as?: Auth) =>
  testNew({ type: "postgresql", credentials: { ...login, ...more } }, undefined, as);
const entries = () =>
  world.database.owner`select * from audit_entries where action = 'secret.tested' order by id desc limit 2`;
const pointersOf = (answer: Answer) =>
  answer.body.errors.map((one: { source: { pointer: string } }) => one.source.pointer).sort();
const counts = async () =>
  (
    await world.database
      .owner`select (select count(*) from secrets) as secrets, (select count(*) from token_state) as states,
      (select count(*) from secret_events) as events`
  )[0];

describe("a login to a database", () => {
  test("works before it is saved, and nothing of it is kept", async () => {
    const before = await counts();
    const answer = await database();
    expect([answer.status, answer.body.data.id, answer.body.data.type]).toEqual([200, null, "connection-test"]);
    expect(answer.body.data.attributes).toMatchObject({ tls: false, server: expect.stringContaining("PostgreSQL") });
    expect(reasonOf(await database({ password: TYPED, user: "typed-user", database: "typed_database" }))).toEqual([
      424,
      "login_refused",
    ]);
    expect(await counts()).toEqual(before);
    const both = await entries();
    for (const entry of both)
      expect(entry).toMatchObject({
        outcome: "allowed",
        host: login.host,
        target_id: null,
        target_name: null,
        workspace_id: world.place.workspaceId,
        detail: { saved: false },
      });
    for (const value of [TYPED, "typed-user", "typed_database", login.password])
      expect(JSON.stringify(both)).not.toContain(value);
  });

  test("is checked as POST checks it", async () => {
    const broken = { host: "no host", port: 0, database: "", user: "", tls: "verify-ca" };
    const tested = await testNew({ type: "postgresql", credentials: broken });
    const posted = await postSecret(world.place, world.owner.basic, {
      name: "Broken",
      type: "postgresql",
      credentials: broken,
    });
    expect([tested.status, pointersOf(tested)]).toEqual([400, pointersOf(posted)]);
    expect(pointersOf(tested)).toContain("/data/attributes/credentials/password");
    expect((await testNew({ type: "basic", credentials: { username: "u", password: "p" } })).status).toBe(400);
    expect((await testNew({ credentials: {} })).status).toBe(400);
  });

  test("goes where a saved one may go, and a refusal is on record", async () => {
    const answer = await database({ host: "10.0.0.7" });
    expect(reasonOf(answer)).toEqual([424, "forbidden_address"]);
    expect((await entries())[0]).toMatchObject({ outcome: "denied", host: "10.0.0.7", target_id: null });
  });

  test("is for who may add secrets", async () => {
    const editor = await makeTask(world.place, ["workspaces.auth_secret.edit", "workspaces.auth_secret.get"]);
    const adder = await makeTask(world.place, ["workspaces.auth_secret.create"]);
    expect((await database({}, editor.basic)).status).toBe(403);
    expect((await database({}, adder.basic)).status).toBe(200);
    expect(reasonOf(await database({ host: "10.0.0.7" }, adder.basic))).toEqual([424, "unreachable"]);
  });

  test("is tried twenty times at once and then one now and then, saved or not", async () => {
    const secretId = madeId(
      await postSecret(world.place, world.owner.basic, { name: "Counted", type: "postgresql", credentials: login }),
    );
    const nowhere = { host: "10.0.0.7" };
    const now = systemClock.now();
    const clock = vi.spyOn(systemClock, "now").mockReturnValue(now);
    for (let i = 0; i < 20; i++) expect((await database(nowhere)).status).toBe(424);
    await database(nowhere);
    const answers = [await database(nowhere), await testChanged(secretId, login)];
    for (const answer of answers) expect([answer.status, answer.body.errors[0].code]).toEqual([429, "throttled"]);
    expect(answers[0]?.headers.get("retry-after")).toMatch(/^\d+$/);
    clock.mockReturnValue(now + 60_000);
    expect((await database(nowhere)).status).toBe(424);
  });
});

describe("a change of a login", () => {
  let secretId: string;
  beforeAll(async () => {
    secretId = madeId(
      await postSecret(world.place, world.owner.basic, { name: "Changed", type: "postgresql", credentials: login }),
    );
  });
  const unsaid = () => Object.fromEntries(Object.entries(login).filter(([name]) => name !== "password"));

  test("is tested with the password typed again, and nowhere without it (AZ-9)", async () => {
    const own = await listen(() => {});
    const editor = await makeTask(world.place, ["workspaces.auth_secret.edit", "workspaces.auth_secret.get"]);
    for (const credentials of [
      { ...unsaid(), port: own.port },
      { ...unsaid(), port: own.port, password: "" },
      unsaid(),
    ]) {
      const refused = await testChanged(secretId, credentials, editor.basic);
      expect([refused.status, pointersOf(refused)]).toEqual([400, ["/data/attributes/credentials/password"]]);
      expect(refused.body.errors[0].detail).toMatch(/^Type the password again/);
    }
    expect(own.connections()).toBe(0);
    await own.close();
    const good = await testChanged(secretId, login);
    expect([good.status, good.body.data.id]).toEqual([200, secretId]);
    expect(reasonOf(await testChanged(secretId, { ...login, password: TYPED }))).toEqual([424, "login_refused"]);
    expect((await entries())[0]).toMatchObject({
      target_id: secretId,
      target_name: "Changed",
      detail: { saved: false },
    });
    const stored = await call(TEST, {
      method: "POST",
      as: world.owner.basic,
      params: { workspaceId: world.place.workspaceId, secretId },
    });
    expect(stored.status).toBe(200);
  });

  test("an empty body, and one that changes no values, test what is stored", async () => {
    const at = { method: "POST", as: world.owner.basic, params: { workspaceId: world.place.workspaceId, secretId } };
    expect((await call(TEST, { ...at, json: {} })).status).toBe(200);
    const renamed = { data: { type: "auth-secret", attributes: { name: "Never saved" } } };
    expect((await call(TEST, { ...at, json: renamed })).status).toBe(200);
    expect((await entries())[0]).toMatchObject({ target_name: "Changed", detail: null });
    const other = { data: { type: "auth-secret", attributes: { type: "mysql", credentials: login } } };
    expect(pointersOf(await call(TEST, { ...at, json: other }))).toEqual(["/data/attributes/type"]);
  });
});

describe("a token request", () => {
  const withLogin = () =>
    world.addAskingClient({
      client_id: undefined,
      client_secret: undefined,
      grant_type: "token_request",
      token_request_credentials: "username_password",
      token_request_grant_type: "password",
    });

  test("is made once with what is typed, shown masked, and its token thrown away", async () => {
    const clientId = await withLogin();
    const before = await counts();
    const answer = await testNew({ credentials: { ...LOGIN, scope: "('read,write',)" } }, clientId);
    expect(world.idp.calls.map(({ form }) => form)).toEqual([
      { ...LOGIN, grant_type: "password", scope: "('read,write',)" },
    ]);
    const { id, type, attributes } = answer.body.data;
    expect([answer.status, id, type, attributes.outcome]).toEqual([200, null, "token-test", "token"]);
    expect(attributes.detail).toMatch(/thrown away/);
    expect(JSON.parse(attributes.exchanges[0].response.body)).toMatchObject({ access_token: "••••••••" });
    for (const value of Object.values(LOGIN)) expect(JSON.stringify(answer.body)).not.toContain(value);
    expect(await counts()).toEqual(before);
    const [entry] = await entries();
    expect(entry).toMatchObject({ host: new URL(world.idp.url).host, target_id: null, detail: { saved: false } });
    expect(JSON.stringify(entry)).not.toContain(LOGIN.username);
  });

  test("client credentials too; a refusal is an answer", async () => {
    const clientId = await world.addAskingClient();
    const good = await testNew({ credentials: { scope: "a b" } }, clientId);
    expect([good.status, good.body.data.attributes.outcome]).toEqual([200, "token"]);
    world.idp.next({ error: { code: "invalid_scope", description: "No such scope" } });
    const refused = await testNew({ credentials: { scope: "wrong" } }, clientId);
    expect([refused.status, refused.body.data.attributes.outcome]).toEqual([200, "refused"]);
    expect(refused.body.data.attributes.exchanges[0].response.body).toContain("invalid_scope");
  });

  test("needs what POST needs, and a client that asks by itself", async () => {
    expect(pointersOf(await testNew({ credentials: {} }, await withLogin()))).toEqual([
      "/data/attributes/credentials/password",
      "/data/attributes/credentials/username",
    ]);
    expect((await testNew({ credentials: {} }, world.clientId)).status).toBe(400);
    expect(world.idp.calls).toEqual([]);
  });

  test("of a change uses what is stored for what is left out, and leaves the token that is held", async () => {
    const secretId = await world.addAsking(await withLogin(), { ...LOGIN, scope: "before" });
    const held = (await world.token(secretId)).body.data.attributes;
    world.idp.reset();
    const answer = await testChanged(secretId, { scope: "after" });
    expect(answer.body.data.attributes.outcome).toBe("token");
    expect(world.idp.calls.map(({ form }) => form)).toEqual([{ ...LOGIN, grant_type: "password", scope: "after" }]);
    expect((await world.token(secretId)).body.data.attributes).toMatchObject({
      access_token: held.access_token,
      generation: held.generation,
    });
    const editor = await makeTask(world.place, ["workspaces.auth_secret.edit"]);
    expect((await testChanged(secretId, { scope: "after" }, editor.basic)).status).toBe(403);
  });
});
