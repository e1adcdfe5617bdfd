import { expect, test } from "vitest";
import { clientVisibleFrom } from "@/lib/auth-clients/service";
import { inTenant } from "@/lib/db/tx";
import { newId } from "@/lib/ids";
import { makePerson, OWNER } from "@/lib/testing/callers";
import { addWorkspace, CREDENTIALS, call, make, oauth2Body, placedAt, useWorld } from "./world";

const world = useWorld();

test("who may not create: 403 inside the reach, 404 outside, each recorded as denied", async () => {
  const { place, foreign, guest, integrator, owner, task } = world;
  expect((await call.create(guest.basic, oauth2Body(placedAt(place, "workspace")))).status).toBe(403);
  expect((await call.create(task, oauth2Body(placedAt(place, "workspace")))).status).toBe(403);
  for (const level of ["contract", "tenant"] as const)
    expect((await call.create(integrator.basic, oauth2Body(placedAt(place, level)))).status).toBe(403);
  expect((await call.create(owner.basic, oauth2Body())).status).toBe(403);
  for (const level of ["workspace", "contract", "tenant"] as const) {
    expect((await call.create(owner.basic, oauth2Body(placedAt(foreign, level)))).status).toBe(404);
    const nobody = { workspaceId: newId(), contractId: newId(), tenantId: newId() };
    expect((await call.create(owner.basic, oauth2Body(placedAt(nobody, level)))).status).toBe(404);
  }
  const [denied] = await world.database.owner<{ n: number }[]>`
    select count(*)::int as n from audit_entries where outcome = 'denied'`;
  expect(denied?.n).toBeGreaterThanOrEqual(11);
});

test("no caller at all is 401", async () => {
  expect((await call.list({})).status).toBe(401);
  expect((await call.create({}, oauth2Body())).status).toBe(401);
});

test("a client of another tenant answers as one that does not exist, for every verb", async () => {
  const { foreign, stranger, owner } = world;
  const id = await make(stranger.basic, oauth2Body(placedAt(foreign, "tenant")));
  const bare = (answer: { status: number; body: { errors: Record<string, unknown>[] } }) => [
    answer.status,
    answer.body.errors.map(({ id: _request, ...rest }) => rest),
  ];
  const query = `?workspace_id=${world.place.workspaceId}`;
  for (const ask of [
    (which: string) => call.get(owner.basic, which),
    (which: string) => call.get(owner.basic, which, query),
    (which: string) => call.usage(owner.basic, which),
    (which: string) => call.patch(owner.basic, which, { attributes: { name: "x" } }),
    (which: string) => call.remove(owner.basic, which),
  ]) {
    const there = bare(await ask(id));
    expect(there[0]).toBe(404);
    expect(there).toEqual(bare(await ask(newId())));
    expect(there).toEqual(bare(await ask("no-id-at-all")));
  }
  expect((await call.get(stranger.basic, id, `?tenant_id=${foreign.tenantId}`)).status).toBe(200);
});

test("a workspace's client is its own: no other workspace of the contract lists it, reads it or uses it", async () => {
  const { place, owner, integrator } = world;
  const beside = { ...place, workspaceId: await addWorkspace(place) };
  const theirs = await make((await makePerson(beside, OWNER)).basic, oauth2Body(placedAt(beside, "workspace")));
  const query = `?workspace_id=${place.workspaceId}`;
  for (const { basic } of [integrator, owner]) {
    const list = await call.list(basic, query);
    expect(list.status).toBe(200);
    expect(list.body.data.map((one: { id: string }) => one.id)).not.toContain(theirs);
    expect((await call.get(basic, theirs, query)).status).toBe(404);
  }
  const inPlace = { kind: "workspace" as const, ...place };
  expect(await inTenant(place.tenantId, (tx) => clientVisibleFrom(tx, inPlace, theirs))).toBeNull();
});

test("higher clients are usable below, but neither shown in full nor editable there", async () => {
  const { place, integrator, owner, operator } = world;
  const ids = {
    tenant: await make(owner.basic, oauth2Body(placedAt(place, "tenant"))),
    contract: await make(owner.basic, oauth2Body(placedAt(place, "contract"))),
    workspace: await make(owner.basic, oauth2Body(placedAt(place, "workspace"))),
    global: await make(operator.basic, oauth2Body()),
  };
  const list = await call.list(integrator.basic, `?workspace_id=${place.workspaceId}`);
  const found = (id: string) => list.body.data.find((one: { id: string }) => one.id === id);
  for (const level of ["tenant", "contract", "global"] as const) {
    expect(found(ids[level]).attributes).not.toHaveProperty("credentials");
    expect((await call.patch(integrator.basic, ids[level], { attributes: { name: "mine" } })).status).toBe(403);
    expect((await call.remove(integrator.basic, ids[level])).status).toBe(403);
  }
  expect(found(ids.workspace).attributes.credentials).toMatchObject(CREDENTIALS);
});

test("a session never gets a client secret: not by list, get, create or patch", async () => {
  const { place, ownerSession } = world;
  const texts: string[] = [];
  const created = await call.create(
    ownerSession,
    oauth2Body(placedAt(place, "workspace"), { client_secret: "sentinel-8f2c" }),
  );
  expect(created.status).toBe(201);
  const id = created.body.data.id as string;
  texts.push(JSON.stringify(created.body));
  const query = `?workspace_id=${place.workspaceId}`;
  const got = await call.get(ownerSession, id, query);
  expect(got.body.data.attributes).toMatchObject({
    has_client_secret: true,
    credentials: { client_id: CREDENTIALS.client_id },
  });
  texts.push(JSON.stringify(got.body));
  texts.push(JSON.stringify((await call.list(ownerSession, query)).body));
  texts.push(
    JSON.stringify(
      (await call.patch(ownerSession, id, { attributes: { credentials: { client_secret: "sentinel-8f2c-2" } } })).body,
    ),
  );
  const free = await call.create(ownerSession, {
    data: {
      type: "auth-client",
      attributes: { type: "api_key", name: "k", credentials: { value: "sentinel-8f2c" } },
      relationships: placedAt(place, "workspace"),
    },
  });
  expect(free.body.data.attributes).not.toHaveProperty("credentials");
  texts.push(JSON.stringify(free.body));
  for (const text of texts) expect(text).not.toContain("sentinel-8f2c");
});

test("what shows credentials to a key is in the audit trail before the answer, and a session's look is not", async () => {
  const { place, owner, ownerSession, database } = world;
  const id = await make(owner.basic, oauth2Body(placedAt(place, "workspace")));
  const query = `?workspace_id=${place.workspaceId}`;
  const reads = () =>
    database.owner`select * from audit_entries where action = 'auth_clients.get_credentials' and target_id = ${id}`;
  await call.get(ownerSession, id, query);
  expect(await reads()).toHaveLength(0);
  await call.get(owner.basic, id, query);
  expect(await reads()).toHaveLength(1);
});

test("a broken envelope hides one client's credentials, not the list", async () => {
  const { place, owner, database } = world;
  const id = await make(owner.basic, oauth2Body(placedAt(place, "workspace")));
  await database.owner`update auth_clients set sealed = set_byte(sealed, 100, get_byte(sealed, 100) # 1) where id = ${id}`;
  const list = await call.list(owner.basic, `?workspace_id=${place.workspaceId}`);
  expect(list.status).toBe(200);
  const one = list.body.data.find((row: { id: string }) => row.id === id);
  expect(one.attributes.problem).toMatchObject({ code: "integrity_failure" });
  expect(one.attributes).not.toHaveProperty("credentials");
});
