import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as tenants from "@/app/v2/tenants/route";
import * as session from "@/app/v2/users/[id]/sessions/[sessionId]/route";
import * as sessions from "@/app/v2/users/[id]/sessions/route";
import * as me from "@/app/v2/users/me/route";
import * as users from "@/app/v2/users/route";
import { forgetCallers } from "@/lib/accounts/caller-cache";
import { addRoles, makePerson, makePlace, makeSession, OWNER, type Person, type Place } from "@/lib/testing/callers";
import { useDatabase } from "@/lib/testing/database";
import { call } from "@/lib/testing/http";

/** Who answers for people sees where they are signed in and signs them out (SECURITY SES-2). */

const database = useDatabase();
type Auth = Record<string, string>;
let place: Place;
let owner: Person;
let admin: Person;
let operator: Person;
let stranger: Person;

beforeAll(async () => {
  place = await makePlace();
  owner = await makePerson(place, OWNER);
  admin = await makePerson(place, { tenant: "admin", workspace: "owner" });
  operator = await makePerson(null, { operator: true });
  stranger = await makePerson(await makePlace(), OWNER);
});
beforeEach(() => forgetCallers());

const list = (as: Auth, id: string) => call(sessions.GET, { as, params: { id } });
const endAll = (as: Auth, id: string) => call(sessions.DELETE, { method: "DELETE", as, params: { id } });
const end = (as: Auth, id: string, sessionId: string) =>
  call(session.DELETE, { method: "DELETE", as, params: { id, sessionId } });
const alive = async (as: Auth) => (await call(me.GET, { as })).status;
const people = (as: Auth, query = "") => call(users.GET, { as, url: `/v2/users${query}` });
const emails = (body: { data: { attributes: { email: string } }[] }) => body.data.map((row) => row.attributes.email);

describe("sessions of others", () => {
  test.each([
    ["the tenant's owner", () => owner.basic],
    ["the operator", () => operator.basic],
    ["the tenant's owner in a browser", () => makeSession(owner.id)],
  ])("%s lists and ends a member's, and it is on record", async (_who, auth) => {
    const as = await auth();
    const member = await makePerson(place, { workspace: "guest" });
    const [one, two, three] = [
      await makeSession(member.id),
      await makeSession(member.id),
      await makeSession(member.id),
    ];
    const seen = await list(as, member.id);
    expect(seen.status).toBe(200);
    expect(seen.body.data).toHaveLength(3);
    expect(seen.body.data[0]).toMatchObject({ type: "session", attributes: { current: false, user_agent: "test" } });
    const [row] = await database.owner<
      { id: string }[]
    >`select id from sessions where user_id = ${member.id} order by created_at, id`;
    expect((await end(as, member.id, row?.id ?? "")).status).toBe(204);
    expect((await list(as, member.id)).body.data).toHaveLength(2);
    expect((await end(as, member.id, row?.id ?? "")).status).toBe(404);
    expect((await endAll(as, member.id)).status).toBe(204);
    for (const dead of [one, two, three]) expect(await alive(dead)).toBe(401);
    expect(await alive(member.basic)).toBe(200);
    const entries = await database.owner`select action, target_type from audit_entries where outcome = 'allowed' and
      (target_id = ${member.id} or target_id = ${row?.id ?? ""}) order by id`;
    expect(entries.map((entry) => `${entry.action} ${entry.target_type}`).sort()).toEqual([
      "session.delete session",
      "session.delete user",
      "session.list user",
      "session.list user",
    ]);
  });

  test("an owner of the tenant reaches its members only; others not even that", async () => {
    const target = await makePerson(place, { workspace: "guest" });
    const here = await makeSession(target.id);
    const there = await makeSession(stranger.id);
    for (const ask of [list, endAll]) {
      expect((await ask(owner.basic, stranger.id)).status).toBe(404);
      expect((await ask(owner.basic, "0123456789abcdef01234567")).status).toBe(404);
      expect((await ask(owner.basic, "../x")).status).toBe(404);
      expect((await ask(admin.basic, target.id)).status).toBe(403);
      expect((await ask(target.basic, owner.id)).status).toBe(403);
      expect((await ask(stranger.basic, target.id)).status).toBe(404);
    }
    const [foreign] = await database.owner<{ id: string }[]>`select id from sessions where user_id = ${stranger.id}`;
    expect((await end(owner.basic, target.id, foreign?.id ?? "")).status).toBe(404);
    expect([await alive(here), await alive(there)]).toEqual([200, 200]);
  });

  test("ending them needs a sign-in of the last ten minutes and our own origin", async () => {
    const target = await makePerson(place, { workspace: "guest" });
    const here = await makeSession(target.id);
    const old = await makeSession(owner.id, new Date(Date.now() - 11 * 60_000));
    const [row] = await database.owner<{ id: string }[]>`select id from sessions where user_id = ${target.id}`;
    for (const answer of [await endAll(old, target.id), await end(old, target.id, row?.id ?? "")])
      expect(answer.body.errors[0]).toMatchObject({ status: "403", code: "reauth_required" });
    const { origin: _own, ...bare } = await makeSession(owner.id);
    expect((await endAll(bare as Auth, target.id)).status).toBe(403);
    expect(await alive(here)).toBe(200);
  });

  test("whoever ends all of their own stays where they are", async () => {
    const [here, there] = [await makeSession(owner.id), await makeSession(owner.id)];
    expect((await endAll(here, owner.id)).status).toBe(204);
    expect([await alive(here), await alive(there)]).toEqual([200, 401]);
  });
});

describe("GET /v2/users", () => {
  test("the tenant's people with their roles there, page by page", async () => {
    const own = await makePlace();
    const boss = await makePerson(own, OWNER, { email: "a@people.example" });
    await makePerson(own, { workspace: "guest" }, { email: "b@people.example" });
    await addRoles(stranger.id, own, { contract: "member" });
    const { status, body } = await people(boss.basic, `?tenant_id=${own.tenantId}`);
    expect(status).toBe(200);
    expect(body.meta).toEqual({ page: 1, per_page: 50, total: 3, total_pages: 1 });
    expect(emails(body)).toEqual(["a@people.example", "b@people.example", stranger.email]);
    expect(body.data[1].attributes.roles).toEqual([{ role: "guest", scope: "workspaces", id: own.workspaceId }]);
    // Of a person of two tenants only the roles in this one.
    expect(body.data[2].attributes.roles).toEqual([{ role: "member", scope: "contracts", id: own.contractId }]);
    const second = await people(boss.basic, `?tenant_id=${own.tenantId}&page[size]=2&page[number]=2`);
    expect(emails(second.body)).toEqual([stranger.email]);
    expect((await people(boss.basic, `?tenant_id=${own.tenantId}&page[number]=9`)).body.data).toEqual([]);
    expect((await people(boss.basic, `?tenant_id=${place.tenantId}`)).status).toBe(404);
  });

  test("everybody, for the operator alone", async () => {
    const { body } = await people(operator.basic, "?page[size]=2");
    expect(body.data).toHaveLength(2);
    const [row] = await database.owner`select count(*)::int as n from users`;
    expect(body.meta.total).toBe(row?.n);
    expect((await people(owner.basic)).status).toBe(403);
    expect((await people(admin.basic, `?tenant_id=${place.tenantId}`)).status).toBe(200);
  });

  test("GET /v2/tenants says what may be done where", async () => {
    const { body } = await call(tenants.GET, { as: owner.basic });
    expect(Object.keys(body.meta.permissions)).toEqual([place.tenantId]);
    expect(body.meta.permissions[place.tenantId]).toContain("tenants.user.end_sessions");
    const ruler = await call(tenants.GET, { as: operator.basic });
    expect(ruler.body.meta.permissions["0".repeat(24)]).toContain("tenants.user.list_all");
    expect((await call(tenants.GET, { as: admin.basic })).body.meta.permissions[place.tenantId]).not.toContain(
      "tenants.user.end_sessions",
    );
  });
});
