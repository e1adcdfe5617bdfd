import { expect, test } from "vitest";
import { newId } from "@/lib/ids";
import { CREDENTIALS, call, makeComponent, oauth2Body, placedAt, useWorld } from "./world";

const world = useWorld();
const at = (name: string) => `/data/attributes/credentials/${name}`;

async function pointersOf(body: unknown): Promise<[number, string[]]> {
  const answer = await call.create(world.owner.basic, body);
  return [answer.status, (answer.body.errors ?? []).map((e: { source?: { pointer?: string } }) => e.source?.pointer)];
}

test("two scopes at once", async () => {
  const { place } = world;
  const both = { ...placedAt(place, "workspace"), ...placedAt(place, "contract") };
  expect(await pointersOf(oauth2Body(both))).toEqual([400, ["/data/relationships/contract"]]);
});

test("unknown keys, wherever they are", async () => {
  const here = placedAt(world.place, "workspace");
  expect(await pointersOf(oauth2Body(here, { refresh_token_url: "https://x.example.com" }))).toEqual([
    400,
    [at("refresh_token_url")],
  ]);
  const body = oauth2Body(here) as { data: { attributes: Record<string, unknown> } };
  for (const key of ["host", "visibility", "created_at", "tenant_id"]) {
    body.data.attributes = { type: "oauth2", name: "x", credentials: CREDENTIALS, [key]: "x" };
    expect(await pointersOf(body)).toEqual([400, [`/data/attributes/${key}`]]);
  }
});

test("a type nobody knows, and none", async () => {
  const body = oauth2Body(placedAt(world.place, "workspace")) as { data: { attributes: Record<string, unknown> } };
  body.data.attributes.type = "oauth2_instagram";
  expect(await pointersOf(body)).toEqual([400, ["/data/attributes/type"]]);
  delete body.data.attributes.type;
  expect(await pointersOf(body)).toEqual([400, ["/data/attributes/type"]]);
});

test("what an oauth2 client cannot do without", async () => {
  const here = placedAt(world.place, "workspace");
  for (const name of ["client_id", "client_secret", "auth_uri", "token_uri"])
    expect(await pointersOf(oauth2Body(here, { [name]: undefined }))).toEqual([400, [at(name)]]);
  expect(await pointersOf(oauth2Body(here, { client_secret: "••••••••" }))).toEqual([400, [at("client_secret")]]);
});

test("any other grant than the code", async () => {
  const here = placedAt(world.place, "workspace");
  for (const grant_type of ["implicit", "refresh_token", "", null])
    expect([grant_type, await pointersOf(oauth2Body(here, { grant_type }))]).toEqual([
      grant_type,
      [400, [at("grant_type")]],
    ]);
});

test("literal private addresses, other schemes, users and fragments, each with its pointer", async () => {
  const here = placedAt(world.place, "workspace");
  for (const address of [
    "http://127.0.0.1/token",
    "https://10.1.2.3/token",
    "http://169.254.169.254/latest",
    "https://[::1]/token",
    "https://0x7f000001/token",
    "ftp://example.com/token",
    "javascript:alert(1)",
    "https://user:pw@example.com/token",
    "https://example.com/token#x",
  ])
    for (const name of ["auth_uri", "token_uri", "refresh_token_uri", "revocation_uri"])
      expect([address, await pointersOf(oauth2Body(here, { [name]: address }))]).toEqual([address, [400, [at(name)]]]);
});

test("names and plain http are left to be judged when used", async () => {
  const [status] = await pointersOf(
    oauth2Body(placedAt(world.place, "workspace"), {
      token_uri: "http://provider.internal/token",
      auth_uri: "http://provider.internal/a",
    }),
  );
  expect(status).toBe(201);
});

test("components of another tenant are as unknown as those of nobody", async () => {
  const foreign = await makeComponent(world.database, world.foreign);
  const answers = [];
  for (const id of [foreign, newId()]) {
    const { status, body } = await call.create(
      world.owner.basic,
      oauth2Body({ ...placedAt(world.place, "workspace"), components: { data: [{ id, type: "component" }] } }),
    );
    expect([400, 404]).toContain(status);
    answers.push(
      body.errors.map((e: Record<string, unknown>) => ({ ...e, id: "", detail: String(e.detail).replaceAll(id, "") })),
    );
  }
  expect(answers[0]).toEqual(answers[1]);
});

test("the wrong resource type is 409", async () => {
  const body = oauth2Body(placedAt(world.place, "workspace"));
  body.data.type = "auth-secret";
  expect((await call.create(world.owner.basic, body)).status).toBe(409);
});

test("everything wrong is said at once", async () => {
  const [status, pointers] = await pointersOf(
    oauth2Body(placedAt(world.place, "workspace"), {
      token_uri: "https://127.0.0.1/",
      auth_uri: "ftp://x.example.com/",
      client_secret: "",
    }),
  );
  expect(status).toBe(400);
  expect(pointers.sort()).toEqual([at("auth_uri"), at("client_secret"), at("token_uri")]);
});
