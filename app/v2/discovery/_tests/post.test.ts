import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { make, oauth2Body, placedAt, useWorld, call as wire } from "@/app/v2/auth-clients/_tests/world";
import { POST } from "@/app/v2/discovery/route";
import { openOAuthClient } from "@/lib/auth-clients/service";
import { makePerson } from "@/lib/testing/callers";
import { call } from "@/lib/testing/http";

const world = useWorld({ LATCHKEY_EGRESS_ALLOW: "127.0.0.1" });
let server: Server;
let issuer = "";
let asked = 0;

beforeAll(async () => {
  server = createServer((request, response) => {
    asked += 1;
    if (request.url !== "/.well-known/openid-configuration") response.writeHead(404).end();
    else
      response.end(
        JSON.stringify({
          issuer,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          revocation_endpoint: `${issuer}/revoke`,
          token_endpoint_auth_methods_supported: ["client_secret_basic"],
          authorization_response_iss_parameter_supported: true,
        }),
      );
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

const ask = (as: Record<string, string>, json: unknown) =>
  call(POST as never, { method: "POST", url: "/v2/discovery", as, json });

test("answers what the issuer publishes", async () => {
  const { status, body } = await ask(world.integrator.basic, { issuer });
  expect(status).toBe(200);
  expect(body.data).toEqual({
    id: null,
    type: "discovery",
    attributes: {
      issuer,
      auth_uri: `${issuer}/authorize`,
      token_uri: `${issuer}/token`,
      revocation_uri: `${issuer}/revoke`,
      token_endpoint_auth_methods: ["client_secret_basic"],
      code_challenge_methods: null,
      scopes_supported: null,
      iss_parameter: true,
    },
  });
});

test("nothing found is 400 with its pointer; so are unknown members", async () => {
  const { status, body } = await ask(world.integrator.basic, { issuer: `${issuer}/nobody` });
  expect([status, body.errors[0].source]).toEqual([400, { pointer: "/issuer" }]);
  expect((await ask(world.integrator.basic, { issuer, more: 1 })).status).toBe(400);
  expect((await ask(world.integrator.basic, {})).status).toBe(400);
});

test("only for those who may create a client somewhere", async () => {
  const nobody = await makePerson(null);
  for (const as of [world.guest.basic, world.task, nobody.basic]) expect((await ask(as, { issuer })).status).toBe(403);
});

test("a client with an issuer is filled in, and what was found is pinned", async () => {
  const given = { auth_uri: undefined, token_uri: undefined, refresh_token_uri: undefined, issuer };
  const id = await make(world.owner.basic, oauth2Body(placedAt(world.place, "workspace"), given));
  const { body } = await wire.get(world.owner.basic, id, `?workspace_id=${world.place.workspaceId}`);
  const { credentials } = body.data.attributes;
  expect(credentials).toMatchObject({
    issuer,
    auth_uri: `${issuer}/authorize`,
    token_uri: `${issuer}/token`,
    refresh_token_uri: `${issuer}/token`,
    revocation_uri: `${issuer}/revoke`,
  });
  expect(credentials).not.toHaveProperty("iss_parameter");
  expect((await openOAuthClient(world.place.tenantId, id))?.options).toMatchObject({
    iss_parameter: true,
    auth_methods_supported: ["client_secret_basic"],
  });
});

test("typed endpoints win, and an issuer that is silent does not stop a complete client", async () => {
  const own = await wire.create(world.owner.basic, oauth2Body(placedAt(world.place, "workspace"), { issuer }));
  expect(own.body.data.attributes.credentials.token_uri).toBe("https://login.example.com/token");
  const silent = { issuer: `${issuer}/nobody` };
  expect((await wire.create(world.owner.basic, oauth2Body(placedAt(world.place, "workspace"), silent))).status).toBe(
    201,
  );
  const missing = { ...silent, token_uri: undefined };
  const refused = await wire.create(world.owner.basic, oauth2Body(placedAt(world.place, "workspace"), missing));
  expect([refused.status, refused.body.errors[0].source.pointer]).toEqual([400, "/data/attributes/credentials/issuer"]);
});

test("a person looks up a few issuers at once, then waits; others do not, and nothing is asked meanwhile", async () => {
  const person = await makePerson(world.place, { workspace: "admin" });
  const statuses = [];
  for (let i = 0; i < 21; i++) statuses.push((await ask(person.basic, { issuer })).status);
  // The twenty-first is still answered, and makes the next wait.
  expect(statuses).toEqual(Array(21).fill(200));
  const before = asked;
  const { status, headers, body } = await ask(person.basic, { issuer });
  expect([status, body.errors[0].code]).toEqual([429, "throttled"]);
  expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
  expect(asked).toBe(before);
  expect((await ask(world.integrator.basic, { issuer })).status).toBe(200);
});
