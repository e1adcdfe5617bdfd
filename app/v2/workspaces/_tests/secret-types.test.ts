import { beforeAll, describe, expect, it } from "vitest";
import { POST as CREATE_CLIENT } from "@/app/v2/auth-clients/route";
import { POST as REVEAL } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/reveal/route";
import { GET, PATCH } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { GET as LIST } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import { settings } from "@/lib/config";
import { makePerson, makeSession, type Person } from "@/lib/testing/callers";
import { call, type Handler } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { postSecret } from "@/lib/testing/secrets-api";

/** Types without an auth client over HTTP: made, shown, changed, read. */
const world = useOAuthWorld();
let count = 0;
let session: Record<string, string>;
let guest: Person;

beforeAll(async () => {
  session = await makeSession(world.owner.id);
  guest = await makePerson(world.place, { workspace: "guest" });
});

const create = (type: string, credentials: unknown) =>
  postSecret(world.place, world.owner.basic, { name: `Type ${++count}`, type, credentials });
const at = (handler: Handler, secretId: string, options: Parameters<typeof call>[1] = {}) =>
  call(handler, { params: { workspaceId: world.place.workspaceId, secretId }, as: world.owner.basic, ...options });
const patch = (id: string, credentials: unknown) =>
  at(PATCH, id, { method: "PATCH", json: { data: { type: "auth-secret", attributes: { credentials } } } });
const reveal = (id: string, field: string) =>
  at(REVEAL, id, { method: "POST", json: { field }, as: session, headers: { origin: settings().url } });

const HEADERS = { "X-API-Key": "key one", "X-Tenant.Id": "42" };

describe("password", () => {
  it("is one value, read by keys and shown to people one at a time", async () => {
    const { status, body } = await create("password", { password: "s3cret" });
    expect(status).toBe(201);
    const { id, attributes } = body.data;
    expect(attributes).toMatchObject({ type: "password", status: "static", credentials: { password: "s3cret" } });
    expect(attributes.visible).toBeUndefined();
    expect((await at(GET, id)).body.data.attributes.credentials).toEqual({ password: "s3cret" });
    const seen = (await at(GET, id, { as: session })).body.data.attributes;
    expect(seen.credentials).toBeUndefined();
    expect((await reveal(id, "password")).body.data.attributes.value).toBe("s3cret");
  });

  it.each([
    [{}, "/data/attributes/credentials/password"],
    [{ password: "" }, "/data/attributes/credentials/password"],
    [{ password: "p", username: "u" }, "/data/attributes/credentials/username"],
    [{ password: "••••••••" }, "/data/attributes/credentials/password"],
  ])("refuses %j with a pointer", async (credentials, pointer) => {
    const { status, body } = await create("password", credentials);
    expect(status).toBe(400);
    expect(body.errors[0].source.pointer).toBe(pointer);
  });
});

describe("http_headers", () => {
  it("shows names to whoever sees the secret, values to whoever may read them", async () => {
    const { status, body } = await create("http_headers", { headers: HEADERS });
    expect(status).toBe(201);
    const { id } = body.data;
    expect((await at(GET, id)).body.data.attributes.credentials).toEqual({ headers: HEADERS });
    for (const as of [session, guest.basic]) {
      const answer = await at(GET, id, { as });
      expect(answer.body.data.attributes.visible).toEqual({ headers: ["X-API-Key", "X-Tenant.Id"] });
      expect(JSON.stringify(answer.body)).not.toContain("key one");
    }
    const listed = await call(LIST, { params: { workspaceId: world.place.workspaceId }, as: session });
    expect(JSON.stringify(listed.body)).not.toContain("key one");
  });

  it("reveals one header by its name, dots and all, or all of them", async () => {
    const { id } = (await create("http_headers", { headers: HEADERS })).body.data;
    expect((await reveal(id, "headers.X-API-Key")).body.data.attributes.value).toBe("key one");
    expect((await reveal(id, "headers.X-Tenant.Id")).body.data.attributes.value).toBe("42");
    expect(JSON.parse((await reveal(id, "headers")).body.data.attributes.value)).toEqual(HEADERS);
    for (const field of [
      "headers.x",
      "headers.",
      "headers.constructor",
      "constructor.name",
      ".X-API-Key",
      "headers.__proto__",
    ])
      expect((await reveal(id, field)).status, field).toBe(400);
  });

  it("is replaced whole by a PATCH", async () => {
    const { id } = (await create("http_headers", { headers: HEADERS })).body.data;
    const { status, body } = await patch(id, { headers: { "X-New": "v" } });
    expect(status).toBe(200);
    expect(body.data.attributes).toMatchObject({
      generation: 2,
      credentials: { headers: { "X-New": "v" } },
      visible: { headers: ["X-New"] },
    });
  });

  it("refuses what no request can carry, at the header itself", async () => {
    const { status, body } = await create("http_headers", { headers: { "X-A": "a\r\nX-B: b", Host: "x" } });
    expect(status).toBe(400);
    expect(body.errors.map((error: { source: { pointer: string } }) => error.source.pointer)).toEqual([
      "/data/attributes/credentials/headers/X-A",
      "/data/attributes/credentials/headers/Host",
    ]);
  });
});

it("api_key takes no header of the connection itself", async () => {
  const { status, body } = await create("api_key", { headerName: "Transfer-Encoding", headerValue: "chunked" });
  expect(status).toBe(400);
  expect(body.errors[0].source.pointer).toBe("/data/attributes/credentials/headerName");
});

it("types without an auth client have none", async () => {
  const { status, body } = await call(CREATE_CLIENT, {
    method: "POST",
    as: world.owner.basic,
    json: { data: { type: "auth-client", attributes: { type: "password", name: "x", credentials: {} } } },
  });
  expect(status).toBe(400);
  expect(body.errors[0].detail).toBe("Must be oauth2, basic, api_key or noauth.");
});
