import { describe, expect, test } from "vitest";
import { POST as CREATE_CLIENT } from "@/app/v2/auth-clients/route";
import { POST as REVEAL } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/reveal/route";
import { PATCH } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { POST as CREATE } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import { recordNow } from "@/lib/audit/record";
import { call } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";

/** Text that JSON can carry and PostgreSQL cannot, from callers and from providers: nothing is lost, and nobody else pays. */

const world = useOAuthWorld();
const params = (secretId?: string) => ({
  workspaceId: world.place.workspaceId,
  ...(secretId === undefined ? {} : { secretId }),
});
const HALF = '"\\ud83d"';

describe("from callers", () => {
  test("half a character is 400 with a pointer", async () => {
    const { id } = await world.addSecret();
    const as = world.owner.basic;
    const headers = { "content-type": "application/json" };
    const reveal = await call(REVEAL, { method: "POST", params: params(id), as, headers, body: `{"field":${HALF}}` });
    expect([reveal.status, reveal.body.errors[0].source]).toEqual([400, { pointer: "/field" }]);
    const client = await call(CREATE_CLIENT, {
      method: "POST",
      as,
      headers,
      body: `{"data":{"type":"auth-client","attributes":{"type":"oauth2","name":"Half","credentials":{"client_id":"c",
        "client_secret":"s","auth_uri":"${world.idp.url}/a","token_uri":"${world.idp.url}/t",
        "authorize_params":{"a":${HALF}}}}}}`,
    });
    expect([client.status, client.body.errors[0].source]).toEqual([
      400,
      { pointer: "/data/attributes/credentials/authorize_params/a" },
    ]);
  });

  test("a name whose 200th UTF-16 unit is half an emoji works everywhere", async () => {
    const name = `x${"😀".repeat(150)}`;
    const made = await call(CREATE, {
      method: "POST",
      params: params(),
      as: world.owner.basic,
      json: {
        data: {
          type: "auth-secret",
          attributes: { type: "basic", name, credentials: { username: "a", password: "b" } },
        },
      },
    });
    expect(made.status).toBe(201);
    const edited = await call(PATCH, {
      method: "PATCH",
      params: params(made.body.data.id),
      as: world.owner.basic,
      json: { data: { type: "auth-secret", attributes: { name: `y${name.slice(1)}` } } },
    });
    expect(edited.status).toBe(200);
  });
});

test("an entry that cannot be written fails alone", async () => {
  const who = { kind: "system" as const, name: "Test", via: "command" };
  const entries = Array.from({ length: 20 }, (_, n) =>
    recordNow(who, { tenantId: world.place.tenantId, action: "test", generation: n === 7 ? 2 ** 40 : n }),
  );
  const settled = await Promise.allSettled(entries);
  expect(settled.map(({ status }) => status === "fulfilled")).toEqual(settled.map((_, n) => n !== 7));
});

describe("from a provider", () => {
  const odd = {
    "NUL in scope and type": { change: { scope: "a\0b", token_type: "Be\0arer" } },
    "half characters in scope and type": { change: { scope: "a\ud83d", token_type: "\ude00" } },
    "a member nested 50,000 deep": {
      instead: {
        kind: "raw" as const,
        status: 200,
        type: "application/json",
        body: `{"access_token":"deep","refresh_token":"deeper","expires_in":60,"x":${"[".repeat(50_000)}${"]".repeat(50_000)}}`,
      },
    },
    "a Date before all clocks": { headers: { date: "-200000-01-01T00:00:00Z" } },
  };
  test.each(Object.entries(odd))("%s: the rotated token is kept", async (_, behaviour) => {
    const secret = await world.addSecret();
    world.idp.next(behaviour);
    const refreshed = await world.refresh(secret.id);
    expect([refreshed.status, refreshed.body.meta]).toEqual([200, {}]);
    expect(await world.state(secret.id)).toMatchObject({ generation: 2, failures: 0 });
  });

  test("its words about a failure are kept as far as they can be", async () => {
    const secret = await world.addSecret();
    world.idp.next({ error: { code: "invalid_grant", description: `gone\0 \ud83d ${"x😀".repeat(100)}` } });
    const refreshed = await world.refresh(secret.id);
    expect(refreshed.status).toBe(200);
    expect(refreshed.body.meta.refresh.detail).toContain("gone");
    expect(await world.state(secret.id)).toMatchObject({ failures: 1 });
  });
});
