import { expect, it } from "vitest";
import { POST as CREATE_CLIENT } from "@/app/v2/auth-clients/route";
import { call } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";

/** An operator who forbids the password grant (OA-17): also clients that were made before ask for nothing. */
const world = useOAuthWorld({ LATCHKEY_PASSWORD_GRANT: "forbid" });

const create = (credentials: Record<string, unknown>) =>
  call(CREATE_CLIENT, {
    method: "POST",
    url: "/v2/auth-clients",
    as: world.owner.basic,
    json: {
      data: {
        type: "auth-client",
        attributes: {
          type: "oauth2",
          name: "Password",
          credentials: { client_id: "client", client_secret: "s", token_uri: `${world.idp.url}/token`, ...credentials },
        },
        relationships: { workspace: { data: { id: world.place.workspaceId, type: "workspace" } } },
      },
    },
  });

it.each([
  ["grant_type", { grant_type: "password" }],
  ["token_request_credentials", { grant_type: "token_request", token_request_credentials: "username_password" }],
  [
    "token_request_grant_type",
    {
      grant_type: "token_request",
      token_request_credentials: "client_id_secret",
      token_request_grant_type: "password",
    },
  ],
])("such a client cannot be made (%s)", async (name, credentials) => {
  const answer = await create(credentials);
  expect(answer.status).toBe(400);
  expect(answer.body.errors[0].source.pointer).toBe(`/data/attributes/credentials/${name}`);
  expect(answer.body.errors[0].detail).toContain("LATCHKEY_PASSWORD_GRANT");
});

it("other token requests go on", async () => {
  world.idp.anyGrant = true;
  const clientId = await world.addAskingClient({
    grant_type: "token_request",
    token_request_credentials: "client_id_secret",
    token_request_grant_type: "client_credentials",
  });
  expect((await world.token(await world.addAsking(clientId))).status).toBe(200);
});

it("one that was made before asks for nothing, and says who decided that", async () => {
  const clientId = await world.addAskingClient({
    grant_type: "token_request",
    token_request_credentials: "client_id_secret",
  });
  const id = await world.addAsking(clientId);
  await world.database.owner`update auth_clients
    set options = options || '{"token_request_grant_type":"password"}'::jsonb where id = ${clientId}`;
  const answer = await world.token(id);
  expect(answer.status).toBe(409);
  expect(answer.body.errors[0].meta.problem).toMatchObject({
    title: "The password grant is forbidden here",
    who: "admin",
  });
  expect(world.idp.calls).toEqual([]);
});
