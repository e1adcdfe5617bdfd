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

const general = {
  client_id: undefined,
  client_secret: undefined,
  grant_type: "token_request",
  token_request_credentials: "username_password",
};

test.each([
  [
    "the convention",
    { token_request_credentials: undefined },
    ["token_request_credentials", "client_id", "client_secret"],
  ],
  ["a convention nobody knows", { token_request_credentials: "both" }, ["token_request_credentials"]],
  ["a format nobody knows", { token_request_format: "xml" }, ["token_request_format"]],
  ["an empty grant type", { token_request_grant_type: "" }, ["token_request_grant_type"]],
  ["a secret without an id", { client_secret: "s" }, ["client_id"]],
  ["a proof without an id", { token_endpoint_auth_method: "client_secret_basic" }, ["client_id"]],
  ["an id without a secret", { client_id: "c" }, ["client_secret"]],
  ["the id where it is the proof", { token_request_credentials: "client_id_secret" }, ["client_id", "client_secret"]],
  [
    "a proof where it is the whole",
    { token_request_credentials: "client_id_secret", client_id: "c", token_endpoint_auth_method: "none" },
    ["token_endpoint_auth_method"],
  ],
  ["the url", { token_uri: undefined }, ["token_uri"]],
  ["another grant", { grant_type: "password" }, ["token_request_credentials"]],
])("of a token request, %s is asked for or refused with a pointer", async (_what, credentials, wrong) => {
  const answer = await create({ ...general, ...credentials });
  expect([answer.status, answer.body.errors?.map((one: { source: unknown }) => one.source)]).toEqual([
    400,
    wrong.map((name) => ({ pointer: at(name) })),
  ]);
});

test("a token request keeps its convention, and its format and grant type can change", async () => {
  const { id, attributes } = (await create({ ...general, token_request_grant_type: "password" })).body.data;
  expect(attributes.credentials).not.toHaveProperty("client_id");
  const patch = (credentials: Record<string, unknown>) =>
    call.patch(world.owner.basic, id, { attributes: { credentials } });
  for (const [name, value] of [
    ["token_request_credentials", "client_id_secret"],
    ["client_secret", "s"],
    ["token_endpoint_auth_method", "client_secret_post"],
    ["token_request_format", "xml"],
  ] as const) {
    const answer = await patch({ [name]: value });
    expect([answer.status, answer.body.errors?.[0]?.source]).toEqual([400, { pointer: at(name) }]);
  }
  const changed = await patch({ token_request_format: "json", token_request_grant_type: null });
  expect(changed.body.data.attributes.credentials).toMatchObject({ token_request_format: "json" });
  expect(changed.body.data.attributes.credentials).not.toHaveProperty("token_request_grant_type");
});
