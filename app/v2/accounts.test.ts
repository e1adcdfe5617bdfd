import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as auth from "@/app/api/auth/[...nextauth]/route";
import * as healthz from "@/app/healthz/route";
import * as readyz from "@/app/readyz/route";
import * as unknown from "@/app/v2/[...path]/route";
import * as component from "@/app/v2/components/[id]/route";
import * as components from "@/app/v2/components/route";
import * as contract from "@/app/v2/contracts/[id]/route";
import * as contracts from "@/app/v2/contracts/route";
import * as permissions from "@/app/v2/permissions/route";
import * as tenant from "@/app/v2/tenants/[id]/route";
import * as tenants from "@/app/v2/tenants/route";
import * as user from "@/app/v2/users/[id]/route";
import * as apiKey from "@/app/v2/users/me/api-keys/[id]/route";
import * as apiKeys from "@/app/v2/users/me/api-keys/route";
import * as password from "@/app/v2/users/me/password/route";
import * as reauthenticate from "@/app/v2/users/me/reauthenticate/route";
import * as me from "@/app/v2/users/me/route";
import * as session from "@/app/v2/users/me/sessions/[id]/route";
import * as sessions from "@/app/v2/users/me/sessions/route";
import * as activity from "@/app/v2/workspaces/[workspaceId]/activity/route";
import * as workspace from "@/app/v2/workspaces/[workspaceId]/route";
import * as task from "@/app/v2/workspaces/[workspaceId]/task-identities/[id]/route";
import * as tasks from "@/app/v2/workspaces/[workspaceId]/task-identities/route";
import * as workspaces from "@/app/v2/workspaces/route";
import { GLOBAL } from "@/lib/access/scope";
import { forgetCallers } from "@/lib/accounts/caller-cache";
import { callerForKey } from "@/lib/accounts/callers";
import { requireVisibleComponents } from "@/lib/integration-components/service";
import { install } from "@/lib/process";
import {
  addContract,
  addRoles,
  addWorkspace,
  basic,
  makePerson,
  makePlace,
  makeSession,
  makeTask,
  OWNER,
  type Person,
  type Place,
  type Task,
} from "@/lib/testing/callers";
import { TEST_URL, useDatabase } from "@/lib/testing/database";
import { type CallOptions, call } from "@/lib/testing/http";

const database = useDatabase();
const PASSWORD = "correct horse battery";
let place: Place;
let elsewhere: Place;
let owner: Person;
let guest: Person;
let stranger: Person;
let step: Task;

beforeAll(async () => {
  place = await makePlace();
  elsewhere = await makePlace();
  owner = await makePerson(place, OWNER, { password: PASSWORD });
  guest = await makePerson(place, { workspace: "guest" });
  stranger = await makePerson(elsewhere, OWNER);
  step = await makeTask(place);
});
beforeEach(() => forgetCallers());

const pointers = (body: { errors: { source?: { pointer: string } }[] }) => body.errors.map((e) => e.source?.pointer);
const entries = async (action: string, outcome = "allowed") => {
  const [row] =
    await database.owner`select count(*)::int as n from audit_entries where action = ${action} and outcome = ${outcome}`;
  return row?.n as number;
};
const atWorkspace = (id = place.workspaceId): Pick<CallOptions, "params" | "url"> => ({
  params: { workspaceId: id },
  url: `/v2/workspaces/${id}`,
});
const newWorkspace = (name: unknown, contractId = place.contractId, more = {}) => ({
  data: {
    type: "workspace",
    attributes: { name, ...more },
    relationships: { contract: { data: { id: contractId, type: "contract" } } },
  },
});

describe("who calls", () => {
  test("nobody: 401 with a challenge, in JSON", async () => {
    for (const as of [
      undefined,
      basic(owner.email, "wrong"),
      basic("x@example.com", owner.key),
      { authorization: "Bearer x" },
    ]) {
      const answer = await call(me.GET, { as });
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toMatch(/^Basic/);
      expect(answer.body.errors[0]).toMatchObject({ status: "401", code: "unauthenticated" });
    }
  });

  test("GET /v2/users/me", async () => {
    const { status, body, headers } = await call(me.GET, { as: owner.basic });
    expect(status).toBe(200);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(body.data).toMatchObject({ id: owner.id, type: "user", attributes: { email: owner.email } });
    expect(Object.keys(body.data.attributes).sort()).toEqual([
      "email",
      "first_name",
      "last_login",
      "last_name",
      "registered",
    ]);
    expect((await call(me.GET, { as: step.basic })).status).toBe(403);
  });

  test("GET /v2/users/{id}: oneself and fellow members, nobody else", async () => {
    const get = (id: string, as = owner.basic) => call(user.GET, { as, params: { id } });
    expect((await get(guest.id)).body.data.attributes.email).toBe(guest.email);
    const foreign = await get(stranger.id);
    const never = await get("5f0000000000000000000abc");
    expect([foreign.status, never.status, (await get("../x")).status]).toEqual([404, 404, 404]);
    expect({ ...foreign.body.errors[0], id: "" }).toEqual({ ...never.body.errors[0], id: "" });
  });
});

describe("wrong methods and addresses", () => {
  test("405 with Allow, 404, both in JSON", async () => {
    const wrong = await call(workspaces.DELETE, { method: "DELETE", as: owner.basic });
    expect(wrong.status).toBe(405);
    expect(wrong.headers.get("allow")).toBe("GET, POST");
    expect(wrong.body.errors[0].code).toBe("method_not_allowed");
    const none = await call(unknown.GET, { url: "/v2/nothing/here" });
    expect(none.status).toBe(404);
    expect(none.body.errors[0]).toMatchObject({ status: "404", title: "NotFound" });
    const key = await call(unknown.GET, { url: `/v2/x?api_key=${owner.key}` });
    expect(key.status).toBe(400);
    expect((await call(auth.GET, { url: "/api/auth/nothing", params: { nextauth: ["nothing"] } })).status).toBe(404);
  });
});

describe("workspaces", () => {
  test("GET by id, with what the caller may do", async () => {
    const { body } = await call(workspace.GET, { ...atWorkspace(), as: owner.basic });
    expect(body.data).toMatchObject({
      id: place.workspaceId,
      type: "workspace",
      attributes: { type: "full" },
      relationships: { contract: { data: { id: place.contractId, type: "contract" } } },
      links: { self: `/v2/workspaces/${place.workspaceId}` },
    });
    expect(body.data.attributes.redirect_code).toMatch(/^[a-z0-9]{8}$/);
    expect(body.meta.permissions).toEqual(
      expect.arrayContaining([
        "workspaces.workspace.edit",
        "workspaces.auth_clients.create",
        "workspaces.auth_secret.use",
      ]),
    );
    const seen = await call(workspace.GET, { ...atWorkspace(), as: guest.basic });
    expect(seen.body.meta.permissions).not.toContain("workspaces.auth_secret.get_credentials");
  });

  test("out of reach is as if it did not exist; inside without the right is 403; each leaves one entry", async () => {
    const before = await entries("workspaces.workspace.get", "denied");
    const foreign = await call(workspace.GET, { ...atWorkspace(elsewhere.workspaceId), as: owner.basic });
    const never = await call(workspace.GET, { ...atWorkspace("5f0000000000000000000abc"), as: owner.basic });
    expect([foreign.status, never.status]).toEqual([404, 404]);
    expect({ ...foreign.body.errors[0], id: "" }).toEqual({ ...never.body.errors[0], id: "" });
    const member = await makePerson(place, { contract: "member" });
    expect((await call(workspace.GET, { ...atWorkspace(), as: member.basic })).status).toBe(403);
    const sibling = await addWorkspace(place);
    expect((await call(workspace.GET, { ...atWorkspace(sibling), as: guest.basic })).status).toBe(404);
    expect((await call(workspace.GET, { ...atWorkspace(sibling), as: step.basic })).status).toBe(404);
    expect((await call(workspace.GET, { ...atWorkspace(sibling), as: owner.basic })).status).toBe(200);
    expect((await call(workspace.GET, { ...atWorkspace("no-id"), as: owner.basic })).status).toBe(404);
    expect((await entries("workspaces.workspace.get", "denied")) - before).toBe(5);
    const [mine] =
      await database.owner`select count(*)::int as n from audit_entries where tenant_id = ${elsewhere.tenantId}`;
    expect(mine?.n).toBe(0);
  });

  test("a task identity reads its own workspace and contract, and lists nothing", async () => {
    expect((await call(workspace.GET, { ...atWorkspace(), as: step.basic })).status).toBe(200);
    expect((await call(contract.GET, { params: { id: place.contractId }, as: step.basic })).status).toBe(200);
    for (const list of [workspaces.GET, contracts.GET, tenants.GET])
      expect((await call(list, { as: step.basic })).status).toBe(403);
  });

  test("lists page by page, past the end empty, with the contracts included", async () => {
    const mine = await makePlace();
    const person = await makePerson(mine, OWNER);
    for (let i = 0; i < 4; i += 1) await addWorkspace(mine);
    const get = (query: string) => call(workspaces.GET, { url: `/v2/workspaces?${query}`, as: person.basic });
    const all = await get("");
    expect(all.body.meta).toEqual({ page: 1, per_page: 20, total: 5, total_pages: 1 });
    expect(all.body.included.map((c: { id: string; type: string }) => `${c.type} ${c.id}`)).toEqual([
      `contract ${mine.contractId}`,
    ]);
    const second = await get("page%5Bsize%5D=2&page[number]=2");
    expect(second.body.data).toHaveLength(2);
    expect(second.body.meta).toMatchObject({ total: 5, total_pages: 3 });
    const past = await get("page[number]=9");
    expect([past.status, past.body.data]).toEqual([200, []]);
    expect((await get("page[size]=1")).body.meta.total).toBe(5);
    expect((await get("page[size]=0")).status).toBe(400);
    expect((await get("nonsense=1")).status).toBe(400);
    expect((await get(`contract_id=${mine.contractId}`)).body.data).toHaveLength(5);
    expect((await get(`contract_id=${place.contractId}`)).status).toBe(404);
  });

  test("POST answers 200, and who makes it owns it at once", async () => {
    const made = await call(workspaces.POST, { method: "POST", as: owner.basic, json: newWorkspace("  Über 🚀/x ") });
    expect(made.status).toBe(200);
    expect(made.body.data.attributes.name).toBe("Über 🚀/x");
    const again = await call(workspace.GET, { ...atWorkspace(made.body.data.id), as: owner.basic });
    expect(again.body.meta.permissions).toContain("workspaces.workspace.edit");
    expect(await entries("workspace.create")).toBeGreaterThan(0);
    for (const [who, status] of [
      [guest, 403],
      [stranger, 404],
    ] as const)
      expect((await call(workspaces.POST, { method: "POST", as: who.basic, json: newWorkspace("x") })).status).toBe(
        status,
      );
  });

  test.each([
    [
      "an unknown attribute",
      () => newWorkspace("x", undefined, { tenant_id: "y" }),
      400,
      ["/data/attributes/tenant_id"],
    ],
    ["NUL", () => newWorkspace("a\0b"), 400, ["/data/attributes/name"]],
    ["10 kB", () => newWorkspace("x".repeat(10_240)), 400, ["/data/attributes/name"]],
    ["only spaces", () => newWorkspace("   "), 400, ["/data/attributes/name"]],
    ["a number", () => newWorkspace(7), 400, ["/data/attributes/name"]],
    ["another type", () => ({ data: { ...newWorkspace("x").data, type: "contract" } }), 409, ["/data/type"]],
    ["no contract", () => ({ data: { type: "workspace", attributes: { name: "x" } } }), 400, ["/data/relationships"]],
    ["a list", () => [], 400, [""]],
  ])("POST with %s", async (_what, json, status, where) => {
    const answer = await call(workspaces.POST, { method: "POST", as: owner.basic, json: json() });
    expect(answer.status).toBe(status);
    expect(pointers(answer.body)).toEqual(where);
    expect(
      (
        await call(workspaces.POST, {
          method: "POST",
          as: owner.basic,
          body: "{",
          headers: { "content-type": "application/json" },
        })
      ).status,
    ).toBe(400);
  });

  test("PATCH renames", async () => {
    const patch = (json: unknown, as = owner.basic) =>
      call(workspace.PATCH, { method: "PATCH", ...atWorkspace(), as, json });
    const renamed = await patch({
      data: { type: "workspace", id: place.workspaceId, attributes: { name: "Renamed" } },
    });
    expect([renamed.status, renamed.body.data.attributes.name]).toEqual([200, "Renamed"]);
    expect((await patch({ data: { type: "workspace", id: "other", attributes: { name: "x" } } })).status).toBe(400);
    expect(pointers((await patch({ data: { type: "workspace", attributes: { redirect_code: "x" } } })).body)).toEqual([
      "/data/attributes/redirect_code",
    ]);
    expect((await patch({ data: { type: "workspace", attributes: { name: "x" } } }, guest.basic)).status).toBe(403);
    expect((await patch({ data: { type: "workspace", attributes: { name: "x" } } }, step.basic)).status).toBe(403);
  });
});

describe("contracts and tenants", () => {
  test("are listed and read by their members", async () => {
    expect((await call(contracts.GET, { as: owner.basic })).body).toMatchObject({
      data: [{ id: place.contractId, type: "contract" }],
      meta: { total: 1, per_page: 20 },
    });
    expect((await call(contracts.GET, { as: guest.basic })).body.meta.total).toBe(0);
    expect((await call(contract.GET, { params: { id: place.contractId }, as: guest.basic })).status).toBe(403);
    expect((await call(contract.GET, { params: { id: elsewhere.contractId }, as: owner.basic })).status).toBe(404);
    expect((await call(tenants.GET, { as: owner.basic })).body.data).toMatchObject([
      { id: place.tenantId, type: "tenant" },
    ]);
    expect((await call(tenant.GET, { params: { id: place.tenantId }, as: owner.basic })).status).toBe(200);
    expect((await call(tenant.GET, { params: { id: place.tenantId }, as: guest.basic })).status).toBe(403);
    expect((await call(tenant.GET, { params: { id: elsewhere.tenantId }, as: owner.basic })).status).toBe(404);
  });

  test("POST makes a contract in the only tenant, or the named one", async () => {
    const post = (as: Record<string, string>, relationships?: unknown) =>
      call(contracts.POST, {
        method: "POST",
        as,
        json: { data: { type: "contract", attributes: { name: "New" }, ...(relationships ? { relationships } : {}) } },
      });
    const inTenant = (id: string) => ({ tenant: { data: { id, type: "tenant" } } });
    const person = await makePerson(place, { tenant: "owner" });
    const made = await post(person.basic);
    expect([made.status, made.body.data.relationships.tenant.data.id]).toEqual([200, place.tenantId]);
    expect((await call(contract.GET, { params: { id: made.body.data.id }, as: person.basic })).status).toBe(200);
    await addRoles(person.id, elsewhere, { tenant: "owner" });
    forgetCallers();
    expect(pointers((await post(person.basic)).body)).toEqual(["/data/relationships/tenant"]);
    expect((await post(person.basic, inTenant(elsewhere.tenantId))).status).toBe(200);
    expect((await post(owner.basic, inTenant(elsewhere.tenantId))).status).toBe(404);
    expect((await post(guest.basic)).status).toBe(403);
  });
});

describe("components", () => {
  const post = (name: string, as = owner.basic, more: Record<string, unknown> = {}, contractId = place.contractId) =>
    call(components.POST, {
      method: "POST",
      as,
      json: {
        data: {
          type: "component",
          attributes: { name, ...more },
          relationships: { contract: { data: { id: contractId, type: "contract" } } },
        },
      },
    });

  test("are registered with 200, listed without paging, read and deleted", async () => {
    const made = await post("Salesforce");
    expect(made).toMatchObject({
      status: 200,
      body: { data: { type: "component", attributes: { name: "Salesforce", access: "team" } } },
    });
    const { id } = made.body.data;
    const list = await call(components.GET, {
      url: `/v2/components?contract_id=${place.contractId}&filter[access]=private`,
      as: guest.basic,
    });
    expect(list.body.meta).toEqual({});
    expect(list.body.data.map((row: { id: string }) => row.id)).toContain(id);
    expect((await call(components.GET, { url: "/v2/components", as: owner.basic })).status).toBe(400);
    expect((await call(component.GET, { params: { id }, as: guest.basic })).status).toBe(200);
    for (const handler of [component.GET, component.DELETE])
      expect((await call(handler, { method: "DELETE", params: { id }, as: stranger.basic })).status).toBe(404);
    expect((await call(component.DELETE, { method: "DELETE", params: { id }, as: guest.basic })).status).toBe(403);
    expect((await call(component.DELETE, { method: "DELETE", params: { id }, as: owner.basic })).status).toBe(204);
    expect((await call(component.GET, { params: { id }, as: owner.basic })).status).toBe(404);
  });

  test("need the right to register, and a contract within reach", async () => {
    expect((await post("x", guest.basic)).status).toBe(403);
    expect((await post("x", stranger.basic)).status).toBe(404);
    expect(pointers((await post("x", owner.basic, { access: "global" })).body)).toEqual(["/data/attributes/access"]);
  });

  test("in use they stay, and the answer names what uses them", async () => {
    const { id } = (await post("Used")).body.data;
    await database.owner`insert into auth_clients (tenant_id, id, scope_kind, type, name, options, sealed, created_by)
      values (${place.tenantId}, 'c1', 'tenant', 'noauth', 'My client', '{}', '', 'x')`;
    await database.owner`insert into auth_client_components values (${place.tenantId}, 'c1', ${id})`;
    const answer = await call(component.DELETE, { method: "DELETE", params: { id }, as: owner.basic });
    expect(answer.status).toBe(409);
    expect(answer.body.errors[0]).toMatchObject({ code: "in_use" });
    expect(answer.body.errors[0].detail).toContain("My client");
  });

  test("an auth client may name what its scope sees", async () => {
    const other = await addContract(place.tenantId);
    const admin = await makePerson({ ...place, contractId: other }, { contract: "owner" });
    const own = (await post("own")).body.data.id;
    const shared = (await post("shared", admin.basic, { access: "tenant" }, other)).body.data.id;
    const hidden = (await post("hidden", admin.basic, {}, other)).body.data.id;
    const foreign = (await post("foreign", stranger.basic, {}, elsewhere.contractId)).body.data.id;
    const caller = await callerForKey(owner.email, owner.key, {
      requestId: "r",
      ip: null,
      userAgent: null,
      purpose: null,
    });
    if (!caller) throw new Error("no caller");
    const scope = { kind: "workspace", ...place } as const;
    await requireVisibleComponents(caller, scope, [own, shared]);
    await requireVisibleComponents(caller, { kind: "tenant", tenantId: place.tenantId }, [own, shared, hidden]);
    await requireVisibleComponents(caller, GLOBAL, [own, shared]);
    for (const [where, id] of [
      [scope, hidden],
      [scope, foreign],
      [scope, "x"],
      [GLOBAL, foreign],
    ] as const)
      await expect(requireVisibleComponents(caller, where, [own, id])).rejects.toMatchObject({
        code: "invalid_attribute",
        source: { pointer: "/data/relationships/components/data/1/id" },
      });
  });
});

describe("API keys", () => {
  const body = (attributes: Record<string, unknown>) => ({ data: { type: "api-key", attributes } });
  const post = (as: Record<string, string>, attributes: Record<string, unknown>) =>
    call(apiKeys.POST, { method: "POST", as, json: body(attributes) });
  const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();

  test("are shown once, end after 90 days by default, and end at once when deleted", async () => {
    const made = await post(owner.basic, { name: "CI" });
    expect(made.status).toBe(201);
    const { id, attributes } = made.body.data;
    expect(attributes.key).toMatch(/^latchkey_pat_/);
    expect(Date.parse(attributes.expires_at) - Date.now()).toBeGreaterThan(89.9 * 86_400_000);
    const as = basic(owner.email, attributes.key);
    expect((await call(me.GET, { as })).status).toBe(200);
    for (const answer of [await call(apiKeys.GET, { as }), await call(apiKey.GET, { as, params: { id } })]) {
      expect(answer.status).toBe(200);
      expect(JSON.stringify(answer.body)).not.toContain(attributes.key);
    }
    const dump = JSON.stringify([
      await database.owner`select * from api_keys`,
      await database.owner`select * from audit_entries`,
    ]);
    expect(dump).not.toContain(attributes.key);
    expect((await call(apiKey.DELETE, { method: "DELETE", as: stranger.basic, params: { id } })).status).toBe(404);
    expect((await call(apiKey.DELETE, { method: "DELETE", as: owner.basic, params: { id } })).status).toBe(204);
    expect((await call(me.GET, { as })).status).toBe(401);
    expect((await call(apiKey.DELETE, { method: "DELETE", as: owner.basic, params: { id } })).status).toBe(404);
  });

  test("last at most a year, never longer than the key that makes them; a task makes none", async () => {
    expect((await post(owner.basic, { name: "x", expires_at: inDays(364) })).status).toBe(201);
    for (const expires_at of [inDays(367), inDays(-1), "tomorrow", 7])
      expect(pointers((await post(owner.basic, { name: "x", expires_at })).body)).toEqual([
        "/data/attributes/expires_at",
      ]);
    const short = await makePerson(place, {}, { keyExpiresAt: new Date(inDays(2)) });
    const made = await post(short.basic, { name: "child" });
    expect(Date.parse(made.body.data.attributes.expires_at)).toBeLessThanOrEqual(Date.parse(inDays(2)));
    expect((await post(short.basic, { name: "x", expires_at: inDays(30) })).status).toBe(400);
    expect((await post(step.basic, { name: "x" })).status).toBe(403);
  });

  test("from the console they need a sign-in of the last 10 minutes and our own origin", async () => {
    const fresh = await makeSession(owner.id);
    expect((await post(fresh, { name: "x" })).status).toBe(201);
    const old = await makeSession(owner.id, new Date(Date.now() - 11 * 60_000));
    expect((await post(old, { name: "x" })).body.errors[0]).toMatchObject({ status: "403", code: "reauth_required" });
    for (const origin of [
      undefined,
      "null",
      "https://evil.example",
      `${TEST_URL}:81`,
      TEST_URL.replace("latchkey", "sub.latchkey"),
    ]) {
      const { origin: _own, ...cookie } = fresh;
      expect(
        (await post({ ...cookie, ...(origin ? { origin } : {}) } as Record<string, string>, { name: "x" })).status,
      ).toBe(403);
    }
    const wrong = await call(reauthenticate.POST, { method: "POST", as: old, json: { password: "no" } });
    expect([wrong.status, pointers(wrong.body)]).toEqual([400, ["/password"]]);
    expect((await call(reauthenticate.POST, { method: "POST", as: old, json: { password: PASSWORD } })).status).toBe(
      204,
    );
    expect((await post(old, { name: "x" })).status).toBe(201);
    expect(
      (await call(reauthenticate.POST, { method: "POST", as: owner.basic, json: { password: PASSWORD } })).status,
    ).toBe(403);
  });
});

describe("sessions and passwords", () => {
  test("nothing is changed for a browser by what a form can send, from our own origin either, with a body or without", async () => {
    const person = await makePerson(place);
    const [here, there] = [await makeSession(person.id), await makeSession(person.id)];
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
      for (const body of [undefined, '{"data":{}}']) {
        const answer = await call(sessions.DELETE, {
          method: "DELETE",
          as: here,
          headers: { "content-type": type },
          body,
        });
        expect([answer.status, answer.body.errors[0].code]).toEqual([415, "unsupported_media_type"]);
      }
    expect((await call(me.GET, { as: there })).status).toBe(200);
  });

  test("are listed and ended", async () => {
    const person = await makePerson(place);
    const [here, there] = [await makeSession(person.id), await makeSession(person.id)];
    const list = await call(sessions.GET, { as: here });
    expect(list.body.data.map((row: { attributes: { current: boolean } }) => row.attributes.current).sort()).toEqual([
      false,
      true,
    ]);
    const other = list.body.data.find((row: { attributes: { current: boolean } }) => !row.attributes.current);
    expect(
      (await call(session.DELETE, { method: "DELETE", as: stranger.basic, params: { id: other.id } })).status,
    ).toBe(404);
    expect((await call(session.DELETE, { method: "DELETE", as: here, params: { id: other.id } })).status).toBe(204);
    expect((await call(me.GET, { as: there })).status).toBe(401);
    const third = await makeSession(person.id);
    expect((await call(sessions.DELETE, { method: "DELETE", as: here })).status).toBe(204);
    expect((await call(me.GET, { as: third })).status).toBe(401);
    expect((await call(me.GET, { as: here })).status).toBe(200);
  });

  test("a new password needs the old one and ends the other sessions", async () => {
    const person = await makePerson(place, {}, { password: PASSWORD });
    const [here, there] = [await makeSession(person.id), await makeSession(person.id)];
    const change = (json: unknown, as: Record<string, string> = here) =>
      call(password.POST, { method: "POST", as, json });
    expect(pointers((await change({ current: "wrong", password: "another password" })).body)).toEqual(["/current"]);
    expect(pointers((await change({ current: PASSWORD, password: "short" })).body)).toEqual(["/password"]);
    expect((await change({ current: PASSWORD, password: "another password" }, person.basic)).status).toBe(403);
    expect((await change({ current: PASSWORD, password: "another password" })).status).toBe(204);
    expect((await call(me.GET, { as: there })).status).toBe(401);
    expect((await call(me.GET, { as: here })).status).toBe(200);
    expect((await change({ current: PASSWORD, password: "a third password" })).status).toBe(400);
  });
});

describe("task identities", () => {
  const body = (attributes: Record<string, unknown>) => ({ data: { type: "task-identity", attributes } });
  const post = (as: Record<string, string>, attributes: Record<string, unknown>) =>
    call(tasks.POST, { method: "POST", as, ...atWorkspace(), json: body(attributes) });

  test("give a Basic user once, work, and end when deleted", async () => {
    const made = await post(owner.basic, { name: "step 1", permissions: ["workspaces.auth_secret.use"] });
    expect(made.status).toBe(201);
    const { id, attributes } = made.body.data;
    expect(attributes).toMatchObject({
      username: `task-${id}`,
      permissions: ["workspaces.auth_secret.use"],
      expires_at: null,
    });
    const as = basic(attributes.username, attributes.api_key);
    expect((await call(workspace.GET, { ...atWorkspace(), as })).status).toBe(200);
    const list = await call(tasks.GET, { ...atWorkspace(), as: owner.basic });
    expect(list.body.data.map((row: { id: string }) => row.id)).toContain(id);
    expect(JSON.stringify(list.body)).not.toContain(attributes.api_key);
    const end = (who: { basic: Record<string, string> }) =>
      call(task.DELETE, { method: "DELETE", as: who.basic, params: { workspaceId: place.workspaceId, id } });
    expect((await end(guest)).status).toBe(403);
    expect((await end(stranger)).status).toBe(404);
    expect((await end(owner)).status).toBe(204);
    expect((await call(workspace.GET, { ...atWorkspace(), as })).status).toBe(401);
    expect((await end(owner)).status).toBe(404);
  });

  test("hold the known permissions only, and nothing makes them but an editor of the workspace", async () => {
    const full = await post(owner.basic, { name: "all" });
    expect(full.body.data.attributes.permissions).toHaveLength(5);
    expect(
      pointers((await post(owner.basic, { name: "x", permissions: ["workspaces.auth_secret.delete"] })).body),
    ).toEqual(["/data/attributes/permissions/0"]);
    expect((await post(step.basic, { name: "x" })).status).toBe(403);
    expect((await post(guest.basic, { name: "x" })).status).toBe(403);
    expect((await post(stranger.basic, { name: "x" })).status).toBe(404);
    const old = await makeSession(owner.id, new Date(Date.now() - 11 * 60_000));
    expect((await post(old, { name: "x" })).body.errors[0].code).toBe("reauth_required");
  });
});

describe("the rest", () => {
  test("activity: newest first, filtered, for those who may see it", async () => {
    const get = (query: string, as = owner.basic) =>
      call(activity.GET, { params: { workspaceId: place.workspaceId }, url: `/v2/workspaces/x/activity?${query}`, as });
    const all = await get("");
    expect(all.body.meta).toMatchObject({ page: 1, per_page: 50 });
    expect(all.body.data[0]).toMatchObject({
      type: "activity",
      attributes: { actor: { kind: expect.any(String) }, at: expect.any(String) },
    });
    const made = await get("filter[action]=task_identity.create");
    expect(made.body.data.length).toBeGreaterThan(0);
    expect(new Set(made.body.data.map((row: { attributes: { action: string } }) => row.attributes.action))).toEqual(
      new Set(["task_identity.create"]),
    );
    const target: string = made.body.data[0].attributes.target.id;
    const ofOne = await get(`filter[secret]=${target}`);
    expect(
      new Set(ofOne.body.data.map((row: { attributes: { target: { id: string } } }) => row.attributes.target.id)),
    ).toEqual(new Set([target]));
    expect(ofOne.body.meta.total).toBeLessThan(all.body.meta.total);
    expect((await get("", guest.basic)).status).toBe(403);
    expect((await get("", stranger.basic)).status).toBe(404);
  });

  test("GET /v2/permissions, for any user", async () => {
    const { body } = await call(permissions.GET, { as: guest.basic });
    expect(body).toMatchObject({ data: { id: null, type: "permissions" }, meta: {} });
    expect(body.data.attributes.permissions).toContain("workspaces.auth_secret.use");
  });

  test("healthz and readyz; what fails is named", async () => {
    expect((await call(healthz.GET)).body).toEqual({ status: "ok" });
    expect(await call(readyz.GET)).toMatchObject({
      status: 200,
      body: { checks: { database: "ok", key: "ok", schema: "ok" } },
    });
    await database.owner`alter table tenants rename column redirect_code to other_code`;
    expect(await call(readyz.GET)).toMatchObject({
      status: 503,
      body: { checks: { database: "ok", key: "ok", schema: "failing" } },
    });
    await database.owner`alter table tenants rename column other_code to redirect_code`;
    const open = (await import("@/lib/db/client")).database();
    install("database", { ...open, sql: () => Promise.reject(new Error("away")) });
    expect((await call(readyz.GET)).body.checks.database).toBe("failing");
    install("database", open);
  });
});
