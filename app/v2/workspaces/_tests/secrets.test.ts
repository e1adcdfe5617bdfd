import { beforeAll, describe, expect, it } from "vitest";
import { POST as CREATE_CLIENT } from "@/app/v2/auth-clients/route";
import { DELETE, GET, PATCH } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { GET as LIST, POST } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import { newId } from "@/lib/ids";
import {
  addWorkspace,
  makePerson,
  makePlace,
  makeSession,
  makeTask,
  OWNER,
  type Person,
  type Place,
} from "@/lib/testing/callers";
import { type Answer, call } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";

/** Secrets over HTTP, promise by promise (CONTRACT sections 1, 3, 5, 8, 9; API.md "Auth secret", "Exact shapes"). */
const world = useOAuthWorld();
let foreign: Place;
let stranger: Person;
let guest: Person;
let session: Record<string, string>;

beforeAll(async () => {
  foreign = await makePlace();
  stranger = await makePerson(foreign, OWNER);
  guest = await makePerson(world.place, { workspace: "guest" });
  session = await makeSession(world.owner.id);
});

type As = Record<string, string>;
const base = () => `/v2/workspaces/${world.place.workspaceId}/secrets`;
const inPlace = (more: Record<string, string> = {}) => ({ workspaceId: world.place.workspaceId, ...more });

function create(attributes: unknown, more: Record<string, unknown> = {}, as: As = world.owner.basic): Promise<Answer> {
  return call(POST, {
    method: "POST",
    url: base(),
    params: inPlace(),
    as,
    json: { data: { type: "auth-secret", attributes, ...more } },
  });
}
const withClient = (id: string) => ({ relationships: { auth_client: { data: { id, type: "auth-client" } } } });
const get = (id: string, as: As = world.owner.basic) =>
  call(GET, { url: `${base()}/${id}`, params: inPlace({ secretId: id }), as });
const patch = (id: string, data: Record<string, unknown>, as: As = world.owner.basic) =>
  call(PATCH, {
    method: "PATCH",
    url: `${base()}/${id}`,
    params: inPlace({ secretId: id }),
    as,
    json: { data: { type: "auth-secret", ...data } },
  });
const remove = (id: string, as: As = world.owner.basic) =>
  call(DELETE, { method: "DELETE", url: `${base()}/${id}`, params: inPlace({ secretId: id }), as });
const list = (query = "", as: As = world.owner.basic) =>
  call(LIST, { url: `${base()}${query}`, params: inPlace(), as });

let count = 0;
const name = () => `A secret ${++count}`;
const noauth = (attributes: Record<string, unknown> = {}) =>
  create({ name: name(), type: "noauth", credentials: {}, ...attributes });

/** The complaint's pointer. */
const pointer = (answer: Answer) => answer.body.errors[0].source?.pointer;

describe("creating an oauth2 secret", () => {
  const tokens = { access_token: "at-value", refresh_token: "rt-value", expires_in: 3600 };

  it("with tokens answers 201 with the contract's shape", async () => {
    const title = name();
    const answer = await create(
      {
        name: title,
        state: "ready",
        credentials: {
          ...tokens,
          scope: "a,b",
          additional_params: '{"access_type":"offline"}',
          undefined_params: { instance_url: "https://eu.example.com" },
          fields: { base_url: "https://api.example.com" },
        },
      },
      withClient(world.clientId),
    );
    expect(answer.status).toBe(201);
    expect(answer.headers.get("content-type")).toContain("application/json");
    const { data, meta } = answer.body;
    expect(meta).toEqual({});
    expect(data).toMatchObject({
      type: "auth-secret",
      links: { self: `${base()}/${data.id}` },
      attributes: {
        name: title,
        type: "oauth2",
        state: "ready",
        status: "fresh",
        generation: 1,
        has_refresh_token: true,
        scopes_requested: ["a", "b"],
        problem: null,
        credentials: {
          access_token: "at-value",
          refresh_token: "rt-value",
          expires_in: 3600,
          scope: "a,b",
          undefined_params: { instance_url: "https://eu.example.com" },
          fields: { base_url: "https://api.example.com" },
        },
      },
      relationships: {
        workspace: {
          data: { id: world.place.workspaceId, type: "workspace" },
          links: { self: `/v2/workspaces/${world.place.workspaceId}` },
        },
        user: { data: { id: world.owner.id, type: "user" }, links: { self: `/v2/users/${world.owner.id}` } },
        auth_client: { data: { id: world.clientId, type: "auth-client" } },
      },
    });
    expect(data.id).toMatch(/^[0-9a-f]{24}$/);
    expect(typeof data.attributes.credentials.additional_params).toBe("string");
    expect(JSON.parse(data.attributes.credentials.additional_params)).toEqual({ access_type: "offline" });
    expect(Date.parse(data.attributes.expires_at) - Date.now()).toBeGreaterThan(3_590_000);
    expect(data.attributes.redirect_uri).toMatch(
      /^http:\/\/latchkey\.test\/api\/oauth\/callback\/a-secret-\d+\.[A-Za-z0-9]{8}$/,
    );
    expect(data.attributes).not.toHaveProperty("error");
    expect((await get(data.id)).body.data).toEqual(data);
  });

  it("without tokens is unauthorized, and says why", async () => {
    const { body, status } = await create({ name: name(), credentials: { scope: "x y" } }, withClient(world.clientId));
    expect(status).toBe(201);
    const { attributes } = body.data;
    expect(attributes).toMatchObject({
      status: "unauthorized",
      state: "error",
      expires_at: null,
      refresh_due_at: null,
      has_refresh_token: false,
      scopes_requested: ["x", "y"],
      problem: { code: "unauthorized", who: "you" },
    });
    expect(attributes.error).toContain(attributes.problem.title);
    expect(attributes.credentials).toMatchObject({ scope: "x y" });
  });

  it("takes the client's lifetime where none is given, and state and error without effect", async () => {
    const clientId = await world.addClient({ token_expires_in: 777 });
    const { body } = await create(
      { name: name(), state: "error", error: "mine", credentials: { access_token: "a", refresh_token: "r" } },
      withClient(clientId),
    );
    expect(body.data.attributes).toMatchObject({ state: "ready", lifetime_s: 777 });
    expect(body.data.attributes.credentials.expires_in).toBe(777);
  });

  it("never expires by itself without refresh token and lifetime", async () => {
    const { body } = await create(
      { name: name(), credentials: { access_token: "for-ever" } },
      withClient(world.clientId),
    );
    expect(body.data.attributes).toMatchObject({ status: "fresh", expires_at: null, refresh_due_at: null });
  });

  it.each([
    ["unknown credential members", { ...tokens, colour: "red" }, "/data/attributes/credentials/colour"],
    ["a token that is no text", { access_token: 5 }, "/data/attributes/credentials/access_token"],
    ["an empty token", { access_token: "" }, "/data/attributes/credentials/access_token"],
    ["a lifetime that is a word", { ...tokens, expires_in: "soon" }, "/data/attributes/credentials/expires_in"],
    ["a lifetime of nothing", { ...tokens, expires_in: 0 }, "/data/attributes/credentials/expires_in"],
    [
      "parameters that are no JSON",
      { additional_params: "prompt:consent" },
      "/data/attributes/credentials/additional_params",
    ],
    ["the mask", { access_token: "••••••••" }, "/data/attributes/credentials/access_token"],
    ["70 kB", { access_token: "x".repeat(70_000) }, "/data/attributes/credentials/access_token"],
    ["a list", [1], "/data/attributes/credentials"],
    ["text", "token", "/data/attributes/credentials"],
    ["null", null, "/data/attributes/credentials"],
  ])("refuses %s with a pointer", async (_what, credentials, where) => {
    const answer = await create({ name: name(), credentials }, withClient(world.clientId));
    expect(answer.status).toBe(400);
    expect(pointer(answer)).toBe(where);
    expect(answer.body.errors[0]).toMatchObject({
      status: "400",
      title: expect.any(String),
      detail: expect.any(String),
    });
  });

  it("needs a client", async () => {
    const answer = await create({ name: name(), type: "oauth2", credentials: {} });
    expect(answer.status).toBe(400);
    expect(pointer(answer)).toBe("/data/relationships/auth_client");
  });

  it("cannot use a client that the workspace does not see", async () => {
    const other = await call(CREATE_CLIENT, {
      method: "POST",
      url: "/v2/auth-clients",
      as: stranger.basic,
      json: {
        data: {
          type: "auth-client",
          attributes: {
            type: "oauth2",
            name: "Theirs",
            credentials: {
              client_id: "c",
              client_secret: "s",
              auth_uri: "https://example.com/a",
              token_uri: "https://example.com/t",
            },
          },
          relationships: { workspace: { data: { id: foreign.workspaceId, type: "workspace" } } },
        },
      },
    });
    expect(other.status).toBe(201);
    for (const id of [other.body.data.id, newId(), "nonsense"]) {
      const answer = await create({ name: name(), credentials: tokens }, withClient(id));
      expect(answer.status).toBe(400);
      expect(pointer(answer)).toBe("/data/relationships/auth_client/data/id");
    }
  });
});

describe("creating other types", () => {
  it.each([
    ["noauth", { anything: { nested: true } }],
    ["basic", { username: "me", password: "pass word:with colon" }],
    ["api_key", { headerName: "X-Api-Key", headerValue: "value" }],
  ])("%s works without a client and keeps what it was given", async (type, credentials) => {
    const answer = await create({ name: name(), type, credentials: { ...credentials, fields: { retries: 3 } } });
    expect(answer.status).toBe(201);
    expect(answer.body.data.attributes).toMatchObject({
      type,
      state: "ready",
      status: "static",
      redirect_uri: null,
      credentials: { ...credentials, fields: { retries: 3 } },
    });
    expect(answer.body.data.relationships).not.toHaveProperty("auth_client");
  });

  it("takes state and error as declared", async () => {
    const made = await noauth({ state: "error", error: "It broke." });
    expect(made.body.data.attributes).toMatchObject({ state: "error", error: "It broke." });
    const mended = await patch(made.body.data.id, { attributes: { state: "ready" } });
    expect(mended.body.data.attributes.state).toBe("ready");
    expect(mended.body.data.attributes).not.toHaveProperty("error");
  });

  it.each([
    [{ type: "basic", credentials: { username: "u" } }, "/data/attributes/credentials/password"],
    [{ type: "basic", credentials: { username: "a:b", password: "p" } }, "/data/attributes/credentials/username"],
    [
      { type: "api_key", credentials: { headerName: "bad name", headerValue: "v" } },
      "/data/attributes/credentials/headerName",
    ],
    [
      { type: "api_key", credentials: { headerName: "X", headerValue: "a\r\nb: c" } },
      "/data/attributes/credentials/headerValue",
    ],
    [{ type: "magic", credentials: {} }, "/data/attributes/type"],
    [{ credentials: {} }, "/data/attributes/type"],
    [{ type: "noauth" }, "/data/attributes/credentials"],
  ])("refuses %j", async (attributes, where) => {
    const answer = await create({ name: name(), ...attributes });
    expect(answer.status).toBe(400);
    expect(pointer(answer)).toBe(where);
  });

  it("refuses a type that is not the client's", async () => {
    const answer = await create({ name: name(), type: "basic", credentials: {} }, withClient(world.clientId));
    expect(answer.status).toBe(400);
    expect(pointer(answer)).toBe("/data/attributes/type");
  });
});

describe("names", () => {
  it("are trimmed, and unique without regard to case", async () => {
    const title = name();
    const first = await noauth({ name: `  ${title}  ` });
    expect(first.body.data.attributes.name).toBe(title);
    for (const same of [title, title.toUpperCase(), ` ${title.toLowerCase()} `]) {
      const answer = await noauth({ name: same });
      expect(answer.status).toBe(409);
      expect(pointer(answer)).toBe("/data/attributes/name");
    }
    const other = await noauth();
    const renamed = await patch(other.body.data.id, { attributes: { name: title.toUpperCase() } });
    expect(renamed.status).toBe(409);
    expect((await get(other.body.data.id)).body.data.attributes.name).toBe(other.body.data.attributes.name);
    expect((await patch(first.body.data.id, { attributes: { name: title.toUpperCase() } })).status).toBe(200);
  });

  it("collide only once when forty are made at the same time", async () => {
    const title = name();
    const answers = await Promise.all(Array.from({ length: 40 }, () => noauth({ name: title })));
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(1);
    expect(answers.filter((answer) => answer.status === 409)).toHaveLength(39);
  });

  it("of every script give a redirect URI of its own", async () => {
    const uris: string[] = [];
    for (const title of ["a/b ../c?d#e", "a b c d e", "🔑🔑", "日本語", "Ünïcödé", "-", "x".repeat(200)]) {
      const answer = await create({ name: title, credentials: {} }, withClient(world.clientId));
      expect(answer.status).toBe(201);
      expect(answer.body.data.attributes.name).toBe(title);
      uris.push(answer.body.data.attributes.redirect_uri);
    }
    for (const uri of uris) expect(uri).toMatch(/\/callback\/[a-z0-9-]{1,64}\.[A-Za-z0-9]{8}$/);
    expect(new Set(uris).size).toBe(uris.length);
    expect(uris[1]).toContain("/a-b-c-d-e-2.");
    expect(uris[2]).toContain("/secret");
    expect(uris[4]).toContain("/u-ni-co-de.");
  });

  it.each([
    ["empty", ""],
    ["blank", "   "],
    ["10 kB", "n".repeat(10_240)],
    ["201 characters", "n".repeat(201)],
    ["a number", 5],
    ["null", null],
    ["a control character", "a\u0007b"],
  ])("that are %s are refused", async (_what, title) => {
    const answer = await noauth({ name: title });
    expect(answer.status).toBe(400);
    expect(pointer(answer)).toBe("/data/attributes/name");
  });

  it("keep the redirect URI when they change", async () => {
    const made = await create({ name: name(), credentials: {} }, withClient(world.clientId));
    const { redirect_uri } = made.body.data.attributes;
    const renamed = await patch(made.body.data.id, { attributes: { name: name() } });
    expect(renamed.body.data.attributes.redirect_uri).toBe(redirect_uri);
  });
});

describe("bad bodies", () => {
  const send = (body: string, type = "application/json") =>
    call(POST, {
      method: "POST",
      url: base(),
      params: inPlace(),
      as: world.owner.basic,
      headers: { "content-type": type },
      body,
    });

  it.each([
    ["malformed", "{", 400],
    ["empty", "", 400],
    ["a list", "[]", 400],
    ["a number", "5", 400],
    ["too deep", "[".repeat(100_000), 400],
    [
      "with NUL",
      '{"data":{"type":"auth-secret","attributes":{"name":"a\\u0000b","type":"noauth","credentials":{}}}}',
      400,
    ],
    [
      "with __proto__",
      '{"data":{"type":"auth-secret","attributes":{"name":"p","type":"noauth","credentials":{"__proto__":{"x":1}}}}}',
      400,
    ],
    ["2 MB", `{"data":"${"x".repeat(2 * 1024 * 1024)}"}`, 413],
  ])("%s: a clear answer", async (_what, body, status) => {
    const answer = await send(body);
    expect(answer.status).toBe(status);
    expect(answer.body.errors[0]).toMatchObject({ title: expect.any(String), detail: expect.any(String) });
  });

  it("another media type is 415", async () => {
    expect((await send("{}", "text/plain")).status).toBe(415);
  });

  it("another resource type is 409", async () => {
    const answer = await create({ name: name(), type: "noauth", credentials: {} }, { type: "credential" });
    expect(answer.status).toBe(409);
  });

  it("unknown attributes are named", async () => {
    const answer = await noauth({ colour: "red" });
    expect(answer.status).toBe(400);
    expect(pointer(answer)).toBe("/data/attributes/colour");
    expect((await patch((await noauth()).body.data.id, { attributes: { status: "fresh" } })).status).toBe(400);
  });

  it("unknown parameters are named", async () => {
    const answer = await list("?filter[colour]=red");
    expect(answer.status).toBe(400);
    expect(answer.body.errors[0].source.parameter).toBe("filter[colour]");
  });
});

describe("editing", () => {
  it("merges oauth2 credentials and leaves tokens alone", async () => {
    const secret = await world.addSecret();
    const before = (await get(secret.id)).body.data.attributes;
    const answer = await patch(secret.id, {
      id: secret.id,
      attributes: { credentials: { scope: "new scope", fields: { retries: 5 } } },
    });
    expect(answer.status).toBe(200);
    expect(answer.body.data.attributes.credentials).toMatchObject({
      access_token: before.credentials.access_token,
      refresh_token: before.credentials.refresh_token,
      fields: { retries: 5 },
      additional_params: before.credentials.additional_params,
    });
    expect(answer.body.data.attributes).toMatchObject({ generation: 1, scopes_requested: ["new", "scope"] });
  });

  it("takes new tokens, as a new generation that is used from then on", async () => {
    const secret = await world.addSecret();
    const fresh = world.idp.create();
    const answer = await patch(secret.id, {
      attributes: {
        state: "ready",
        credentials: {
          access_token: fresh.tokens.access_token,
          refresh_token: fresh.tokens.refresh_token,
          expires_in: "1800",
        },
      },
    });
    expect(answer.body.data.attributes).toMatchObject({ generation: 2, status: "fresh", lifetime_s: 1800 });
    await world.database
      .owner`update token_state set received_at = now() - interval '1 h' where secret_id = ${secret.id}`;
    const refreshed = await world.refresh(secret.id);
    expect(refreshed.body.data.attributes.generation).toBe(3);
    expect(world.idp.grant(fresh.id).presentations).toHaveLength(1);
    expect(world.idp.grant(secret.grantId).presentations).toHaveLength(0);
  });

  it("takes the refresh token away with null", async () => {
    const secret = await world.addSecret();
    const answer = await patch(secret.id, { attributes: { credentials: { refresh_token: null } } });
    expect(answer.body.data.attributes).toMatchObject({ has_refresh_token: false, refresh_due_at: null });
    expect(answer.body.data.attributes.credentials).not.toHaveProperty("refresh_token");
  });

  it("cannot put a refresh token where there is no access token", async () => {
    const made = await create({ name: name(), credentials: {} }, withClient(world.clientId));
    const answer = await patch(made.body.data.id, { attributes: { credentials: { refresh_token: "r" } } });
    expect(answer.status).toBe(400);
    expect(pointer(answer)).toBe("/data/attributes/credentials/access_token");
  });

  it("replaces the credentials of other types whole", async () => {
    const made = await create({ name: name(), type: "basic", credentials: { username: "u", password: "p", extra: 1 } });
    const answer = await patch(made.body.data.id, { attributes: { credentials: { username: "v", password: "q" } } });
    expect(answer.body.data.attributes.credentials).toEqual({ username: "v", password: "q" });
  });

  it("refuses another client, type or id, and changes nothing", async () => {
    const secret = await world.addSecret();
    const otherClient = await world.addClient();
    const before = (await get(secret.id)).body.data;
    for (const [data, where] of [
      [{ attributes: { name: name() }, ...withClient(otherClient) }, "/data/relationships/auth_client"],
      [{ attributes: { name: name(), type: "basic" } }, "/data/attributes/type"],
      [{ id: newId(), attributes: { name: name() } }, "/data/id"],
    ] as [Record<string, unknown>, string][]) {
      const answer = await patch(secret.id, data);
      expect(answer.status).toBe(400);
      expect(pointer(answer)).toBe(where);
    }
    const { updated_at: _a, ...attributes } = (await get(secret.id)).body.data.attributes;
    const { updated_at: _b, ...was } = before.attributes;
    expect(attributes).toEqual(was);
    expect((await patch(secret.id, { attributes: { type: "oauth2" }, ...withClient(world.clientId) })).status).toBe(
      200,
    );
  });

  it("a client's credentials never show in a secret", async () => {
    const secret = await world.addSecret();
    expect(JSON.stringify((await get(secret.id)).body)).not.toContain("client-secret-value");
  });
});

describe("the list", () => {
  it("is whole and unpaged without page parameters", async () => {
    const place = await makePlace();
    const owner = await makePerson(place, OWNER);
    const params = { workspaceId: place.workspaceId };
    const url = `/v2/workspaces/${place.workspaceId}/secrets`;
    for (let n = 0; n < 25; n++)
      await call(POST, {
        method: "POST",
        url,
        params,
        as: owner.basic,
        json: { data: { type: "auth-secret", attributes: { name: `S${n}`, type: "noauth", credentials: {} } } },
      });
    const ask = (query: string) => call(LIST, { url: `${url}${query}`, params, as: owner.basic });
    const whole = await ask("");
    expect(whole.body.data).toHaveLength(25);
    expect(whole.body.meta).toEqual({});
    expect(whole.body.data[0].attributes.credentials).toEqual({});

    const page = await ask("?page[number]=2&page[size]=10");
    expect(page.body.data).toHaveLength(10);
    expect(page.body.meta).toEqual({
      page: 2,
      per_page: 10,
      total: 25,
      total_pages: 3,
      counts: { all: 25, needs_person: 0, trouble: 0, working: 25 },
    });
    expect((await ask("?page%5Bnumber%5D=99&page%5Bsize%5D=10")).body).toMatchObject({ data: [], meta: { total: 25 } });
    expect((await ask("?page[size]=1")).body.meta.total).toBe(25);
    expect((await ask("?page[size]=0")).status).toBe(400);
    expect((await ask("?page[number]=x")).status).toBe(400);
    expect((await ask("?filter[search]=s2&page[number]=1")).body.meta.total).toBe(6);
    expect((await ask("?filter[search]=%25")).body.data).toEqual([]);
  });

  it("is filtered by user and by auth client", async () => {
    const clientId = await world.addClient();
    const mine = await world.addSecret({}, { clientId });
    const byClient = await list(`?filter[auth_client]=${clientId}`);
    expect(byClient.body.data.map((one: { id: string }) => one.id)).toEqual([mine.id]);
    const byUser = await list(`?filter[user]=${world.owner.id}&filter[auth_client]=${clientId}`);
    expect(byUser.body.data).toHaveLength(1);
    expect((await list(`?filter[user]=${newId()}`)).body.data).toEqual([]);
    expect((await list("?filter[auth_client]=nonsense")).body.data).toEqual([]);
  });

  it("groups by what a person must do", async () => {
    const clientId = await world.addClient();
    const open = await create({ name: name(), credentials: {} }, withClient(clientId));
    const working = await world.addSecret({}, { clientId });
    const troubled = await world.addSecret({}, { clientId });
    await world.database.owner`update token_state set failures = 1,
      problem = '{"code":"provider_failing","title":"T","detail":"D","who":"provider","since":"2026-01-01T00:00:00Z"}'
      where secret_id = ${troubled.id}`;
    const ids = async (group: string) =>
      (await list(`?filter[auth_client]=${clientId}&filter[status]=${group}`)).body.data.map(
        (s: { id: string }) => s.id,
      );
    expect(await ids("needs_person")).toEqual([open.body.data.id]);
    expect(await ids("trouble")).toEqual([troubled.id]);
    expect(await ids("working")).toEqual([working.id]);
    const sorted = await list(`?filter[auth_client]=${clientId}&sort=attention`);
    expect(sorted.body.data.map((s: { id: string }) => s.id)).toEqual([open.body.data.id, troubled.id, working.id]);
  });

  it("includes clients and users on request, without credentials", async () => {
    const clientId = await world.addClient();
    await world.addSecret({}, { clientId });
    const { included } = (await list(`?filter[auth_client]=${clientId}&include=auth_client,user`)).body;
    expect(included.map((one: { type: string }) => one.type).sort()).toEqual(["auth-client", "user"]);
    expect(JSON.stringify(included)).not.toContain("client-secret-value");
    expect((await list("?include=everything")).status).toBe(400);
  });

  it("finds one by its whole name, in any case, and answers the attributes asked for without opening a value", async () => {
    const clientId = await world.addClient();
    const label = name();
    const named = await world.addSecret({}, { clientId, name: label });
    await world.addSecret({}, { clientId, name: `${label} too` });
    const audited = () =>
      world.database
        .owner`select 1 from audit_entries where action = 'secret.list' and detail::text like ${`%${named.id}%`}`;
    const asked = `filter[name]=${encodeURIComponent(label.toUpperCase())}`;
    const found = await list(`?${asked}&fields[auth-secret]=name,type`);
    expect(found.body.data.map((s: { id: string; attributes: unknown }) => [s.id, s.attributes])).toEqual([
      [named.id, { name: label, type: "oauth2" }],
    ]);
    expect(await audited()).toHaveLength(0);
    const whole = await list(`?${asked}&fields[auth-secret]=credentials`);
    expect(Object.keys(whole.body.data[0].attributes)).toEqual(["credentials"]);
    expect(whole.body.data[0].attributes.credentials.access_token).toBe(named.accessToken);
    expect(await audited()).toHaveLength(1);
    expect((await list("?filter[name]=no%20such")).body.data).toEqual([]);
    const byId = await list(`?filter[id]=${named.id}&fields[auth-secret]=name`);
    expect(byId.body.data.map((s: { attributes: unknown }) => s.attributes)).toEqual([{ name: label }]);
    expect((await list("?filter[id]=nonsense")).body.data).toEqual([]);
    expect((await list("?fields[auth-secret]=name,%20type")).status).toBe(400);
  });

  it("outlives one damaged row", async () => {
    const clientId = await world.addClient();
    const [bad, good] = [await world.addSecret({}, { clientId }), await world.addSecret({}, { clientId })];
    await world.database.owner`update token_state set sealed = set_byte(sealed, length(sealed) - 1,
      (get_byte(sealed, length(sealed) - 1) + 1) % 256) where secret_id = ${bad.id}`;
    const answer = await list(`?filter[auth_client]=${clientId}`);
    expect(answer.status).toBe(200);
    const byId = new Map(answer.body.data.map((s: { id: string }) => [s.id, s]));
    expect(byId.get(good.id)).toMatchObject({ attributes: { credentials: { access_token: good.accessToken } } });
    expect(byId.get(bad.id)).toMatchObject({ attributes: { state: "error", problem: { code: "integrity_failure" } } });
    expect((await get(bad.id)).status).toBe(409);
    expect((await remove(bad.id)).status).toBe(204);
  });
});

describe("who sees what", () => {
  it("without get_credentials the credentials are left out", async () => {
    const secret = await world.addSecret();
    const seen = await get(secret.id, guest.basic);
    expect(seen.status).toBe(200);
    expect(seen.body.data.attributes).not.toHaveProperty("credentials");
    expect(seen.body.data.attributes.status).toBe("fresh");
    for (const one of (await list("", guest.basic)).body.data) expect(one.attributes).not.toHaveProperty("credentials");
    expect((await create({ name: name(), type: "noauth", credentials: {} }, {}, guest.basic)).status).toBe(403);
    expect((await patch(secret.id, { attributes: { name: name() } }, guest.basic)).status).toBe(403);
    expect((await remove(secret.id, guest.basic)).status).toBe(403);
  });

  it("a browser session never gets them, whatever it may", async () => {
    const secret = await world.addSecret();
    const answers = [
      await get(secret.id, session),
      await list("", session),
      await patch(secret.id, { attributes: { name: name() } }, session),
      await create({ name: name(), credentials: { access_token: "at-by-hand" } }, withClient(world.clientId), session),
    ];
    for (const answer of answers) {
      expect(answer.status).toBeLessThan(300);
      expect(JSON.stringify(answer.body)).not.toContain('"credentials"');
      expect(JSON.stringify(answer.body)).not.toContain(secret.accessToken);
    }
  });

  it("a task identity reads its own workspace's, and only as narrowed", async () => {
    const secret = await world.addSecret();
    const read = await get(secret.id, world.task.basic);
    expect(read.body.data.attributes.credentials.access_token).toBe(secret.accessToken);
    expect((await list("", world.task.basic)).status).toBe(200);
    const narrow = await makeTask(world.place, ["workspaces.auth_secret.use"]);
    expect((await get(secret.id, narrow.basic)).status).toBe(403);
    const percent = Buffer.from(`${world.owner.email.replace("@", "%40")}:${world.owner.key}`).toString("base64");
    expect((await get(secret.id, { authorization: `Basic ${percent}` })).status).toBe(200);
  });

  it("another tenant's secret does not exist, by any door", async () => {
    const secret = await world.addSecret();
    const through = { workspaceId: foreign.workspaceId, secretId: secret.id };
    const as = stranger.basic;
    expect((await get(secret.id, as)).status).toBe(404);
    expect((await patch(secret.id, { attributes: { name: "x" } }, as)).status).toBe(404);
    expect((await remove(secret.id, as)).status).toBe(404);
    expect((await call(GET, { url: "/", params: through, as })).status).toBe(404);
    const sibling = await addWorkspace(world.place);
    const second = await makePerson({ ...world.place, workspaceId: sibling }, { workspace: "owner" });
    expect(
      (await call(GET, { url: "/", params: { workspaceId: sibling, secretId: secret.id }, as: second.basic })).status,
    ).toBe(404);
    for (const id of [newId(), "x", "../x"]) expect((await get(id)).status).toBe(404);
    expect((await call(GET, { url: "/", params: inPlace({ secretId: secret.id }) })).status).toBe(401);
  });

  it("each read of values is written down before it is answered", async () => {
    const secret = await world.addSecret();
    await get(secret.id, world.task.basic);
    const [entry] = await world.database.owner`select actor_kind, action, outcome, target_id, via from audit_entries
      where target_id = ${secret.id} order by id desc limit 1`;
    expect(entry).toEqual({
      actor_kind: "task",
      action: "secret.read",
      outcome: "allowed",
      target_id: secret.id,
      via: "api-key",
    });
  });

  it("nothing is given out while the audit trail cannot be written", async () => {
    const secret = await world.addSecret();
    await world.database.owner`alter table audit_entries add constraint full_disk check (false) not valid`;
    try {
      for (const answer of [await get(secret.id), await list(), await world.token(secret.id)]) {
        expect(answer.status).toBe(503);
        expect(JSON.stringify(answer.body)).not.toContain(secret.accessToken);
      }
    } finally {
      await world.database.owner`alter table audit_entries drop constraint full_disk`;
    }
    expect((await get(secret.id)).status).toBe(200);
  });
});

describe("deleting", () => {
  it("removes everything of it, and revokes at the provider", async () => {
    const clientId = await world.addClient({ revocation_uri: `${world.idp.url}/revoke` });
    const secret = await world.addSecret({}, { clientId });
    const answer = await remove(secret.id);
    expect(answer.status).toBe(204);
    expect(answer.body).toBeNull();
    expect(world.idp.revocations).toMatchObject([{ token: secret.refreshToken, hint: "refresh_token", known: true }]);
    expect((await get(secret.id)).status).toBe(404);
    expect((await remove(secret.id)).status).toBe(404);
    for (const table of ["secrets", "token_state", "token_ledger", "secret_events"]) {
      const id = table === "secrets" ? "id" : "secret_id";
      expect(
        await world.database
          .owner`select 1 from ${world.database.owner(table)} where ${world.database.owner(id)} = ${secret.id}`,
      ).toEqual([]);
    }
    const [entry] = await world.database
      .owner`select action from audit_entries where target_id = ${secret.id} and action = 'secret.deleted'`;
    expect(entry).toBeDefined();
  });

  it("works although the provider cannot be reached", async () => {
    const clientId = await world.addClient({ revocation_uri: "http://127.0.0.1:9/revoke" });
    const secret = await world.addSecret({}, { clientId });
    expect((await remove(secret.id)).status).toBe(204);
  });

  it("frees its name", async () => {
    const made = await noauth();
    await remove(made.body.data.id);
    expect((await noauth({ name: made.body.data.attributes.name })).status).toBe(201);
  });
});
