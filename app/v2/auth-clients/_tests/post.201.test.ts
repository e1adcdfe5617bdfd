import { expect, test } from "vitest";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { CREDENTIALS, call, make, makeComponent, oauth2Body, placedAt, useWorld } from "./world";

const world = useWorld();

test("the example of the guide is taken as it is: contract, component, an http refresh address", async () => {
  const { place, owner, database } = world;
  const component = await makeComponent(database, place);
  const { status, body } = await call.create(
    owner.basic,
    oauth2Body({ components: { data: [{ id: component, type: "component" }] }, ...placedAt(place, "contract") }),
  );
  expect(status).toBe(201);
  expect(body.meta).toEqual({});
  expect(body.data).toMatchObject({
    type: "auth-client",
    attributes: {
      type: "oauth2",
      name: "Auth client",
      credentials: CREDENTIALS,
      visibility: "contract",
      host: "login.example.com",
    },
    relationships: {
      components: { data: [{ id: component, type: "component" }] },
      contract: {
        data: { id: place.contractId, type: "contract" },
        links: { self: `/v2/contracts/${place.contractId}` },
      },
    },
    links: { self: `/v2/auth-clients/${body.data.id}` },
  });
  expect(Object.keys(body.data.relationships).sort()).toEqual(["components", "contract"]);
});

test("each level has its own permission holder, and global has no relationship", async () => {
  const { place, owner, operator, integrator } = world;
  for (const level of ["workspace", "contract", "tenant"] as const) {
    const { status, body } = await call.create(owner.basic, oauth2Body(placedAt(place, level)));
    expect([level, status]).toEqual([level, 201]);
    expect(body.data.attributes.visibility).toBe(level);
  }
  expect((await call.create(integrator.basic, oauth2Body(placedAt(place, "workspace")))).status).toBe(201);
  const global = await call.create(operator.basic, oauth2Body());
  expect(global.status).toBe(201);
  expect(Object.keys(global.body.data.relationships)).toEqual(["components"]);
});

test("refresh_token_uri falls back to token_uri, token_expires_in to 3600", async () => {
  const { refresh_token_uri: _r, token_expires_in: _t, ...rest } = CREDENTIALS;
  const body = oauth2Body(placedAt(world.place, "workspace"));
  body.data.attributes.credentials = rest as typeof CREDENTIALS;
  const answer = await call.create(world.owner.basic, body);
  expect(answer.body.data.attributes.credentials).toMatchObject({
    refresh_token_uri: CREDENTIALS.token_uri,
    token_expires_in: 3600,
    grant_type: "authorization_code",
    pkce: "S256",
  });
});

test("noauth, basic and api_key take free-form credentials and give them back to a key", async () => {
  for (const [type, credentials] of [
    ["noauth", {}],
    ["basic", { name: "x" }],
    ["api_key", { name: "X-Key", value: "sentinel-value" }],
  ] as const) {
    const { status, body } = await call.create(world.owner.basic, {
      data: {
        type: "auth-client",
        attributes: { type, name: type, credentials },
        relationships: placedAt(world.place, "workspace"),
      },
    });
    expect([type, status]).toEqual([type, 201]);
    expect(body.data.attributes.credentials).toEqual(credentials);
  }
});

test("a public client needs no secret", async () => {
  const { client_secret: _s, auth_uri: _a, ...rest } = CREDENTIALS;
  const publicClient = oauth2Body(placedAt(world.place, "workspace"));
  publicClient.data.attributes.credentials = {
    ...rest,
    auth_uri: CREDENTIALS.auth_uri,
    token_endpoint_auth_method: "none",
  } as never;
  const first = await call.create(world.owner.basic, publicClient);
  expect(first.status).toBe(201);
  expect(first.body.data.attributes).toMatchObject({ has_client_secret: false });
});

test("a client that shares one redirect URI gets a name of its own place, twice the same name two URIs", async () => {
  const body = oauth2Body(placedAt(world.place, "tenant"), { redirect_uri_per: "client" }, "Größe & Co");
  const [{ redirect_code: code } = { redirect_code: "" }] = await world.database.owner<{ redirect_code: string }[]>`
    select redirect_code from tenants where tenant_id = ${world.place.tenantId}`;
  const first = await call.create(world.owner.basic, body);
  const second = await call.create(world.owner.basic, body);
  expect(first.body.data.attributes.redirect_uri).toBe(`http://latchkey.test/api/oauth/callback/gro-e-co.${code}`);
  expect(second.body.data.attributes.redirect_uri).toBe(`http://latchkey.test/api/oauth/callback/gro-e-co-2.${code}`);
});

test("twenty at once with one name get twenty names", async () => {
  const body = oauth2Body(placedAt(world.place, "workspace"), { redirect_uri_per: "client" }, "x".repeat(100));
  const answers = await Promise.all(Array.from({ length: 20 }, () => call.create(world.owner.basic, body)));
  const uris = answers.map((answer) => answer.body.data.attributes.redirect_uri as string);
  expect(new Set(uris).size).toBe(20);
  for (const uri of uris) expect((uri.split("/").at(-1) as string).split(".")[0]?.length).toBeLessThanOrEqual(64);
});

test("the secret is sealed, and the creation is in the audit trail with its host", async () => {
  const id = await make(world.owner.basic, oauth2Body(placedAt(world.place, "workspace")));
  const [row] = await world.database.owner`select * from auth_clients where id = ${id}`;
  expect(JSON.stringify(row)).not.toContain(CREDENTIALS.client_secret);
  expect(Buffer.from(row?.sealed).includes(CREDENTIALS.client_secret)).toBe(false);
  const audit = await world.database.owner`select * from audit_entries where target_id = ${id}`;
  expect(audit).toHaveLength(1);
  expect(audit[0]).toMatchObject({
    action: "auth_clients.create",
    outcome: "allowed",
    host: "login.example.com",
    tenant_id: world.place.tenantId,
  });
  expect(JSON.stringify(audit)).not.toContain(CREDENTIALS.client_secret);
});

test("a global client belongs to the instance", async () => {
  const id = await make(world.operator.basic, oauth2Body());
  const [row] = await world.database.owner`select tenant_id, scope_kind from auth_clients where id = ${id}`;
  expect(row).toEqual({ tenant_id: INSTANCE_TENANT, scope_kind: "global" });
});
