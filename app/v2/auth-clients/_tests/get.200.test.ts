import { expect, test } from "vitest";
import { call, make, makeComponent, makeSecretRow, oauth2Body, placedAt, useWorld } from "./world";

const world = useWorld();
const idsOf = (answer: { body: { data: { id: string }[] } }) => answer.body.data.map((one) => one.id);

test("each scope parameter shows its own level and those above; none shows global only", async () => {
  const { place, owner, operator } = world;
  const ids = {
    global: await make(operator.basic, oauth2Body()),
    tenant: await make(owner.basic, oauth2Body(placedAt(place, "tenant"))),
    contract: await make(owner.basic, oauth2Body(placedAt(place, "contract"))),
    workspace: await make(owner.basic, oauth2Body(placedAt(place, "workspace"))),
  };
  const seen = async (query: string) => {
    const answer = await call.list(owner.basic, query);
    expect(answer.body.meta).toEqual({});
    return idsOf(answer);
  };
  expect(await seen(`?workspace_id=${place.workspaceId}`)).toEqual(Object.values(ids));
  expect(await seen(`?contract_id=${place.contractId}`)).toEqual([ids.global, ids.tenant, ids.contract]);
  expect(await seen(`?tenant_id=${place.tenantId}`)).toEqual([ids.global, ids.tenant]);
  expect(await seen("")).toEqual([ids.global]);
  expect(idsOf(await call.list(world.stranger.basic, `?workspace_id=${world.foreign.workspaceId}`))).toEqual([
    ids.global,
  ]);
});

test("a task identity has its workspace as default; a person is told which parameter to add", async () => {
  const { place, owner, task, integrator, stranger } = world;
  const id = await make(owner.basic, oauth2Body(placedAt(place, "contract")));
  expect((await call.get(task, id)).body.data.id).toBe(id);
  expect((await call.get(task, id)).body.data.attributes).not.toHaveProperty("credentials");
  expect(idsOf(await call.list(task))).toContain(id);
  for (const person of [owner, integrator]) {
    const answer = await call.get(person.basic, id);
    expect(answer.status).toBe(403);
    expect(answer.body.errors[0].detail).toContain("contract_id");
  }
  expect((await call.get(stranger.basic, id)).status).toBe(404);
  expect((await call.get(integrator.basic, id, `?workspace_id=${place.workspaceId}`)).status).toBe(200);
  expect((await call.get(integrator.basic, id, `?contract_id=${place.contractId}`)).status).toBe(403);
});

test("a global client is seen by everybody who may see clients, without credentials", async () => {
  const id = await make(world.operator.basic, oauth2Body());
  const answer = await call.get(world.guest.basic, id);
  expect(answer.status).toBe(200);
  expect(answer.body.data.attributes).not.toHaveProperty("credentials");
  expect((await call.get(world.operator.basic, id)).body.data.attributes.credentials.client_secret).toBeTruthy();
});

test("two scope parameters, unknown parameters and an unknown type are 400", async () => {
  const { place, owner } = world;
  for (const query of [
    `?workspace_id=${place.workspaceId}&tenant_id=${place.tenantId}`,
    `?workspace_id=${place.workspaceId}&workspace_id=${world.foreign.workspaceId}`,
    "?page=1",
    "?filter[type]=nonsense",
  ])
    expect([query, (await call.list(owner.basic, query)).status]).toEqual([query, 400]);
});

test("filter[component] gives those that name it and those that name none; filter[type] narrows", async () => {
  const { place, owner, database } = world;
  const component = await makeComponent(database, place);
  const other = await makeComponent(database, place);
  const naming = (id: string) => ({
    ...placedAt(place, "workspace"),
    components: { data: [{ id, type: "component" }] },
  });
  const mine = await make(owner.basic, oauth2Body(naming(component)));
  const theirs = await make(owner.basic, oauth2Body(naming(other)));
  const anybodys = await make(owner.basic, oauth2Body(placedAt(place, "workspace")));
  for (const name of ["filter[component]", "filter%5Bcomponent%5D"]) {
    const ids = idsOf(await call.list(owner.basic, `?workspace_id=${place.workspaceId}&${name}=${component}`));
    expect(ids).toContain(mine);
    expect(ids).toContain(anybodys);
    expect(ids).not.toContain(theirs);
  }
  expect(idsOf(await call.list(owner.basic, `?workspace_id=${place.workspaceId}&filter[type]=basic`))).toEqual([]);
});

test("used_by counts the secrets at or below the place; usage names those the caller may see", async () => {
  const { place, owner, integrator, database } = world;
  const id = await make(owner.basic, oauth2Body(placedAt(place, "tenant")));
  const secret = await makeSecretRow(database, place, { tenantId: place.tenantId, id }, "Mail of Ann");
  const one = await call.get(owner.basic, id, `?workspace_id=${place.workspaceId}`);
  expect(one.body.data.attributes.used_by).toBe(1);
  const usage = await call.usage(integrator.basic, id, `?workspace_id=${place.workspaceId}`);
  expect(usage.body.data).toMatchObject([
    {
      id: secret,
      type: "auth-client-usage",
      attributes: { name: "Mail of Ann" },
      relationships: { workspace: { data: { id: place.workspaceId } } },
    },
  ]);
  expect(usage.body.meta).toEqual({});
  expect((await call.usage(owner.basic, id, `?tenant_id=${place.tenantId}`)).body.meta).toEqual({ total: 1 });
});
