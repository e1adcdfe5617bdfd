import { expect, test } from "vitest";
import { GET as PREVIEW } from "@/app/v2/workspaces/[workspaceId]/redirect-uri/route";
import { call as ask } from "@/lib/testing/http";
import { call, oauth2Body, placedAt, useWorld } from "./world";

/** Clients whose tokens are asked for without a browser (API.md `grant_type`). */
const world = useWorld();
const at = (name: string) => `/data/attributes/credentials/${name}`;
const UNUSED = { auth_uri: undefined, refresh_token_uri: undefined };

function create(credentials: Record<string, unknown>, level: "workspace" | "tenant" = "workspace") {
  const here = placedAt(world.place, level);
  return call.create(
    world.owner.basic,
    oauth2Body(here, { ...UNUSED, grant_type: "client_credentials", ...credentials }),
  );
}

test("need no authorization endpoint and say so to everybody who sees them", async () => {
  const made = await create({}, "tenant");
  expect(made.status).toBe(201);
  const { attributes, id } = made.body.data;
  expect(attributes).toMatchObject({ grant_type: "client_credentials", host: expect.any(String) });
  expect(attributes.credentials).not.toHaveProperty("auth_uri");
  const seen = await call.get(world.guest.basic, id, `?workspace_id=${world.place.workspaceId}`);
  expect(seen.body.data.attributes).not.toHaveProperty("credentials");
  expect(seen.body.data.attributes.grant_type).toBe("client_credentials");
});

test.each([
  ["auth_uri", "https://provider.example.com/authorize"],
  ["refresh_token_uri", "https://provider.example.com/refresh"],
  ["authorize_params", { prompt: "consent" }],
  ["refresh_params", { a: "b" }],
  ["redirect_uri_per", "client"],
  ["token_endpoint_auth_method", "none"],
  ["grant_type", "implicit"],
  ["client_id", undefined],
  ["client_secret", undefined],
  ["token_uri", undefined],
])("are refused with a pointer for %s", async (name, value) => {
  const answer = await create({ [name]: value });
  expect(answer.status).toBe(400);
  expect(answer.body.errors.map((one: { source: unknown }) => one.source)).toEqual([{ pointer: at(name) }]);
});

test.each([
  ["authorize_params", { prompt: "consent" }],
  ["refresh_params", { a: "b" }],
  ["token_endpoint_auth_method", "none"],
])("cannot be given %s later either", async (name, value) => {
  const { id } = (await create({})).body.data;
  const answer = await call.patch(world.owner.basic, id, { attributes: { credentials: { [name]: value } } });
  expect(answer.status).toBe(400);
  expect(answer.body.errors[0].source.pointer).toBe(at(name));
});

test("have no redirect URI to preview", async () => {
  const { id } = (await create({})).body.data;
  const { workspaceId } = world.place;
  const answer = await ask(PREVIEW, {
    url: `/v2/workspaces/${workspaceId}/redirect-uri?name=A&auth_client=${id}`,
    params: { workspaceId },
    as: world.owner.basic,
  });
  expect(answer.status).toBe(400);
  expect(answer.body.errors[0].source).toEqual({ parameter: "auth_client" });
});
