import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as authClients from "@/app/v2/auth-clients/route";
import * as components from "@/app/v2/components/route";
import * as contracts from "@/app/v2/contracts/route";
import * as tenants from "@/app/v2/tenants/route";
import * as user from "@/app/v2/users/[id]/route";
import * as apiKey from "@/app/v2/users/me/api-keys/[id]/route";
import * as apiKeys from "@/app/v2/users/me/api-keys/route";
import * as me from "@/app/v2/users/me/route";
import * as sessions from "@/app/v2/users/me/sessions/route";
import * as events from "@/app/v2/workspaces/[workspaceId]/events/route";
import * as workspace from "@/app/v2/workspaces/[workspaceId]/route";
import * as token from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/token/route";
import * as secrets from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import * as tasks from "@/app/v2/workspaces/[workspaceId]/task-identities/route";
import * as workspaces from "@/app/v2/workspaces/route";
import { forgetCallers } from "@/lib/accounts/caller-cache";
import { PEER_HEADER } from "@/lib/http/client-address";
import {
  addContract,
  addRoles,
  addWorkspace,
  basic,
  makePerson,
  makePlace,
  makeSession,
  OWNER,
  type Person,
  type Place,
} from "@/lib/testing/callers";
import { useDatabase } from "@/lib/testing/database";
import { call, type Handler } from "@/lib/testing/http";

/** Keys that may do less than their person (SECURITY KEY-3). */

const database = useDatabase();
const DAY_MS = 86_400_000;
const GET = "workspaces.auth_secret.get";
const USE = "workspaces.auth_secret.use";
const EDIT = "workspaces.workspace.edit";
type Auth = Record<string, string>;
let place: Place;
let second: string;
let elsewhere: Place;
let owner: Person;

beforeAll(async () => {
  place = await makePlace();
  second = await addWorkspace(place);
  elsewhere = await makePlace();
  owner = await makePerson(place, { ...OWNER, operator: true });
  await addRoles(owner.id, { ...place, workspaceId: second }, { workspace: "owner" });
  await addRoles(owner.id, elsewhere, OWNER);
});
beforeEach(() => forgetCallers());

const post = (as: Auth, attributes: Record<string, unknown>) =>
  call(apiKeys.POST, {
    method: "POST",
    as,
    json: { data: { type: "api-key", attributes: { name: "limited", ...attributes } } },
  });
const postTask = (as: Auth, attributes: Record<string, unknown> = {}, workspaceId = place.workspaceId) =>
  call(tasks.POST, {
    method: "POST",
    as,
    params: { workspaceId },
    json: { data: { type: "task-identity", attributes: { name: "step", permissions: [USE], ...attributes } } },
  });

/** A key of the owner's with these limits, and its id. */
async function keyWith(attributes: Record<string, unknown>, as: Auth = owner.basic): Promise<{ id: string; as: Auth }> {
  const { status, body } = await post(as, attributes);
  expect(status, JSON.stringify(body)).toBe(201);
  return { id: body.data.id, as: basic(owner.email, body.data.attributes.key) };
}

const at = (as: Auth, handler: Handler, workspaceId = place.workspaceId, more = {}) =>
  call(handler, { as, params: { workspaceId }, ...more });
const newSecret = (name: string) => ({
  data: { type: "auth-secret", attributes: { type: "basic", name, credentials: { username: "u", password: "p" } } },
});
const pointers = (body: { errors: { source?: { pointer: string } }[] }) => body.errors.map((e) => e.source?.pointer);
const from = (as: Auth, ip: string): Auth => ({ ...as, [PEER_HEADER]: ip });
const count = async () => (await database.owner`select count(*)::int as n from api_keys`)[0]?.n as number;

describe("permissions", () => {
  test("a key does what it names and nothing else: 403 in reach", async () => {
    const { as } = await keyWith({ permissions: [GET] });
    expect((await at(as, secrets.GET)).status).toBe(200);
    const refused = await at(as, secrets.POST, place.workspaceId, { method: "POST", json: newSecret("no") });
    expect([refused.status, refused.body.errors[0].code]).toEqual([403, "forbidden"]);
    expect((await at(as, workspace.GET)).status).toBe(403);
    expect((await at(as, tasks.GET)).status).toBe(403);
    expect((await call(authClients.GET, { as })).status).toBe(403);
    expect(
      (await at(owner.basic, secrets.POST, place.workspaceId, { method: "POST", json: newSecret("yes") })).status,
    ).toBe(201);
  });

  test("hot routes obey: without use there is no token, without get_credentials no value", async () => {
    const made = await at(owner.basic, secrets.POST, place.workspaceId, { method: "POST", json: newSecret("hot") });
    const { as } = await keyWith({ permissions: [GET] });
    const params = { workspaceId: place.workspaceId, secretId: made.body.data.id };
    expect((await call(token.GET, { as, params })).status).toBe(403);
    const list = await at(as, secrets.GET);
    expect(JSON.stringify(list.body)).not.toContain("credentials");
    const strong = await keyWith({ permissions: ["workspaces.auth_secret.get_credentials"] });
    expect(JSON.stringify((await at(strong.as, secrets.GET)).body)).toContain("credentials");
  });

  test("the lists of workspaces, contracts and tenants show only what it may see", async () => {
    const { as } = await keyWith({ permissions: [GET] });
    for (const list of [workspaces.GET, contracts.GET, tenants.GET])
      expect((await call(list, { as })).body.data).toEqual([]);
    const other = await keyWith({ permissions: ["workspaces.workspace.get"] });
    expect((await call(workspaces.GET, { as: other.as })).body.meta.total).toBe(3);
    expect((await call(contracts.GET, { as: other.as })).body.data).toEqual([]);
  });

  test("the global name of an auth client permission stands for every level, a level's own name for that level", async () => {
    const lists = async (as: Auth) =>
      Promise.all(
        [`workspace_id=${place.workspaceId}`, `contract_id=${place.contractId}`, `tenant_id=${place.tenantId}`].map(
          async (query) => (await call(authClients.GET, { as, url: `/v2/auth-clients?${query}` })).status,
        ),
      );
    expect(await lists((await keyWith({ permissions: ["global.auth_clients.get"] })).as)).toEqual([200, 200, 200]);
    expect(await lists((await keyWith({ permissions: ["workspaces.auth_clients.get"] })).as)).toEqual([200, 403, 403]);
    expect(await lists((await keyWith({ permissions: ["tenants.auth_clients.get"] })).as)).toEqual([403, 403, 200]);
  });

  test("what membership alone allows needs naming too", async () => {
    const { as } = await keyWith({ permissions: [GET] });
    const list = (who: Auth) =>
      call(components.GET, { as: who, url: `/v2/components?contract_id=${place.contractId}` });
    expect((await list(as)).status).toBe(403);
    expect((await list((await keyWith({ permissions: ["contracts.repository.get"] })).as)).status).toBe(200);
    const fellow = await makePerson(place, { workspace: "guest" });
    expect((await call(user.GET, { as, params: { id: fellow.id } })).status).toBe(403);
    expect((await call(user.GET, { as: owner.basic, params: { id: fellow.id } })).status).toBe(200);
    expect((await call(me.GET, { as })).status).toBe(200);
  });
});

describe("workspaces", () => {
  test("elsewhere is as if it did not exist, also right after memberships are read anew", async () => {
    const { as } = await keyWith({ workspaces: [place.workspaceId] });
    expect((await at(as, secrets.GET)).status).toBe(200);
    for (const id of [second, elsewhere.workspaceId]) {
      expect((await at(as, secrets.GET, id)).status).toBe(404);
      expect((await at(as, workspace.GET, id)).status).toBe(404);
      expect((await at(as, events.GET, id)).status).toBe(404);
      expect((await postTask(as, {}, id)).status).toBe(404);
    }
    expect((await call(workspaces.GET, { as })).body.data.map((row: { id: string }) => row.id)).toEqual([
      place.workspaceId,
    ]);
    expect((await call(contracts.GET, { as })).body.data).toEqual([]);
    expect((await call(tenants.GET, { as })).body.data).toEqual([]);
  });

  test("nothing above the workspaces either: no new workspace, contract, tenant's or global client", async () => {
    const { as } = await keyWith({ workspaces: [place.workspaceId] });
    const make = (handler: Handler, type: string, relationships: unknown, more = {}) =>
      call(handler, {
        method: "POST",
        as,
        json: { data: { type, attributes: { name: "escape", ...more }, ...(relationships ? { relationships } : {}) } },
      });
    const within = (type: string, id: string) => ({ [type]: { data: { id, type } } });
    const client = { type: "noauth", credentials: {} };
    expect((await make(workspaces.POST, "workspace", within("contract", place.contractId))).status).toBe(403);
    expect((await make(workspaces.POST, "workspace", within("contract", elsewhere.contractId))).status).toBe(404);
    expect((await make(contracts.POST, "contract", within("tenant", place.tenantId))).status).toBe(403);
    expect((await make(authClients.POST, "auth-client", within("tenant", place.tenantId), client)).status).toBe(403);
    expect((await make(authClients.POST, "auth-client", undefined, client)).status).toBe(403);
    expect((await make(authClients.POST, "auth-client", within("workspace", place.workspaceId), client)).status).toBe(
      201,
    );
  });

  test("a workspace made by a key limited to permissions gives that key no more there", async () => {
    const contractId = await addContract(place.tenantId);
    await addRoles(owner.id, { ...place, contractId }, { contract: "owner" });
    const { as } = await keyWith({ permissions: ["contracts.workspace.create"] });
    const made = await call(workspaces.POST, {
      method: "POST",
      as,
      json: {
        data: {
          type: "workspace",
          attributes: { name: "mine" },
          relationships: { contract: { data: { id: contractId, type: "contract" } } },
        },
      },
    });
    expect(made.status).toBe(200);
    expect((await at(as, secrets.GET, made.body.data.id)).status).toBe(403);
    expect((await postTask(as, {}, made.body.data.id)).status).toBe(403);
    expect((await at(owner.basic, secrets.GET, made.body.data.id)).status).toBe(200);
  });

  test("only those the caller is a member of can be named", async () => {
    const stranger = await makePlace();
    const unknown = await post(owner.basic, { workspaces: [place.workspaceId, stranger.workspaceId] });
    expect([unknown.status, pointers(unknown.body)]).toEqual([400, ["/data/attributes/workspaces/1"]]);
  });
});

describe("addresses", () => {
  test("from elsewhere the key is none: 401, with an entry for its owner", async () => {
    const { id, as } = await keyWith({ allowed_addresses: ["192.0.2.0/24", "2001:db8::7"] });
    for (const ip of ["192.0.2.1", "192.0.2.255", "::ffff:192.0.2.9", "2001:db8::7", "2001:DB8:0::7"])
      expect(`${ip} ${(await at(from(as, ip), secrets.GET)).status}`).toBe(`${ip} 200`);
    for (const ip of ["192.0.3.1", "2001:db8::8", "::1", "garbage", ""])
      expect(`${ip} ${(await at(from(as, ip), secrets.GET)).status}`).toBe(`${ip} 401`);
    expect((await at(as, secrets.GET)).status).toBe(401);
    const [entry] = await database.owner`select count(*)::int as n from audit_entries
      where action = 'api_key.wrong_address' and outcome = 'denied' and target_id = ${id}`;
    expect(entry?.n).toBe(6);
    // What a client says of itself does not count: no proxy is trusted here.
    const forged = { ...from(as, "198.51.100.1"), "x-forwarded-for": "192.0.2.1" };
    expect((await at(forged, secrets.GET)).status).toBe(401);
  });

  test("of a task identity too", async () => {
    const made = await postTask(owner.basic, { allowed_addresses: ["192.0.2.4"] });
    const { username, api_key, allowed_addresses } = made.body.data.attributes;
    expect(allowed_addresses).toEqual(["192.0.2.4"]);
    const as = basic(username, api_key);
    expect((await at(from(as, "192.0.2.4"), workspace.GET)).status).toBe(200);
    expect((await at(from(as, "192.0.2.5"), workspace.GET)).status).toBe(401);
    const list = await at(owner.basic, tasks.GET);
    expect(
      list.body.data.find((row: { id: string }) => row.id === made.body.data.id).attributes.allowed_addresses,
    ).toEqual(["192.0.2.4"]);
  });
});

describe("no key makes a stronger one", () => {
  test("more permissions, workspaces or addresses are refused, each with its pointer; nothing is stored", async () => {
    const { as } = await keyWith({
      permissions: [GET, EDIT],
      workspaces: [place.workspaceId],
      allowed_addresses: ["192.0.2.0/24"],
    });
    const here = from(as, "192.0.2.1");
    const before = await count();
    for (const [attributes, pointer] of [
      [{ permissions: [GET, USE] }, "/data/attributes/permissions/1"],
      [{ permissions: ["workspaces.auth_secret.get_credentials"] }, "/data/attributes/permissions/0"],
      [{ workspaces: [place.workspaceId, second] }, "/data/attributes/workspaces/1"],
      [{ allowed_addresses: ["192.0.2.0/23"] }, "/data/attributes/allowed_addresses/0"],
      [{ allowed_addresses: ["192.0.2.7", "0.0.0.0/0"] }, "/data/attributes/allowed_addresses/1"],
      [{ allowed_addresses: ["::/0"] }, "/data/attributes/allowed_addresses/0"],
    ] as const) {
      const answer = await post(here, attributes);
      expect([answer.status, pointers(answer.body)]).toEqual([400, [pointer]]);
    }
    const wide = await postTask(here, { permissions: [GET], allowed_addresses: ["192.0.3.0/24"] });
    expect([wide.status, pointers(wide.body)]).toEqual([400, ["/data/attributes/allowed_addresses/0"]]);
    expect((await postTask(here, { permissions: undefined })).status).toBe(403);
    expect(await count()).toBe(before);
  });

  test("what is not said is what the maker has", async () => {
    const own = { permissions: [EDIT, GET], workspaces: [place.workspaceId], allowed_addresses: ["192.0.2.0/24"] };
    const parent = await keyWith(own);
    const here = from(parent.as, "192.0.2.1");
    for (const attributes of [{}, { permissions: null, workspaces: null, allowed_addresses: null }]) {
      const child = await post(here, attributes);
      expect(child.body.data.attributes).toMatchObject({ ...own, permissions: [GET, EDIT] });
    }
    const less = await post(here, { permissions: [GET], allowed_addresses: ["192.0.2.128/25"] });
    expect(less.body.data.attributes).toMatchObject({ permissions: [GET], allowed_addresses: ["192.0.2.128/25"] });
    const task = await postTask(here, { permissions: [GET] });
    expect(task.body.data.attributes).toMatchObject({ permissions: [GET], allowed_addresses: ["192.0.2.0/24"] });
    expect((await postTask(here, { permissions: [USE] })).status).toBe(403);
  });

  test("nothing outlives the key that makes it, a task identity without end included", async () => {
    const end = new Date(Date.now() + 2 * DAY_MS).toISOString();
    const later = new Date(Date.now() + 3 * DAY_MS).toISOString();
    const { as } = await keyWith({ expires_at: end });
    for (const attributes of [{}, { expires_at: null }])
      expect((await postTask(as, attributes)).body.data.attributes.expires_at).toBe(end);
    const longer = await postTask(as, { expires_at: later });
    expect([longer.status, pointers(longer.body)]).toEqual([400, ["/data/attributes/expires_at"]]);
    expect(pointers((await post(as, { expires_at: later })).body)).toEqual(["/data/attributes/expires_at"]);
    expect((await post(as, {})).body.data.attributes.expires_at).toBe(end);
    // The operator's own key has no end: what it makes need not have one.
    expect((await postTask(owner.basic)).body.data.attributes.expires_at).toBeNull();
  });

  test("a limited key sees and ends no other key and no session; itself it may", async () => {
    const { id, as } = await keyWith({ permissions: [GET] });
    const bound = await keyWith({ workspaces: [second] });
    for (const who of [as, bound.as]) {
      expect((await call(apiKeys.GET, { as: who })).status).toBe(403);
      for (const handler of [apiKey.GET, apiKey.DELETE])
        expect((await call(handler, { method: "DELETE", as: who, params: { id: owner.keyId } })).status).toBe(403);
      for (const handler of [sessions.GET, sessions.DELETE])
        expect((await call(handler, { method: "DELETE", as: who })).status).toBe(403);
    }
    expect((await call(apiKey.GET, { as, params: { id } })).body.data.attributes.permissions).toEqual([GET]);
    expect((await call(apiKey.DELETE, { method: "DELETE", as, params: { id } })).status).toBe(204);
    expect((await call(me.GET, { as })).status).toBe(401);
  });

  test("a revoked key makes nothing, although it is remembered", async () => {
    const { id, as } = await keyWith({});
    expect((await call(me.GET, { as })).status).toBe(200);
    await database.owner`delete from api_keys where id = ${id}`;
    expect((await call(me.GET, { as })).status).toBe(200);
    const before = await count();
    expect((await post(as, {})).status).toBe(401);
    expect((await postTask(as)).status).toBe(401);
    expect(await count()).toBe(before);
  });

  test("an ended session makes nothing, although it is remembered", async () => {
    const as = await makeSession(owner.id);
    expect((await call(me.GET, { as })).status).toBe(200);
    await database.owner`delete from sessions where user_id = ${owner.id}`;
    expect((await call(me.GET, { as })).status).toBe(200);
    const before = await count();
    expect((await post(as, {})).status).toBe(401);
    expect((await postTask(as)).status).toBe(401);
    expect(await count()).toBe(before);
  });

  test("whose role is gone makes no task identity, although it is remembered", async () => {
    const person = await makePerson(place, { workspace: "owner" });
    expect((await at(person.basic, workspace.GET)).status).toBe(200);
    await database.owner`update memberships set role = 'guest' where user_id = ${person.id}`;
    expect((await at(person.basic, tasks.GET)).status).toBe(200);
    const before = await count();
    expect((await postTask(person.basic)).status).toBe(403);
    forgetCallers();
    await database.owner`update memberships set role = 'owner' where user_id = ${person.id}`;
    expect((await at(person.basic, workspace.GET)).status).toBe(200);
    await database.owner`delete from memberships where user_id = ${person.id}`;
    expect((await postTask(person.basic)).status).toBe(404);
    expect(await count()).toBe(before);
  });
});

test("fifty at once are not more than a hundred", async () => {
  const person = await makePerson(place, OWNER);
  await database.owner`insert into api_keys (tenant_id, id, kind, user_id, name, hint, key_mac, created_by)
    select repeat('0', 24), 'spare' || n, 'user', ${person.id}, 'spare', 'spare', ${person.id} || n, 'test' from generate_series(1, 79) n`;
  const answers = await Promise.all(Array.from({ length: 50 }, () => post(person.basic, {})));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(20);
  expect(answers.filter(({ status }) => status === 409)).toHaveLength(30);
  const [row] = await database.owner`select count(*)::int as n from api_keys where user_id = ${person.id}`;
  expect(row?.n).toBe(100);
});

describe("what is refused", () => {
  test.each([
    [{ permissions: [] }, "permissions"],
    [{ permissions: ["workspaces.auth_secret.everything"] }, "permissions/0"],
    [{ permissions: ["toString"] }, "permissions/0"],
    [{ permissions: GET }, "permissions"],
    [{ workspaces: [] }, "workspaces"],
    [{ workspaces: ["0123456789abcdef01234567"] }, "workspaces/0"],
    [{ workspaces: [{}] }, "workspaces/0"],
    [{ allowed_addresses: [] }, "allowed_addresses"],
    [{ allowed_addresses: ["example.com"] }, "allowed_addresses/0"],
    [{ allowed_addresses: ["192.0.2.1", "192.0.2.1/33"] }, "allowed_addresses/1"],
    [{ allowed_addresses: ["192.0.2.1/24"] }, "allowed_addresses/0"],
    [{ allowed_addresses: ["010.0.0.1"] }, "allowed_addresses/0"],
    [{ allowed_addresses: ["::ffff:192.0.2.1"] }, "allowed_addresses/0"],
    [{ allowed_addresses: ["fe80::1%eth0"] }, "allowed_addresses/0"],
    [{ allowed_addresses: Array.from({ length: 51 }, (_, n) => `192.0.2.${n}`) }, "allowed_addresses"],
    [{ name: "Admin\u202enimda" }, "name"],
    [{ name: "a\u200bb" }, "name"],
    [{ name: "a\nb" }, "name"],
  ])("%j", async (attributes, where) => {
    const answer = await post(owner.basic, attributes);
    expect([answer.status, pointers(answer.body)[0]]).toEqual([400, `/data/attributes/${where}`]);
  });
});

test("the list and the audit trail say what a key is limited to", async () => {
  const limits = { permissions: [GET], workspaces: [second], allowed_addresses: ["192.0.2.0/24"] };
  const { id } = await keyWith(limits);
  const list = await call(apiKeys.GET, { as: owner.basic });
  expect(list.body.data.find((row: { id: string }) => row.id === id).attributes).toMatchObject(limits);
  expect(list.body.data.find((row: { id: string }) => row.id === owner.keyId).attributes).toMatchObject({
    permissions: null,
    workspaces: null,
    allowed_addresses: null,
  });
  const [entry] =
    await database.owner`select detail from audit_entries where action = 'api_key.create' and target_id = ${id}`;
  expect(entry?.detail).toMatchObject(limits);
});
