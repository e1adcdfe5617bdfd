import { createLocalJWKSet, jwtVerify } from "jose";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { GET as JWKS } from "@/app/.well-known/jwks/[file]/route";
import { POST as DECRYPT } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/jwt/decrypt/route";
import { POST as ENCRYPT } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/jwt/encrypt/route";
import { POST as SIGN } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/jwt/sign/route";
import { POST as VERIFY } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/jwt/verify/route";
import { DELETE as RETIRE } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/keys/[kid]/route";
import { POST as ROTATE } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/keys/rotate/route";
import { PATCH } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { POST } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import { settings } from "@/lib/config";
import { makePerson, makeSession, makeTask, type Person } from "@/lib/testing/callers";
import { call, type Handler } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";

/** Tokens with a secret's key, over HTTP. What is accepted and refused of a token itself is in lib/secret-use/jwt.test.ts. */
const world = useOAuthWorld();
let count = 0;
let guest: Person;
let step: Record<string, string>;
let shared: string;
let signing: string;
let encrypting: string;

const create = async (type: string, credentials: unknown): Promise<string> => {
  const { status, body } = await call(POST, {
    method: "POST",
    params: { workspaceId: world.place.workspaceId },
    as: world.owner.basic,
    json: { data: { type: "auth-secret", attributes: { name: `Jose ${++count}`, type, credentials } } },
  });
  expect(status).toBe(201);
  return body.data.id;
};
const ask = (handler: Handler, secretId: string, json: unknown, options: Parameters<typeof call>[1] = {}) =>
  call(handler, {
    method: "POST",
    as: world.owner.basic,
    json,
    ...options,
    params: { workspaceId: world.place.workspaceId, secretId, ...options.params },
  });
const sign = async (id: string, json: unknown = {}) => (await ask(SIGN, id, json)).body.data.attributes;

const SECRET = "a shared secret of more than 32 bytes";

beforeAll(async () => {
  guest = await makePerson(world.place, { workspace: "guest" });
  step = (await makeTask(world.place, ["workspaces.auth_secret.use"])).basic;
  shared = await create("hs256", { secret: SECRET, issuer: "us" });
  signing = await create("rs256", { bits: 2048, issuer: "us", audience: "them", lifetime: 60 });
  encrypting = await create("rs256", { bits: 2048, use: "encrypt" });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("sign and verify", () => {
  it("a text that is no token, on record as every use; what does not go together is said", async () => {
    const made = await ask(SIGN, signing, { payload: "order 7" }, { as: step });
    expect(made.body.data).toMatchObject({ type: "jws", attributes: { alg: "RS256", kid: expect.any(String) } });
    const { token } = made.body.data.attributes;
    const read = await ask(VERIFY, signing, { token, payload: true }, { as: step });
    expect(read.body.data).toMatchObject({ type: "payload", attributes: { payload: "order 7" } });
    expect((await ask(VERIFY, signing, { token })).body.errors[0].code).toBe("token_refused");
    const entries = await world.database.owner`
      select action from audit_entries where target_id = ${signing} and action in ('secret.signed', 'secret.verified')
      order by id desc limit 3`;
    expect(entries.map(({ action }) => action)).toEqual(["secret.verified", "secret.verified", "secret.signed"]);
    for (const [handler, json, pointer] of [
      [SIGN, { payload: "x", claims: {} }, "/claims"],
      [SIGN, { payload: "x", lifetime: 60 }, "/lifetime"],
      [SIGN, { payload: '{"sub":"x"}' }, "/payload"],
      [SIGN, { payload: "x", typ: "JWT" }, "/typ"],
      [SIGN, { payload: "ü".repeat(4_097) }, "/payload"],
      [VERIFY, { token, payload: true, audience: "x" }, "/audience"],
      [VERIFY, { token, payload: "yes" }, "/payload"],
    ] as const) {
      const answer = await ask(handler, signing, json);
      expect([answer.status, answer.body.errors[0].source.pointer]).toEqual([400, pointer]);
    }
  });

  it("go together for a step that may use the secret and read nothing of it", async () => {
    for (const id of [shared, signing]) {
      const signed = await ask(SIGN, id, { claims: { sub: "me", scope: "read write" } }, { as: step });
      expect(signed.status).toBe(200);
      expect(signed.headers.get("cache-control")).toBe("no-store");
      const { token } = signed.body.data.attributes;
      const read = await ask(VERIFY, id, { token, scope: "write", subject: "me" }, { as: step });
      expect(read.status).toBe(200);
      expect(read.body.data).toMatchObject({ type: "claims", attributes: { claims: { iss: "us", sub: "me" } } });
      const refused = await ask(VERIFY, id, { token, scope: ["writ"] }, { as: step });
      expect(refused.status).toBe(400);
      expect(refused.body.errors[0]).toMatchObject({
        code: "token_refused",
        detail: "The token does not have the scope writ.",
        source: { pointer: "/token" },
      });
    }
  });

  it("make what anybody verifies with the published keys", async () => {
    const { token, kid } = await sign(signing);
    const set = JSON.parse((await call(JWKS, { params: { file: `${world.place.workspaceId}.json` } })).body);
    const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(set), {
      issuer: "us",
      audience: "them",
    });
    expect(protectedHeader).toEqual({ alg: "RS256", typ: "JWT", kid });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(60);
  });

  it("follow a rotation at once: the new key signs, the earlier verifies until it is retired", async () => {
    const id = await create("rs256", { bits: 2048 });
    const before = await sign(id);
    await ask(ROTATE, id, { bits: 2048 });
    const after = await sign(id);
    expect(after.kid).not.toBe(before.kid);
    expect((await ask(VERIFY, id, { token: before.token })).status).toBe(200);
    await ask(RETIRE, id, undefined, { method: "DELETE", params: { kid: before.kid } });
    expect((await ask(VERIFY, id, { token: before.token })).status).toBe(400);
    expect((await ask(VERIFY, id, { token: after.token })).status).toBe(200);
  });

  it("follow another shared secret at once", async () => {
    const id = await create("hs256", { secret: SECRET });
    const { token } = await sign(id);
    await ask(
      PATCH,
      id,
      { data: { type: "auth-secret", attributes: { credentials: { secret: `${SECRET}!` } } } },
      { method: "PATCH" },
    );
    expect((await ask(VERIFY, id, { token })).status).toBe(400);
  });

  it("see a token expire by the clock", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    const { token, expires_at } = await sign(shared, { lifetime: 10 });
    expect(Date.parse(expires_at) - Date.now()).toBeLessThanOrEqual(10_000);
    expect((await ask(VERIFY, shared, { token })).status).toBe(200);
    vi.setSystemTime(Date.now() + 45_000);
    const late = await ask(VERIFY, shared, { token });
    expect(late.body.errors[0].detail).toBe("The token has expired.");
  });

  it.each([
    [{ claims: { exp: 1 } }, "/claims/exp"],
    [{ claims: { iat: 1 } }, "/claims/iat"],
    [{ claims: { iss: 5 } }, "/claims/iss"],
    [{ claims: { aud: [] } }, "/claims/aud"],
    [{ claims: { scope: ["a"] } }, "/claims/scope"],
    [{ claims: [] }, "/claims"],
    [{ claims: { x: "x".repeat(9_000) } }, "/claims"],
    [{ lifetime: 0 }, "/lifetime"],
    [{ lifetime: 366 * 86_400 }, "/lifetime"],
    [{ alg: "none" }, "/alg"],
    [{ header: { jku: "x" } }, "/header"],
  ])("refuse to sign %j", async (json, pointer) => {
    const { status, body } = await ask(SIGN, shared, json);
    expect(status).toBe(400);
    expect(body.errors[0].source.pointer).toBe(pointer);
  });

  it("look at no token of more than 16 KB", async () => {
    for (const handler of [VERIFY, DECRYPT]) {
      const { status, body } = await ask(handler, shared, { token: "x".repeat(16 * 1024 + 1) });
      expect(status).toBe(400);
      expect(body.errors[0]).toMatchObject({ detail: "Must be 16 KB at most.", source: { pointer: "/token" } });
    }
  });
});

describe("encrypt and decrypt", () => {
  it("go together, and after a rotation still, until the key is retired", async () => {
    const { token, kid } = (await ask(ENCRYPT, encrypting, { plaintext: "grüße" })).body.data.attributes;
    expect(token.split(".")).toHaveLength(5);
    await ask(ROTATE, encrypting, { bits: 2048 });
    expect((await ask(DECRYPT, encrypting, { token })).body.data).toMatchObject({
      type: "plaintext",
      attributes: { plaintext: "grüße", kid },
    });
    await ask(RETIRE, encrypting, undefined, { method: "DELETE", params: { kid } });
    expect((await ask(DECRYPT, encrypting, { token })).body.errors[0].code).toBe("token_refused");
  });

  it("are not for what signs, nor the other way round (JW-4)", async () => {
    for (const id of [shared, signing]) expect((await ask(ENCRYPT, id, { plaintext: "x" })).status).toBe(400);
    expect((await ask(SIGN, encrypting, {})).status).toBe(400);
  });
});

describe("whoever asks", () => {
  it("needs the right to use the secret, in its workspace", async () => {
    for (const [handler, json] of [
      [SIGN, {}],
      [VERIFY, { token: "x" }],
      [ENCRYPT, { plaintext: "x" }],
      [DECRYPT, { token: "x" }],
    ] as const) {
      expect((await ask(handler, signing, json, { as: guest.basic })).status).toBe(403);
      expect((await ask(handler, signing, json, { params: { secretId: "0123456789abcdef01234567" } })).status).toBe(
        404,
      );
    }
  });

  it("signs and decrypts in a browser after a recent sign-in only", async () => {
    const headers = { origin: settings().url };
    const old = await makeSession(world.owner.id, new Date(Date.now() - 11 * 60_000));
    const fresh = await makeSession(world.owner.id);
    for (const [handler, id, json] of [
      [SIGN, signing, {}],
      [DECRYPT, encrypting, { token: "x" }],
    ] as const) {
      const refused = await ask(handler, id, json, { as: old, headers });
      expect([refused.status, refused.body.errors[0].code]).toEqual([403, "reauth_required"]);
    }
    expect((await ask(SIGN, signing, {}, { as: fresh, headers })).status).toBe(200);
  });

  it("is on record before the answer, with no token and no claim", async () => {
    const id = await create("hs256", { secret: SECRET });
    const { token } = await sign(id, { claims: { sub: "a person" } });
    await ask(VERIFY, id, { token });
    const trail = await world.database.owner`select * from audit_entries where target_id = ${id} order by id`;
    expect(trail.map((entry) => entry.action).slice(-2)).toEqual(["secret.signed", "secret.verified"]);
    expect(JSON.stringify(trail)).not.toMatch(/a person|eyJ/);
  });

  it("gets nothing when the audit cannot be written", async () => {
    await world.database
      .owner`alter table audit_entries add constraint no_more check (action <> 'secret.signed') not valid`;
    try {
      const { status, body } = await ask(SIGN, shared, {});
      expect(status).toBe(503);
      expect(JSON.stringify(body)).not.toContain("eyJ");
    } finally {
      await world.database.owner`alter table audit_entries drop constraint no_more`;
    }
    expect((await ask(SIGN, shared, {})).status).toBe(200);
  });

  it("asks of a type that has keys", async () => {
    const id = await create("password", { password: "p" });
    const { status, body } = await ask(SIGN, id, {});
    expect([status, body.errors[0].code]).toEqual([400, "bad_request"]);
  });
});
