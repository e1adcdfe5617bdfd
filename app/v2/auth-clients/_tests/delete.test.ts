import { expect, test } from "vitest";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { clientVisibleFrom } from "@/lib/auth-clients/service";
import { inTenant } from "@/lib/db/tx";
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
