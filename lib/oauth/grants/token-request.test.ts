import { beforeEach, describe, expect, it } from "vitest";
import { PATCH as PATCH_SECRET } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { POST as CREATE_SECRET } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import { call } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";

/** Token requests by a user name and password, and as endpoints of their own making want them (seed 003, RFC 6749 section 4.3). */
const world = useOAuthWorld();
/** The scope of seed 003's first convention, to the letter. */
const SCOPE = "('read,write',)";
const LOGIN = { username: "machine", password: "machine-password" };

beforeEach(async () => {
  await world.database.owner`update token_state set refresh_due_at = null`;
});

const noClient = { client_id: undefined, client_secret: undefined };
const general = (more: Record<string, unknown> = {}) =>
  world.addAskingClient({
    ...noClient,
    grant_type: "token_request",
    token_request_credentials: "username_password",
    token_request_grant_type: "password",
    token_request_format: "json",
    ...more,
  });
const graph = (more: Record<string, unknown> = {}) =>
  world.addAskingClient({
    grant_type: "token_request",
    token_request_credentials: "client_id_secret",
    token_request_grant_type: "password",
    ...more,
  });
const legacy = (more: Record<string, unknown> = {}) => world.addAskingClient({ grant_type: "password", ...more });

const place = () => ({ workspaceId: world.place.workspaceId });
const path = () => `/v2/workspaces/${world.place.workspaceId}/secrets`;
let count = 0;

function create(clientId: string, credentials: Record<string, unknown>) {
  return call(CREATE_SECRET, {
    method: "POST",
    url: path(),
    params: place(),
    as: world.owner.basic,
    json: {
      data: {
        type: "auth-secret",
        attributes: { name: `Token request ${++count}`, credentials },
        relationships: { auth_client: { data: { id: clientId, type: "auth-client" } } },
      },
    },
  });
}

function edit(secretId: string, credentials: Record<string, unknown>) {
  return call(PATCH_SECRET, {
    method: "PATCH",
    url: `${path()}/${secretId}`,
    params: { ...place(), secretId },
    as: world.owner.basic,
    json: { data: { type: "auth-secret", attributes: { credentials } } },
  });
}

const pointersOf = (answer: Awaited<ReturnType<typeof create>>) =>
  (answer.body.errors ?? []).map((one: { source?: { pointer?: string } }) => one.source?.pointer);
const at = (name: string) => `/data/attributes/credentials/${name}`;
const sent = () => world.idp.calls.map(({ form, auth, headers }) => ({ form, auth, type: headers["content-type"] }));

describe("the convention with a user name and password", () => {
  it("sends what seed 003 shows, as JSON", async () => {
    const id = await world.addAsking(await general(), { ...LOGIN, scope: SCOPE });
    const answer = await world.token(id);
    expect(answer.status).toBe(200);
    expect(world.idp.grants.acceptsAccess(answer.body.data.attributes.access_token)).toBe(true);
    expect(sent()).toEqual([
      { form: { ...LOGIN, grant_type: "password", scope: SCOPE }, auth: "none", type: "application/json" },
    ]);
  });

  it("sends the same as a form unless told otherwise", async () => {
    const id = await world.addAsking(await general({ token_request_format: undefined }), { ...LOGIN, scope: SCOPE });
    expect((await world.token(id)).status).toBe(200);
    expect(sent()).toEqual([
      {
        form: { ...LOGIN, grant_type: "password", scope: SCOPE },
        auth: "none",
        type: "application/x-www-form-urlencoded;charset=UTF-8",
      },
    ]);
  });

  it.each([
    ["client_secret_basic", "json", {}],
    ["client_secret_post", "json", { client_id: "client", client_secret: "client-secret-value" }],
    ["client_secret_post", "form", { client_id: "client", client_secret: "client-secret-value" }],
  ])("proves the client too by %s, as %s", async (method, format, inBody) => {
    const clientId = await general({
      client_id: "client",
      client_secret: "client-secret-value",
      token_endpoint_auth_method: method,
      token_request_format: format,
    });
    const id = await world.addAsking(clientId, LOGIN);
    expect((await world.token(id)).status).toBe(200);
    expect(sent()[0]).toMatchObject({ form: { ...LOGIN, grant_type: "password", ...inBody }, auth: method });
    expect(Object.keys(sent()[0]?.form ?? {})).toHaveLength(3 + Object.keys(inBody).length);
  });

  it("leaves grant_type and scope out where none were typed, and adds what was", async () => {
    const clientId = await general({
      token_request_grant_type: undefined,
      token_params: { tenant: "t1", a: "client" },
    });
    const id = await world.addAsking(clientId, { ...LOGIN, additional_params: { a: "secret" } });
    await world.token(id);
    expect(sent()[0]?.form).toEqual({ ...LOGIN, tenant: "t1", a: "secret" });
  });
});

describe("the convention with client ID and secret", () => {
  it("sends what seed 003 shows", async () => {
    world.idp.anyGrant = true;
    const id = await world.addAsking(await graph(), { scope: "read,write" });
    expect((await world.token(id)).status).toBe(200);
    expect(sent()).toEqual([
      {
        form: {
          client_id: "client",
          client_secret: "client-secret-value",
          scope: "read,write",
          grant_type: "password",
        },
        auth: "client_secret_post",
        type: "application/x-www-form-urlencoded;charset=UTF-8",
      },
    ]);
  });

  it("blames the client for what is refused, as client credentials do", async () => {
    const id = await world.addAsking(
      await graph({ client_secret: "wrong", token_endpoint_auth_method: "client_secret_post" }),
    );
    const answer = await world.token(id);
    expect(answer.body.errors[0].meta.problem).toMatchObject({ code: "client_rejected", who: "admin" });
  });
});

describe("the password grant", () => {
  it("asks as RFC 6749 section 4.3 says, with scopes joined", async () => {
    const id = await world.addAsking(await legacy({ scope_separator: "," }), { ...LOGIN, scope: "a b" });
    expect((await world.token(id)).status).toBe(200);
    expect(sent()[0]).toMatchObject({
      form: { ...LOGIN, grant_type: "password", scope: "a,b" },
      auth: "client_secret_post",
    });
  });

  it("works for a client without a secret, and without an id", async () => {
    world.idp.clients.set("public", { id: "public", secret: null });
    const open = await legacy({ client_id: "public", client_secret: undefined, token_endpoint_auth_method: "none" });
    expect((await world.token(await world.addAsking(open, LOGIN))).status).toBe(200);
    expect((await world.token(await world.addAsking(await legacy(noClient), LOGIN))).status).toBe(200);
    expect(sent().map(({ form }) => form.client_id)).toEqual(["public", undefined]);
  });
});

describe.each([
  ["general", general],
  ["password", legacy],
])("a secret with a user name and password (%s)", (_name, addClient) => {
  it("is asked for once by however many, and again when its time is over", async () => {
    const id = await world.addAsking(await addClient({ token_endpoint_auth_method: undefined }), LOGIN);
    world.idp.always({ delayMs: 200 });
    for (let generation = 1; generation <= 2; generation++) {
      const answers = await Promise.all(Array.from({ length: 300 }, () => world.token(id, "?wait=25")));
      expect(new Set(answers.map((one) => `${one.status} ${one.body.data?.attributes.generation}`))).toEqual(
        new Set([`200 ${generation}`]),
      );
      expect(world.idp.calls).toHaveLength(generation);
      await world.expire(id);
    }
  });

  it.each([
    ["invalid_grant", undefined],
    ["a bare 400", { error: { status: 400, body: '{"message":"no"}' } }],
    ["a bare 401", { error: { status: 401, body: "" } }],
  ])("that is refused by %s is at fault itself, and the right password mends it", async (_what, behaviour) => {
    // Where the client proves itself too, a bare 401 is its own until it was accepted once.
    const clientId = await addClient(noClient);
    const [id, other] = [
      await world.addAsking(clientId, { ...LOGIN, password: "wrong-password-typed" }),
      await world.addAsking(clientId, LOGIN),
    ];
    if (behaviour) world.idp.next(behaviour);
    expect((await world.token(id)).status).toBe(424);
    expect(await world.state(id)).toMatchObject({ status: "suspect", failures: 1 });
    expect((await world.token(other)).status).toBe(200);
    await world.database.owner`update token_state set suspect_since = now() - interval '40 s',
      refresh_due_at = now() - interval '1 s' where secret_id = ${id}`;
    if (behaviour) world.idp.next(behaviour);
    const dead = await world.token(id);
    expect(dead.status).toBe(409);
    const { problem } = dead.body.errors[0].meta;
    expect(problem).toMatchObject({ code: "grant_refused", who: "you" });
    expect(problem.title).toBe("The provider refuses the user name and password");
    expect(JSON.stringify(dead.body)).not.toContain("wrong-password-typed");
    const asked = world.idp.calls.length;
    expect((await world.token(id)).status).toBe(409);
    expect(world.idp.calls).toHaveLength(asked);
    expect((await edit(id, { password: LOGIN.password })).status).toBe(200);
    expect((await world.token(id)).status).toBe(200);
  });

  it("never answers the two again, keeps them when they are not sent, and takes the same again as no change", async () => {
    const id = await world.addAsking(await addClient(), { ...LOGIN, scope: SCOPE });
    await world.token(id);
    const read = await world.read(id);
    expect(JSON.stringify(read.body)).not.toContain(LOGIN.password);
    expect(read.body.data.attributes.credentials).not.toHaveProperty("username");
    expect((await edit(id, { fields: { retries: 2 }, ...LOGIN })).status).toBe(200);
    expect((await world.token(id)).body.data.attributes.generation).toBe(1);
    expect((await edit(id, { scope: "other" })).status).toBe(200);
    expect((await world.token(id)).status).toBe(200);
    expect(world.idp.calls.map(({ form }) => form.password)).toEqual([LOGIN.password, LOGIN.password]);
    const audit = await world.database.owner`select detail from audit_entries where target_id = ${id}`;
    const events = await world.database.owner`select detail from secret_events where secret_id = ${id}`;
    expect(JSON.stringify([audit, events])).not.toContain(LOGIN.password);
  });

  it.each([
    ["nothing", {}, ["username", "password"]],
    ["a user name only", { username: "x" }, ["password"]],
    ["a password only", { password: "x" }, ["username"]],
    ["an empty user name", { username: "", password: "x" }, ["username"]],
    ["an empty password", { username: "x", password: "" }, ["password"]],
    ["numbers", { username: 1, password: 2 }, ["username", "password"]],
    ["a refresh token", { ...LOGIN, refresh_token: "r" }, ["refresh_token"]],
  ])("cannot be made of %s", async (_what, credentials, wrong) => {
    const answer = await create(await addClient(), credentials);
    expect([answer.status, pointersOf(answer)]).toEqual([400, wrong.map(at)]);
  });
});

it("shows the scope of a token request as one text, and that of the password grant as scopes", async () => {
  const typed = await world.read(await world.addAsking(await general(), { ...LOGIN, scope: SCOPE }));
  expect(typed.body.data.attributes.scopes_requested).toEqual([SCOPE]);
  const joined = await world.read(await world.addAsking(await legacy(), { ...LOGIN, scope: "a,b" }));
  expect(joined.body.data.attributes.scopes_requested).toEqual(["a", "b"]);
});

it("an answer without access_token is the provider's failure", async () => {
  const id = await world.addAsking(await general(), LOGIN);
  world.idp.next({ instead: { kind: "raw", status: 200, type: "application/json", body: '{"token":"x"}' } });
  const answer = await world.token(id);
  expect(answer.status).toBe(424);
  expect(answer.body.errors[0].meta.problem).toMatchObject({ code: "provider_failing" });
});

it("a user name has no place in a secret of another grant", async () => {
  const answer = await create(await world.addAskingClient(), LOGIN);
  expect([answer.status, pointersOf(answer)]).toEqual([400, [at("username"), at("password")]]);
  const consent = await create(world.clientId, { username: "x" });
  expect([consent.status, pointersOf(consent)]).toEqual([400, [at("username")]]);
});

it("the audit trail marks clients that use the password grant", async () => {
  const marks = [];
  for (const clientId of [await general(), await legacy(), await graph(), await world.addAskingClient()]) {
    const [entry] = await world.database.owner`select detail from audit_entries
      where target_id = ${clientId} and action = 'auth_clients.create'`;
    marks.push(entry?.detail.legacy);
  }
  expect(marks).toEqual(["password grant", "password grant", "password grant", undefined]);
});
