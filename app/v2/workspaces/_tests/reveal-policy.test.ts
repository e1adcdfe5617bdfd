import { beforeAll, describe, expect, test } from "vitest";
import { GET as GET_TENANT, PATCH as PATCH_TENANT } from "@/app/v2/tenants/[id]/route";
import { GET as GET_TENANTS } from "@/app/v2/tenants/route";
import { POST as REVEAL } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/reveal/route";
import { GET, PATCH } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { GET as LIST, POST } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import type { RevealPolicy } from "@/lib/access/reveal-policy";
import {
  addWorkspace,
  makePerson,
  makePlace,
  makeSession,
  OWNER,
  type Person,
  type Place,
} from "@/lib/testing/callers";
import { useDatabase } from "@/lib/testing/database";
import { call } from "@/lib/testing/http";
import { lockTable, untilSomebodyWaits } from "@/lib/testing/lock-table";

/** Whether values may be shown to people, decided by tenant and by secret; the stricter counts (SECURITY VAL-2). */
const database = useDatabase();
type Auth = Record<string, string>;
let place: Place;
let owner: Person;
let session: Auth;
let stale: Auth;
let count = 0;

beforeAll(async () => {
  place = await makePlace();
  owner = await makePerson(place, OWNER);
  session = await makeSession(owner.id);
  stale = await makeSession(owner.id, new Date(Date.now() - 11 * 60_000));
});

async function add(reveal?: RevealPolicy): Promise<string> {
  const attributes = {
    name: `Policy ${++count}`,
    type: "basic",
    credentials: { username: "u", password: `p${count}` },
  };
  const answer = await call(POST, {
    method: "POST",
    params: { workspaceId: place.workspaceId },
    as: owner.basic,
    json: { data: { type: "auth-secret", attributes: { ...attributes, ...(reveal ? { reveal } : {}) } } },
  });
  expect(answer.status).toBe(201);
  return answer.body.data.id;
}

const params = (secretId: string) => ({ workspaceId: place.workspaceId, secretId });
const read = (id: string, as: Auth = session) => call(GET, { params: params(id), as });
const show = (id: string, as: Auth) =>
  call(REVEAL, { method: "POST", params: params(id), as, json: { field: "password" } });
const edit = (id: string, reveal: unknown, as: Auth = owner.basic) =>
  call(PATCH, {
    method: "PATCH",
    params: params(id),
    as,
    json: { data: { type: "auth-secret", attributes: { reveal } } },
  });
const tenant = (reveal: unknown, as: Auth = owner.basic, id = place.tenantId) =>
  call(PATCH_TENANT, {
    method: "PATCH",
    params: { id },
    as,
    json: { data: { type: "tenant", id, attributes: { reveal } } },
  });
const entries = (id: string, action: string) =>
  database.owner`select outcome, detail from audit_entries where target_id = ${id} and action = ${action} order by id`;

describe("POST reveal", () => {
  const table = (["step_up", "never"] as const).flatMap((ofTenant) =>
    (["step_up", "never"] as const).map((ofSecret) => ({ ofTenant, ofSecret })),
  );

  test.each(table)("tenant $ofTenant, secret $ofSecret", async ({ ofTenant, ofSecret }) => {
    const id = await add(ofSecret);
    expect((await tenant(ofTenant)).body.data.attributes.reveal).toBe(ofTenant);
    const never = ofTenant === "never" || ofSecret === "never";
    const seen = (await read(id)).body.data.attributes;
    expect([seen.reveal, seen.reveal_effective]).toEqual([ofSecret, never ? "never" : "step_up"]);
    for (const as of [session, owner.basic]) {
      const answer = await show(id, as);
      if (!never) {
        expect([answer.status, answer.body.data.attributes.value]).toEqual([200, `p${count}`]);
        continue;
      }
      expect(answer.status).toBe(403);
      expect(answer.body.errors[0].code).toBe("reveal_forbidden");
      expect(answer.body.errors[0].detail).toMatch(ofSecret === "never" ? /may edit the secret/ : /tenant's owner/);
      expect(JSON.stringify(answer.body)).not.toContain(`p${count}`);
    }
    // One entry for each that asked, and none says that a value left.
    const outcome = never ? "denied" : "allowed";
    expect((await entries(id, "secret.revealed")).map((entry) => entry.outcome)).toEqual([outcome, outcome]);
    const [shown] = await database.owner`
      select count(*)::int as n from secret_events where secret_id = ${id} and event = 'revealed'`;
    expect(shown?.n).toBe(never ? 0 : 2);
    // What the contract gives to keys stays as it is, in lists, too.
    expect((await read(id, owner.basic)).body.data.attributes.credentials.password).toBe(`p${count}`);
    const list = await call(LIST, { params: { workspaceId: place.workspaceId }, as: session });
    const listed = list.body.data.find((one: { id: string }) => one.id === id).attributes;
    expect([listed.reveal, listed.reveal_effective]).toEqual([ofSecret, never ? "never" : "step_up"]);
  });

  test.each(table.filter(({ ofTenant, ofSecret }) => ofTenant === "never" || ofSecret === "never"))(
    "tenant $ofTenant, secret $ofSecret: a sign-in of long ago is told so at once, and it is on record",
    async ({ ofTenant, ofSecret }) => {
      const id = await add(ofSecret);
      await tenant(ofTenant);
      const answer = await show(id, stale);
      expect([answer.status, answer.body.errors[0].code]).toEqual([403, "reveal_forbidden"]);
      expect(await entries(id, "secret.revealed")).toEqual([{ outcome: "denied", detail: { field: "password" } }]);
    },
  );

  test("what is never shown is told without end, and counts for nothing", async () => {
    await tenant("step_up");
    const id = await add("never");
    const person = await makePerson(place, OWNER);
    const as = await makeSession(person.id);
    for (let i = 0; i < 31; i++) expect((await show(id, as)).body.errors[0].code).toBe("reveal_forbidden");
    expect((await show(await add(), as)).status).toBe(200);
  });

  test("what becomes never while it is asked for is not shown, and on record as denied", async () => {
    await tenant("step_up");
    const id = await add();
    const secret = `p${count}`;
    const release = await lockTable(database.owner, "sign_in_failures");
    const asked = show(id, session);
    try {
      await untilSomebodyWaits(database.owner);
      await database.owner`update secrets set reveal = 'never' where id = ${id}`;
    } finally {
      await release();
    }
    const answer = await asked;
    expect([answer.status, answer.body.errors?.[0].code]).toEqual([403, "reveal_forbidden"]);
    expect(JSON.stringify(answer.body)).not.toContain(secret);
    expect((await entries(id, "secret.revealed")).map((entry) => entry.outcome)).toEqual(["denied"]);
  });

  test("a tenant's policy is that of its secrets alone", async () => {
    await tenant("step_up");
    const elsewhere = await makePlace();
    const stranger = await makePerson(elsewhere, OWNER);
    expect((await tenant("never", stranger.basic, elsewhere.tenantId)).status).toBe(200);
    expect((await show(await add(), owner.basic)).status).toBe(200);
  });
});

describe("the secret's policy", () => {
  beforeAll(async () => {
    await tenant("step_up");
  });

  test("is step_up unless said; only one of both is taken, and a refused one changes nothing", async () => {
    const id = await add();
    for (const wrong of ["always", "", null, true, ["never"]]) {
      const answer = await edit(id, wrong);
      expect([answer.status, answer.body.errors[0].source.pointer]).toEqual([400, "/data/attributes/reveal"]);
      const made = await call(POST, {
        method: "POST",
        params: { workspaceId: place.workspaceId },
        as: owner.basic,
        json: {
          data: { type: "auth-secret", attributes: { name: "Wrong", type: "noauth", credentials: {}, reveal: wrong } },
        },
      });
      expect([made.status, made.body.errors[0].source.pointer]).toEqual([400, "/data/attributes/reveal"]);
    }
    expect((await read(id)).body.data.attributes.reveal).toBe("step_up");
  });

  test("tightening takes any sign-in, letting go a recent one; both are on record with before and after", async () => {
    const id = await add();
    expect((await edit(id, "never", stale)).body.data.attributes.reveal_effective).toBe("never");
    // The same again lets nothing go.
    expect((await edit(id, "never", stale)).status).toBe(200);
    const refused = await edit(id, "step_up", stale);
    expect([refused.status, refused.body.errors[0].code]).toEqual([403, "reauth_required"]);
    expect((await read(id)).body.data.attributes.reveal).toBe("never");
    expect((await edit(id, "step_up", session)).body.data.attributes.reveal).toBe("step_up");
    await edit(id, "never");
    // A key has no sign-in to be recent.
    expect((await edit(id, "step_up", owner.basic)).status).toBe(200);
    expect((await entries(id, "secret.edited")).map(({ detail }) => detail)).toEqual(
      [
        ["step_up", "never"],
        ["never", "never"],
        ["never", "step_up"],
        ["step_up", "never"],
        ["never", "step_up"],
      ].map(([reveal_before, reveal_after]) => ({ members: ["reveal"], reveal_before, reveal_after })),
    );
  });

  test("what is never by the time it is changed is not let go by a sign-in of long ago", async () => {
    const id = await add();
    let asked: ReturnType<typeof edit> | undefined;
    await database.owner.begin(async (sql) => {
      await sql`update secrets set reveal = 'never' where id = ${id}`;
      asked = edit(id, "step_up", stale);
      await untilSomebodyWaits(database.owner);
    });
    const refused = await asked;
    expect([refused?.status, refused?.body.errors?.[0].code]).toEqual([403, "reauth_required"]);
    expect((await read(id)).body.data.attributes.reveal).toBe("never");
  });

  test("an edit that does not name it leaves it, and takes any sign-in", async () => {
    const id = await add("never");
    const json = { data: { type: "auth-secret", attributes: { name: `Renamed ${++count}` } } };
    const renamed = await call(PATCH, { method: "PATCH", params: params(id), as: stale, json });
    expect([renamed.status, renamed.body.data.attributes.reveal]).toEqual([200, "never"]);
  });

  test("is for who may edit the secret", async () => {
    const id = await add("never");
    const guest = await makePerson(place, { workspace: "guest" });
    expect((await edit(id, "step_up", guest.basic)).status).toBe(403);
    expect((await read(id)).body.data.attributes.reveal).toBe("never");
  });
});

describe("the tenant's policy", () => {
  test("is shown with the tenant, changed by a recent sign-in, and on record", async () => {
    await database.owner`update tenants set reveal = 'step_up' where tenant_id = ${place.tenantId}`;
    const one = (as: Auth) => call(GET_TENANT, { params: { id: place.tenantId }, as });
    const before = (await entries(place.tenantId, "tenant.edit")).length;
    for (const reveal of ["never", "step_up"]) {
      const refused = await tenant(reveal, stale);
      expect([refused.status, refused.body.errors[0].code]).toEqual([403, "reauth_required"]);
    }
    expect((await one(stale)).body.data.attributes.reveal).toBe("step_up");
    expect((await tenant("never", session)).body.data.attributes.reveal).toBe("never");
    expect((await one(session)).body.data.attributes.reveal).toBe("never");
    expect((await tenant(undefined, session)).body.data.attributes.reveal).toBe("never");
    expect((await tenant("step_up")).status).toBe(200);
    const made = (await entries(place.tenantId, "tenant.edit")).slice(before);
    expect(made.map(({ detail }) => detail)).toEqual([
      { reveal_before: "step_up", reveal_after: "never" },
      { reveal_before: "never", reveal_after: "step_up" },
    ]);
  });

  test.each(["always", null, 1])("%s is refused where it stands", async (wrong) => {
    const answer = await tenant(wrong);
    expect([answer.status, answer.body.errors[0].source.pointer]).toEqual([400, "/data/attributes/reveal"]);
  });

  test("another id in the body, another type, another attribute: 400", async () => {
    for (const [pointer, data] of [
      ["/data/id", { type: "tenant", id: place.contractId, attributes: {} }],
      ["/data/type", { type: "workspace", attributes: {} }],
      ["/data/attributes/name", { type: "tenant", attributes: { name: "x" } }],
    ] as const) {
      const answer = await call(PATCH_TENANT, {
        method: "PATCH",
        params: { id: place.tenantId },
        as: owner.basic,
        json: { data },
      });
      expect([answer.status < 500 && answer.status >= 400, answer.body.errors[0].source.pointer]).toEqual([
        true,
        pointer,
      ]);
    }
  });

  test("is the tenant's owner's: not its admin's, nor a workspace owner's, nor the operator's", async () => {
    const other = { ...place, workspaceId: await addWorkspace(place) };
    const admin = await makePerson(other, { tenant: "admin", contract: "owner", workspace: "owner" });
    const operator = await makePerson(null, { operator: true });
    expect((await tenant("never", admin.basic)).status).toBe(403);
    expect((await tenant("never", operator.basic)).status).toBe(404);
    expect((await tenant("never", operator.basic, "0".repeat(24))).status).toBe(404);
    const mine = await call(GET_TENANTS, { as: operator.basic });
    const known = mine.body.data.find((one: { id: string }) => one.id === place.tenantId);
    expect(known.attributes.reveal).toBe("step_up");
    expect(Object.values(mine.body.meta.permissions).flat()).not.toContain("tenants.tenant.edit");
    const all = await call(GET_TENANTS, { as: owner.basic });
    expect(all.body.meta.permissions[place.tenantId]).toContain("tenants.tenant.edit");
  });
});

test("no other policy can be stored", async () => {
  const id = await add();
  await expect(database.owner`update secrets set reveal = 'always' where id = ${id}`).rejects.toThrow(/secrets_reveal/);
  await expect(
    database.owner`update tenants set reveal = 'always' where tenant_id = ${place.tenantId}`,
  ).rejects.toThrow(/tenants_reveal/);
});
