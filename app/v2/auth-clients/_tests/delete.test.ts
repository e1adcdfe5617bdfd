import { expect, test } from "vitest";
import { POST as SECRETS } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { clientVisibleFrom } from "@/lib/auth-clients/service";
import { inTenant } from "@/lib/db/tx";
import { makePerson, makePlace, OWNER } from "@/lib/testing/callers";
import { call as answerOf } from "@/lib/testing/http";
import { lockTable, untilSomebodyWaits } from "@/lib/testing/lock-table";
import { addWorkspace, call, make, makeSecretRow, oauth2Body, placedAt, useWorld } from "./world";

const world = useWorld();

test("204 with an empty body, then 404; its redirect name is free again", async () => {
  const { place, owner } = world;
  const body = oauth2Body(placedAt(place, "workspace"), { redirect_uri_per: "client" }, "Once");
  const id = await make(owner.basic, body);
  const answer = await call.remove(owner.basic, id);
  expect([answer.status, answer.body]).toEqual([204, null]);
  expect((await call.remove(owner.basic, id)).status).toBe(404);
  const again = await call.create(owner.basic, body);
  expect(again.body.data.attributes.redirect_uri).toContain("/once.");
});

test("in use: 409 names the secrets the caller may see and counts the others", async () => {
  const { place, owner, database } = world;
  const id = await make(owner.basic, oauth2Body(placedAt(place, "tenant")));
  await makeSecretRow(database, place, { tenantId: place.tenantId, id }, "Visible one");
  const hidden = { ...place, workspaceId: await addWorkspace(place) };
  await makeSecretRow(database, hidden, { tenantId: place.tenantId, id }, "Hidden one");
  const { status, body } = await call.remove(owner.basic, id);
  expect(status).toBe(409);
  expect(body.errors[0].code).toBe("in_use");
  expect(body.errors[0].detail).toContain("Visible one");
  expect(body.errors[0].detail).not.toContain("Hidden one");
  expect(body.errors[0].detail).toContain("1 of them in workspaces whose secrets you cannot see");
  expect((await call.get(owner.basic, id, `?tenant_id=${place.tenantId}`)).status).toBe(200);
});

test("a global client used by any tenant is not deleted, and no name of a tenant is told", async () => {
  const { place, operator, database } = world;
  const id = await make(operator.basic, oauth2Body());
  await makeSecretRow(database, place, { tenantId: INSTANCE_TENANT, id }, "Tenant secret");
  const { status, body } = await call.remove(operator.basic, id);
  expect(status).toBe(409);
  expect(body.errors[0].detail).not.toContain("Tenant secret");
  await database.owner`delete from secrets where auth_client_id = ${id}`;
  expect((await call.remove(operator.basic, id)).status).toBe(204);
});

test("deletion waits for whoever is about to use the client, and then sees the use", async () => {
  const { place, owner, database } = world;
  const id = await make(owner.basic, oauth2Body(placedAt(place, "workspace")));
  let deletion: ReturnType<typeof call.remove> | undefined;
  await inTenant(place.tenantId, async (tx) => {
    expect(await clientVisibleFrom(tx, { kind: "workspace", ...place }, id)).not.toBeNull();
    deletion = call.remove(owner.basic, id);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await makeSecretRow(database, place, { tenantId: place.tenantId, id }, "In between");
  });
  expect((await deletion)?.status).toBe(409);
});

test("no secret is born of a client that is deleted meanwhile", async () => {
  const { operator, database } = world;
  // Its first value needs the tenant's first key, at which it can be held.
  const place = await makePlace();
  const person = await makePerson(place, OWNER);
  const id = await make(operator.basic, oauth2Body());
  const release = await lockTable(database.owner, "tenant_keys");
  const asked = answerOf(SECRETS, {
    method: "POST",
    params: { workspaceId: place.workspaceId },
    as: person.basic,
    json: {
      data: {
        type: "auth-secret",
        attributes: { name: "Late", credentials: {} },
        relationships: { auth_client: { data: { id, type: "auth-client" } } },
      },
    },
  });
  try {
    await untilSomebodyWaits(database.owner);
    expect((await call.remove(operator.basic, id)).status).toBe(204);
  } finally {
    await release();
  }
  const { status, body } = await asked;
  expect([status, body.errors?.[0].source.pointer]).toEqual([400, "/data/relationships/auth_client/data/id"]);
  expect(await database.owner`select 1 from secrets where auth_client_id = ${id}`).toHaveLength(0);
});
