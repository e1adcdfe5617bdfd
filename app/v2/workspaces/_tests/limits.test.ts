import { beforeAll, describe, expect, test } from "vitest";
import { PATCH as PATCH_CLIENT } from "@/app/v2/auth-clients/[id]/route";
import { POST as POST_CLIENT } from "@/app/v2/auth-clients/route";
import { GET, PATCH } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { POST } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import { type Answer, call } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";

/** DO-1: 64 KB for each value of a secret, also for members its type does not know; 256 KB for all of them. */
const world = useOAuthWorld();
const KB = 1024;
const LIMIT = 64 * KB;
let count = 0;

type Body = Record<string, unknown>;
const params = (secretId?: string) => ({ workspaceId: world.place.workspaceId, ...(secretId ? { secretId } : {}) });
const GOOD: Record<string, Body> = {
  basic: { username: "u", password: "p" },
  api_key: { headerName: "X-Key", headerValue: "v" },
  noauth: {},
  oauth2: { access_token: "a", refresh_token: "r" },
};

function add(type: string, credentials: Body): Promise<Answer> {
  const client = { auth_client: { data: { id: world.clientId, type: "auth-client" } } };
  return call(POST, {
    method: "POST",
    params: params(),
    as: world.owner.basic,
    json: {
      data: {
        type: "auth-secret",
        attributes: { name: `Limit ${++count}`, type, credentials },
        ...(type === "oauth2" ? { relationships: client } : {}),
      },
    },
  });
}

const patch = (secretId: string, credentials: Body) =>
  call(PATCH, {
    method: "PATCH",
    params: params(secretId),
    as: world.owner.basic,
    json: { data: { type: "auth-secret", attributes: { credentials } } },
  });

const ids: Record<string, string> = {};
beforeAll(async () => {
  for (const [type, good] of Object.entries(GOOD)) ids[type] = (await add(type, good)).body.data.id;
});

const x = (bytes: number) => "x".repeat(bytes);
/** 50 parameters of 1.5 KB: each small, together too much. */
const parameters = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`p${i}`, x(1_500)]));

const OVER: [string, string, unknown][] = [
  ["basic", "username", x(LIMIT + 1)],
  ["basic", "password", x(LIMIT + 1)],
  ["basic", "password", "é".repeat(LIMIT / 2 + 1)],
  ["basic", "extra", x(LIMIT + 1)],
  ["basic", "extra", { deep: [x(LIMIT)] }],
  ["basic", "extra", Array.from({ length: 900 }, () => x(80))],
  ["api_key", "headerValue", x(LIMIT + 1)],
  ["api_key", "another", x(LIMIT + 1)],
  ["noauth", "anything", x(LIMIT + 1)],
  ["oauth2", "access_token", x(LIMIT + 1)],
  ["oauth2", "refresh_token", x(LIMIT + 1)],
  ["oauth2", "undefined_params", { instance_url: x(LIMIT) }],
  ["oauth2", "fields", { note: x(LIMIT) }],
  ["oauth2", "additional_params", parameters],
];

describe("a value of a secret", () => {
  test.each(OVER)("%s: %s over 64 KB is refused, added or edited", async (type, member, value) => {
    const credentials = { ...GOOD[type], [member]: value };
    const before = (await call(GET, { params: params(ids[type]), as: world.owner.basic })).body.data.attributes;
    for (const answer of [await add(type, credentials), await patch(ids[type] as string, credentials)]) {
      expect(answer.status).toBe(400);
      expect(answer.body.errors[0]).toMatchObject({
        code: "invalid_attribute",
        detail: expect.stringContaining("64 KB"),
        source: { pointer: `/data/attributes/credentials/${member}` },
      });
      expect(JSON.stringify(answer.body).length).toBeLessThan(2_000);
    }
    const after = (await call(GET, { params: params(ids[type]), as: world.owner.basic })).body.data.attributes;
    expect([after.credentials, after.generation]).toEqual([before.credentials, before.generation]);
  });

  test("of exactly 64 KB is kept as it is; together they may be 256 KB and no more", async () => {
    const three = { ...GOOD.basic, password: x(LIMIT), b: x(LIMIT), c: "é".repeat(LIMIT / 2) };
    const kept = await add("basic", three);
    expect(kept.status).toBe(201);
    expect(kept.body.data.attributes.credentials).toEqual(three);
    const much = await add("basic", { ...three, d: x(60 * KB), e: x(8 * KB) });
    expect(much.status).toBe(400);
    expect(much.body.errors[0]).toMatchObject({
      detail: expect.stringContaining("256 KB"),
      source: { pointer: "/data/attributes/credentials" },
    });
  });
});

describe("a value of an auth client", () => {
  const client = (type: string, credentials: Body) =>
    call(POST_CLIENT, {
      method: "POST",
      as: world.owner.basic,
      json: {
        data: {
          type: "auth-client",
          attributes: { type, name: `Limit ${++count}`, credentials },
          relationships: { workspace: { data: { id: world.place.workspaceId, type: "workspace" } } },
        },
      },
    });
  const oauth2 = {
    client_id: "c",
    client_secret: "s",
    auth_uri: "https://a.example.com",
    token_uri: "https://a.example.com",
  };

  test.each([
    ["oauth2", "client_secret", { ...oauth2, client_secret: x(LIMIT + 1) }],
    ["oauth2", "authorize_params", { ...oauth2, authorize_params: parameters }],
    ["oauth2", "token_params", { ...oauth2, token_params: parameters }],
    ["oauth2", "refresh_params", { ...oauth2, refresh_params: parameters }],
    ["basic", "", { username: "u", password: x(LIMIT) }],
  ])("%s: %s over 64 KB is refused", async (type, member, credentials) => {
    const answer = await client(type, credentials);
    expect(answer.status).toBe(400);
    expect(answer.body.errors[0].detail).toContain("64 KB");
    expect(answer.body.errors[0].source.pointer).toBe(`/data/attributes/credentials${member && `/${member}`}`);
    if (type === "oauth2") {
      const patched = await call(PATCH_CLIENT, {
        method: "PATCH",
        params: { id: world.clientId },
        as: world.owner.basic,
        json: {
          data: { type: "auth-client", attributes: { credentials: { [member]: (credentials as Body)[member] } } },
        },
      });
      expect(patched.status).toBe(400);
    }
  });
});
