import { beforeAll, describe, expect, test } from "vitest";
import { GET as CHECKS } from "@/app/v2/workspaces/[workspaceId]/endpoints/[endpointId]/checks/route";
import { DELETE, GET } from "@/app/v2/workspaces/[workspaceId]/endpoints/[endpointId]/route";
import { GET as LIST, POST } from "@/app/v2/workspaces/[workspaceId]/endpoints/route";
import { DELETE as DELETE_SECRET } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { POST as ADD_SECRET } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import { flushChecks } from "@/lib/endpoints/checks";
import { newId } from "@/lib/ids";
import { basic, makePerson, makePlace, makeSession, OWNER } from "@/lib/testing/callers";
import { call, type Handler } from "@/lib/testing/http";
import { endpointBody, useInboundWorld } from "@/lib/testing/inbound-world";

/** Endpoints as people and programs manage them, and the log of what was asked. What the guard answers is in app/inbound. */
const world = useInboundWorld();
let secret: string;
let second: string;

beforeAll(async () => {
  secret = await world.addSecret("basic", { username: "ann", password: "pw" });
  second = await world.addSecret("api_key", { headerName: "X-Key", headerValue: "k" });
});

const ask = (handler: Handler, endpointId: string, options: Parameters<typeof call>[1] = {}) =>
  call(handler, {
    as: world.owner.basic,
    ...options,
    params: { workspaceId: world.place.workspaceId, endpointId, ...options.params },
  });
const create = (json: unknown, as: Record<string, string> = world.owner.basic) =>
  call(POST, { method: "POST", as, params: { workspaceId: world.place.workspaceId }, json });
const entries = (id: string) =>
  world.database.owner`select action, outcome, actor_id, actor_kind, via, ip, detail from audit_entries
    where target_id = ${id} and action like 'endpoint.%' order by id`;

describe("an endpoint", () => {
  test("is added, read, listed by name, edited and deleted, each on record", async () => {
    const made = await create(endpointBody({ name: " Orders ", scopes: ["a", "b", "a"] }, [secret, second, secret]));
    expect(made.status).toBe(201);
    const { id, attributes, relationships, links } = made.body.data;
    expect(attributes).toMatchObject({
      name: "Orders",
      open_access: false,
      scopes: ["a", "b"],
      issuer: null,
      audience: null,
      check_url: `http://latchkey.test/inbound/${id}/check`,
      opened_by: [
        { id: secret, type: "basic" },
        { id: second, type: "api_key" },
      ],
      problem: null,
    });
    expect(relationships.secrets.data).toEqual([secret, second].map((one) => ({ id: one, type: "auth-secret" })));
    expect(links.self).toBe(`/v2/workspaces/${world.place.workspaceId}/endpoints/${id}`);
    expect((await ask(GET, id)).body.data).toEqual(made.body.data);
    await world.addEndpoint([], { name: "alpha" });
    const list = await call(LIST, { as: world.owner.basic, params: { workspaceId: world.place.workspaceId } });
    expect(list.body.data.map((one: { attributes: { name: string } }) => one.attributes.name)).toEqual([
      "alpha",
      "Orders",
    ]);
    expect(list.body.meta).toEqual({ page: 1, per_page: 100, total: 2, total_pages: 1 });

    const edited = await world.edit(id, { issuer: "us", scopes: [] }, [second]);
    expect(edited.body.data.attributes).toMatchObject({ name: "Orders", scopes: [], issuer: "us", audience: null });
    expect((await world.edit(id, { issuer: null })).body.data.attributes).toMatchObject({
      issuer: null,
      opened_by: [{ id: second }],
    });
    expect((await ask(DELETE, id, { method: "DELETE" })).status).toBe(204);
    expect((await ask(GET, id)).status).toBe(404);
    const recorded = await entries(id);
    expect(recorded.map(({ action }) => action)).toEqual([
      "endpoint.created",
      "endpoint.edited",
      "endpoint.edited",
      "endpoint.deleted",
    ]);
    expect(recorded[1]).toMatchObject({
      actor_id: world.owner.id,
      detail: {
        members: ["scopes", "issuer", "secrets"],
        secrets_before: [secret, second],
        secrets_after: [second],
        scopes_before: ["a", "b"],
        scopes_after: [],
      },
    });
  });

  test("is found by a part of its name in any case, and by a secret that opens it", async () => {
    const mine = await world.addSecret("basic", { username: "bob", password: "pw" });
    for (const [name, secrets] of [
      ["Search 100%", [mine]],
      ["search_1000", [secret, mine]],
      ["Searches", [secret]],
    ] as const)
      await world.addEndpoint([...secrets], { name });
    const found = async (query: string) => {
      const params = { workspaceId: world.place.workspaceId };
      const { body } = await call(LIST, { as: world.owner.basic, params, url: `/?${query}` });
      return [body.data.map((one: { attributes: { name: string } }) => one.attributes.name), body.meta.total];
    };
    expect(await found("filter[search]=SEARCH")).toEqual([["Search 100%", "search_1000", "Searches"], 3]);
    expect(await found("filter[search]=%20100%25%20")).toEqual([["Search 100%"], 1]);
    expect(await found("filter[search]=h_1")).toEqual([["search_1000"], 1]);
    expect(await found("filter[search]=search&page[size]=1&page[number]=2")).toEqual([["search_1000"], 3]);
    expect(await found(`filter[secret]=${mine}`)).toEqual([["Search 100%", "search_1000"], 2]);
    expect(await found(`filter[secret]=${mine}&filter[search]=%25`)).toEqual([["Search 100%"], 1]);
    expect(await found("filter[search]=nothing%20like%20it")).toEqual([[], 0]);
    const refused = await call(LIST, {
      as: world.owner.basic,
      params: { workspaceId: world.place.workspaceId },
      url: `/?filter[search]=${"x".repeat(201)}`,
    });
    expect([refused.status, refused.body.errors[0].source.parameter]).toEqual([400, "filter[search]"]);
  });

  test("is opened to everybody by that word only, on record, and in a browser after a recent sign-in", async () => {
    const id = await world.addEndpoint([secret]);
    expect((await world.edit(id, { open_access: true })).body.data.attributes.open_access).toBe(true);
    expect((await world.edit(id, { open_access: true })).status).toBe(200);
    expect((await world.edit(id, { open_access: false })).body.data.attributes.open_access).toBe(false);
    const born = await world.addEndpoint([], { open_access: true });
    const opened = async (of: string) =>
      (await entries(of)).map(({ action }) => action).filter((action) => action.startsWith("endpoint.access"));
    expect(await opened(id)).toEqual(["endpoint.access_opened", "endpoint.access_closed"]);
    expect(await opened(born)).toEqual(["endpoint.access_opened"]);
    for (const open_access of [null, 1, "true"])
      expect((await create(endpointBody({ name: "x", open_access }))).body.errors[0].source.pointer).toBe(
        "/data/attributes/open_access",
      );
    const session = await makeSession(world.owner.id, new Date(Date.now() - 3_600_000));
    const refused = await create(endpointBody({ name: "By an old sign-in", open_access: true }), session);
    expect([refused.status, refused.body.errors[0].code]).toEqual([403, "reauth_required"]);
    expect((await create(endpointBody({ name: "By an old sign-in" }), session)).status).toBe(201);
  });

  test("names secrets of its own workspace that can open it, and a caller who may use them", async () => {
    const other = await makePlace();
    const stranger = await makePerson(other, OWNER);
    const foreign = await call(ADD_SECRET, {
      method: "POST",
      as: stranger.basic,
      params: { workspaceId: other.workspaceId },
      json: {
        data: {
          type: "auth-secret",
          attributes: { name: "Theirs", type: "basic", credentials: { username: "u", password: "p" } },
        },
      },
    });
    const decrypts = await world.addSecret("rs256", { bits: 2048, use: "encrypt" });
    const closed = await world.addSecret("password", { password: "x" });
    for (const [id, why] of [
      [foreign.body.data.id, "There is no such secret in this workspace."],
      [newId(), "There is no such secret in this workspace."],
      ["'; --", "There is no such secret in this workspace."],
      [closed, "A secret of type password opens no endpoint; basic, api_key, hs256, rs256 do."],
      [decrypts, "This key pair decrypts; only one that signs opens an endpoint."],
    ] as const) {
      const answer = await create(endpointBody({ name: `Names ${id}` }, [secret, id]));
      expect([id, answer.status, answer.body.errors?.[0].detail]).toEqual([id, 400, why]);
      expect(answer.body.errors[0].source.pointer).toBe("/data/relationships/secrets/data/1/id");
    }
    const limited = await makePerson(world.place, OWNER);
    const may = ["workspaces.endpoint.create", "workspaces.endpoint.edit", "workspaces.auth_secret.get"];
    await world.database.owner`update api_keys set permissions = ${may} where id = ${limited.keyId}`;
    const refused = await create(endpointBody({ name: "Not theirs to use" }, [secret]), limited.basic);
    expect([refused.status, refused.body.errors[0].detail]).toEqual([
      403,
      "You need the permission workspaces.auth_secret.use here.",
    ]);
    expect((await create(endpointBody({ name: "Without" }, []), limited.basic)).status).toBe(201);
  });

  test("says what is wrong with a request, by pointer", async () => {
    await world.addEndpoint([], { name: "Taken" });
    const taken = await create(endpointBody({ name: "tAKEN" }));
    expect([taken.status, taken.body.errors[0].source.pointer]).toEqual([409, "/data/attributes/name"]);
    const at = async (attributes: Record<string, unknown>) =>
      (await create(endpointBody({ name: "Bad", ...attributes }))).body.errors?.[0].source?.pointer;
    expect(await at({ scopes: ["two words"] })).toBe("/data/attributes/scopes/0");
    expect(await at({ scopes: ['quo"te'] })).toBe("/data/attributes/scopes/0");
    expect(await at({ scopes: Array.from({ length: 51 }, (_, i) => `s${i}`) })).toBe("/data/attributes/scopes");
    expect(await at({ issuer: "" })).toBe("/data/attributes/issuer");
    expect(await at({ audience: "a\u0007" })).toBe("/data/attributes/audience");
    expect(await at({ check_url: "x" })).toBe("/data/attributes/check_url");
    const many = Array.from({ length: 21 }, () => newId());
    expect((await create(endpointBody({ name: "Bad" }, many))).body.errors[0].source.pointer).toBe(
      "/data/relationships/secrets/data",
    );
    expect((await create({ data: { type: "auth-secret", attributes: { name: "x" } } })).status).toBe(409);
    expect((await world.edit(newId(), {})).status).toBe(404);
    expect((await ask(DELETE, "x", { method: "DELETE" })).status).toBe(404);
  });

  test("whose secrets are gone stays closed, and says so", async () => {
    const doomed = await world.addSecret("basic", { username: "u", password: "p" });
    const half = await world.addEndpoint([doomed, secret]);
    const only = await world.addEndpoint([doomed]);
    const open = await world.addEndpoint([doomed], { open_access: true });
    await call(DELETE_SECRET, {
      method: "DELETE",
      as: world.owner.basic,
      params: { workspaceId: world.place.workspaceId, secretId: doomed },
    });
    const problem = async (id: string) => (await ask(GET, id)).body.data.attributes.problem;
    expect(await problem(half)).toMatchObject({ code: "secrets_deleted", title: "A secret was deleted" });
    expect(await problem(only)).toMatchObject({ code: "secrets_deleted", title: "Nobody can pass" });
    expect(await problem(await world.addEndpoint([]))).toMatchObject({ code: "no_secrets" });
    expect(await problem(open)).toBeNull();
    expect((await ask(GET, half)).body.data.attributes.opened_by[0]).toEqual({ id: doomed, name: null, type: null });
    expect((await world.edit(only, {}, [secret])).body.data.attributes.problem).toBeNull();
  });
});

describe("the log", () => {
  const right = basic("ann", "pw");
  const log = async (id: string) => {
    await flushChecks();
    return (await ask(CHECKS, id)).body;
  };

  test("has one row for like checks, newest first: when, outcome, why, which secret, from where", async () => {
    const id = await world.addEndpoint([secret]);
    for (let i = 0; i < 3; i++) await world.check(id, right, "192.0.2.1");
    await world.check(id, right, "192.0.2.2");
    await world.check(id, {}, "192.0.2.1");
    await world.check(id, basic("ann", "a guess"), "192.0.2.1");
    const { data, meta } = await log(id);
    expect(meta).toEqual({ page: 1, per_page: 50, total: 4, total_pages: 1 });
    const rows = data.map(
      ({ attributes: { outcome, reason, secret: by, address, count } }: { attributes: Record<string, unknown> }) => [
        outcome,
        reason,
        (by as { id: string } | null)?.id ?? null,
        address,
        count,
      ],
    );
    expect(rows.sort()).toEqual([
      ["opened", null, secret, "192.0.2.1", 3],
      ["opened", null, secret, "192.0.2.2", 1],
      ["refused", "No credentials were sent.", null, "192.0.2.1", 1],
      ["refused", "Wrong user name or password.", null, "192.0.2.1", 1],
    ]);
    const times = data.map(({ attributes }: { attributes: { last_at: string } }) => attributes.last_at);
    expect(times).toEqual([...times].sort().reverse());
    expect(JSON.stringify(data)).not.toMatch(/a guess|pw/);
  });

  test("the first of like checks is on record before its answer, and how many followed at the end of the minute", async () => {
    const id = await world.addEndpoint([secret]);
    for (let i = 0; i < 5; i++) await world.check(id, right, "192.0.2.1");
    await world.check(id, {}, "192.0.2.1");
    const first = (await entries(id)).slice(1);
    expect(first).toEqual([
      {
        action: "endpoint.opened",
        outcome: "allowed",
        actor_id: null,
        actor_kind: "anonymous",
        via: "inbound",
        ip: "192.0.2.1",
        detail: { secret_id: secret, secret: expect.any(String) },
      },
      {
        action: "endpoint.refused",
        outcome: "denied",
        actor_id: null,
        actor_kind: "anonymous",
        via: "inbound",
        ip: "192.0.2.1",
        detail: { reason: "No credentials were sent." },
      },
    ]);
    await flushChecks();
    const [told, ...more] = (await entries(id)).slice(3);
    expect(more).toEqual([]);
    expect(told).toMatchObject({
      action: "endpoint.opened",
      detail: { checks: 5, since: expect.stringMatching(/Z$/) },
    });
    // The next begins another minute.
    await world.check(id, right, "192.0.2.1");
    expect((await log(id)).data).toHaveLength(3);
  });

  test("is bounded: addresses beyond fifty in a minute are one row, and a flood of refusals drives out no opening", async () => {
    const id = await world.addEndpoint([secret]);
    await world.check(id, right, "192.0.2.1");
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 70; i++) await world.check(id, {}, `198.51.100.${i}`);
      await flushChecks();
    }
    const { data, meta } = await ask(CHECKS, id, { url: "/x?page[size]=100" }).then(({ body }) => body);
    expect(meta.total).toBe(101);
    const oldest = await ask(CHECKS, id, { url: "/x?page[size]=100&page[number]=2" });
    expect(oldest.body.data[0].attributes.outcome).toBe("opened");
    const rest = data.filter(
      ({ attributes }: { attributes: { address: string | null } }) => attributes.address === null,
    );
    expect(rest.map(({ attributes }: { attributes: { count: number } }) => attributes.count)).toEqual([20, 20]);
    const [{ n } = { n: 0 }] = await world.database.owner<{ n: number }[]>`
      select count(*)::int as n from endpoint_checks where endpoint_id = ${id}`;
    expect(n).toBe(101);
    await ask(DELETE, id, { method: "DELETE" });
    expect(await world.database.owner`select 1 from endpoint_checks where endpoint_id = ${id}`).toHaveLength(0);
  });

  test("is for who may see what happened", async () => {
    const id = await world.addEndpoint([secret]);
    const guest = await makePerson(world.place, { workspace: "guest" });
    expect((await ask(GET, id, { as: guest.basic })).status).toBe(200);
    expect((await ask(CHECKS, id, { as: guest.basic })).status).toBe(403);
    expect((await ask(CHECKS, newId())).status).toBe(404);
  });
});
