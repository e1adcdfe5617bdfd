import { expect, test } from "vitest";
import { noteClientOk, noteClientProblem, openOAuthClient } from "@/lib/auth-clients/service";
import { CREDENTIALS, call, make, makeComponent, oauth2Body, placedAt, useWorld } from "./world";

const world = useWorld();
const fresh = (credentials: Record<string, unknown> = {}) =>
  make(world.owner.basic, oauth2Body(placedAt(world.place, "workspace"), credentials));
const look = async (id: string) =>
  (await call.get(world.owner.basic, id, `?workspace_id=${world.place.workspaceId}`)).body.data;

test("oauth2 credentials merge: two keys sent, all six answered", async () => {
  const id = await fresh();
  const { status, body } = await call.patch(world.owner.basic, id, {
    id,
    attributes: { name: "Renamed", credentials: { client_secret: "new-secret", token_expires_in: 60 } },
  });
  expect(status).toBe(200);
  expect(body.data.attributes).toMatchObject({
    name: "Renamed",
    credentials: { ...CREDENTIALS, client_secret: "new-secret", token_expires_in: 60 },
  });
  expect((await openOAuthClient(world.place.tenantId, id))?.clientSecret?.reveal()).toBe("new-secret");
});

test("null clears an optional key or sets back its default; absent keeps", async () => {
  const id = await fresh({ resource: "https://api.example.com", pkce: "off", authorize_params: { prompt: "consent" } });
  const { body } = await call.patch(world.owner.basic, id, {
    attributes: { credentials: { resource: null, pkce: null, token_expires_in: null } },
  });
  const { credentials } = body.data.attributes;
  expect(credentials).not.toHaveProperty("resource");
  expect(credentials).toMatchObject({ pkce: "S256", token_expires_in: 3600, authorize_params: { prompt: "consent" } });
});

test("what decides where secrets go never changes: 400 with its pointer, nothing else changed either", async () => {
  const id = await fresh({ grant_type: "authorization_code" });
  const before = await look(id);
  for (const [name, value] of Object.entries({
    client_id: "other",
    auth_uri: "https://evil.example.com/a",
    token_uri: "https://evil.example.com/t",
    refresh_token_uri: "https://evil.example.com/r",
    revocation_uri: "https://evil.example.com/v",
    issuer: "https://evil.example.com",
    grant_type: "client_credentials",
    provider: "other",
    redirect_uri_per: "client",
  })) {
    const { status, body } = await call.patch(world.owner.basic, id, {
      attributes: { name: "changed?", credentials: { client_secret: "changed?", [name]: value } },
    });
    expect([name, status, body.errors[0].source]).toEqual([
      name,
      400,
      { pointer: `/data/attributes/credentials/${name}` },
    ]);
  }
  expect(
    (await call.patch(world.owner.basic, id, { attributes: { type: "basic" } })).body.errors[0].source.pointer,
  ).toBe("/data/attributes/type");
  const moved = await call.patch(world.owner.basic, id, { relationships: placedAt(world.place, "tenant") });
  expect([moved.status, moved.body.errors[0].source.pointer]).toEqual([400, "/data/relationships/tenant"]);
  expect((await call.patch(world.owner.basic, id, { id: "other" })).status).toBe(400);
  expect((await call.patch(world.owner.basic, id, { attributes: { credentials: { nonsense: 1 } } })).status).toBe(400);
  expect(
    (await call.patch(world.owner.basic, id, { attributes: { credentials: { client_secret: "********" } } })).status,
  ).toBe(400);
  expect((await call.patch(world.owner.basic, id, { type: "auth-secret" })).status).toBe(409);
  expect(await look(id)).toEqual(before);
});

test("sending back what was read changes nothing", async () => {
  const id = await fresh();
  const before = await look(id);
  const { type, name, credentials } = before.attributes;
  const { status } = await call.patch(world.owner.basic, id, { id, attributes: { type, name, credentials } });
  expect(status).toBe(200);
  const { updated_at: _then, ...left } = before.attributes;
  expect((await look(id)).attributes).toMatchObject(left);
});

test("other types replace their credentials whole", async () => {
  const id = await make(world.owner.basic, {
    data: {
      type: "auth-client",
      attributes: { type: "basic", name: "b", credentials: { a: 1, b: 2 } },
      relationships: placedAt(world.place, "workspace"),
    },
  });
  const { body } = await call.patch(world.owner.basic, id, { attributes: { credentials: { c: 3 } } });
  expect(body.data.attributes.credentials).toEqual({ c: 3 });
});

test("components are replaced, and those out of sight refused", async () => {
  const { owner, database, place, foreign } = world;
  const id = await fresh();
  const component = await makeComponent(database, place);
  const data = [{ id: component, type: "component" }];
  expect(
    (await call.patch(owner.basic, id, { relationships: { components: { data } } })).body.data.relationships.components,
  ).toEqual({ data });
  const stolen = [{ id: await makeComponent(database, foreign), type: "component" }];
  expect([400, 404]).toContain(
    (await call.patch(owner.basic, id, { relationships: { components: { data: stolen } } })).status,
  );
  expect((await look(id)).relationships.components).toEqual({ data });
  await call.patch(owner.basic, id, { relationships: { components: { data: [] } } });
  expect((await look(id)).relationships.components).toEqual({ data: [] });
});

test("a secret can only be taken from a public client, and a client made private needs one", async () => {
  const id = await fresh();
  const refused = await call.patch(world.owner.basic, id, { attributes: { credentials: { client_secret: null } } });
  expect([refused.status, refused.body.errors[0].source.pointer]).toEqual([
    400,
    "/data/attributes/credentials/client_secret",
  ]);
  const both = { client_secret: null, token_endpoint_auth_method: "none" };
  expect(
    (await call.patch(world.owner.basic, id, { attributes: { credentials: both } })).body.data.attributes
      .has_client_secret,
  ).toBe(false);
  const back = await call.patch(world.owner.basic, id, {
    attributes: { credentials: { token_endpoint_auth_method: null } },
  });
  expect(back.status).toBe(400);
});

test("an edit bumps the version and clears the refresher's verdict; a verdict about an older version is not written", async () => {
  const { place, owner, database } = world;
  const id = await fresh();
  const old = await openOAuthClient(place.tenantId, id);
  if (!old) throw new Error("not opened");
  // The refresher's claim looks at the column alone.
  const held = async () =>
    (await database.owner`select problem from auth_client_state where auth_client_id = ${id}`).map(
      (row) => row.problem,
    );
  const problem = {
    code: "client_rejected",
    title: "t",
    detail: "d",
    who: "admin",
    since: new Date().toISOString(),
  } as const;
  await noteClientProblem(old, problem, { probeAfterMs: 60_000 });
  expect((await look(id)).attributes.problem).toMatchObject({ code: "client_rejected" });
  expect((await openOAuthClient(place.tenantId, id))?.problem).toMatchObject({ code: "client_rejected" });
  await call.patch(owner.basic, id, { attributes: { credentials: { client_secret: "right" } } });
  expect((await look(id)).attributes.problem).toBeNull();
  expect(await held()).toEqual([null]);
  const now = await openOAuthClient(place.tenantId, id);
  expect(now).toMatchObject({ version: old.version + 1, problem: null, proven: false });
  await noteClientProblem(old, problem, { probeAfterMs: 60_000 });
  expect((await look(id)).attributes.problem).toBeNull();
  expect(await held()).toEqual([null]);
});

test("success clears a problem, teaches the method and proves the version; said again it writes nothing", async () => {
  const { place, database } = world;
  const id = await fresh();
  const client = await openOAuthClient(place.tenantId, id);
  if (!client) throw new Error("not opened");
  await noteClientOk(client, "client_secret_post");
  expect(await openOAuthClient(place.tenantId, id)).toMatchObject({
    learnedAuthMethod: "client_secret_post",
    proven: true,
    problem: null,
  });
  const state = () => database.owner`select xmin::text, * from auth_client_state where auth_client_id = ${id}`;
  const [before] = await state();
  for (let i = 0; i < 20; i += 1) await noteClientOk(client, "client_secret_post");
  expect((await state())[0]).toEqual(before);
});

test("edits of different keys at once all land", async () => {
  const id = await fresh();
  const changes = [
    { name: "New name" },
    { credentials: { client_secret: "new-secret" } },
    { credentials: { pkce: "off" } },
    { credentials: { token_expires_in: 7 } },
  ];
  const answers = await Promise.all(changes.map((attributes) => call.patch(world.owner.basic, id, { attributes })));
  expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200]);
  expect((await look(id)).attributes).toMatchObject({
    name: "New name",
    credentials: { client_secret: "new-secret", pkce: "off", token_expires_in: 7 },
  });
});

test("the edit is in the audit trail by the names of what changed", async () => {
  const id = await fresh();
  await call.patch(world.owner.basic, id, {
    attributes: { name: "n2", credentials: { client_secret: "sentinel-1", pkce: "off" } },
  });
  const [entry] = await world.database
    .owner`select * from audit_entries where target_id = ${id} and action = 'auth_clients.edit'`;
  expect(entry?.detail).toEqual({ changed: expect.arrayContaining(["client_secret", "name", "pkce"]) });
  expect(JSON.stringify(entry)).not.toContain("sentinel-1");
});
