import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { GET as JWKS } from "@/app/.well-known/jwks/[file]/route";
import { DELETE as RETIRE } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/keys/[kid]/route";
import { POST as ROTATE } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/keys/rotate/route";
import { POST as REVEAL } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/reveal/route";
import { DELETE, GET, PATCH } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { settings } from "@/lib/config";
import { newId } from "@/lib/ids";
import { makePerson, makeSession, type Person } from "@/lib/testing/callers";
import { call, type Handler } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { postSecret } from "@/lib/testing/secrets-api";

/** hs256 and rs256 over HTTP: made, shown, changed, rotated, published (SECURITY JW-4). */
const world = useOAuthWorld();
let count = 0;
let session: Record<string, string>;
let guest: Person;

beforeAll(async () => {
  session = await makeSession(world.owner.id);
  guest = await makePerson(world.place, { workspace: "guest" });
});

const create = (type: string, credentials: unknown) =>
  postSecret(world.place, world.owner.basic, { name: `Key ${++count}`, type, credentials });
const at = (handler: Handler, secretId: string, options: Parameters<typeof call>[1] = {}) =>
  call(handler, {
    as: world.owner.basic,
    ...options,
    params: { workspaceId: world.place.workspaceId, secretId, ...options.params },
  });
const patch = (id: string, credentials: unknown) =>
  at(PATCH, id, { method: "PATCH", json: { data: { type: "auth-secret", attributes: { credentials } } } });
const rotate = (id: string, json: unknown = { bits: 2048 }) => at(ROTATE, id, { method: "POST", json });
const retire = (id: string, kid: string) => at(RETIRE, id, { method: "DELETE", params: { kid } });
const published = async (workspaceId = world.place.workspaceId) =>
  (await call(JWKS, { params: { file: `${workspaceId}.json` } })).body;
const kids = async (): Promise<string[]> => JSON.parse(await published()).keys.map((key: { kid: string }) => key.kid);

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const PKCS8 = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const newKey = () =>
  generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();

describe("hs256", () => {
  const SECRET = "a shared secret of more than 32 bytes";

  it("keeps its secret when only its claims are changed, and drops claims that are left out", async () => {
    const { status, body } = await create("hs256", { secret: SECRET, issuer: "us", lifetime: 60 });
    expect(status).toBe(201);
    const { id, attributes } = body.data;
    expect(attributes.visible).toEqual({ issuer: "us", lifetime: 60 });
    const changed = await patch(id, { audience: "them" });
    expect(changed.status).toBe(200);
    expect(changed.body.data.attributes).toMatchObject({
      credentials: { secret: SECRET, audience: "them" },
      visible: { audience: "them" },
    });
    expect(changed.body.data.attributes.credentials.issuer).toBeUndefined();
    expect((await patch(id, { secret: "too short" })).body.errors[0].source.pointer).toBe(
      "/data/attributes/credentials/secret",
    );
    expect((await at(GET, id)).body.data.attributes.credentials.secret).toBe(SECRET);
    const seen = await at(GET, id, { as: session });
    expect(seen.body.data.attributes.visible).toEqual({ audience: "them" });
    expect(JSON.stringify(seen.body)).not.toContain(SECRET);
  });

  it("is refused when weak, with a pointer", async () => {
    const { status, body } = await create("hs256", { secret: "short" });
    expect(status).toBe(400);
    expect(body.errors[0]).toMatchObject({
      detail: "Has 5 bytes; HS256 needs at least 32. Generate one.",
      source: { pointer: "/data/attributes/credentials/secret" },
    });
  });
});

describe("rs256", () => {
  it("is generated when no key is given: its public half shows, its private half does not", async () => {
    const { status, body } = await create("rs256", { bits: 2048, issuer: "us" });
    expect(status).toBe(201);
    const { id, attributes } = body.data;
    const [key, ...more] = attributes.public_keys;
    expect(more).toEqual([]);
    expect(key).toMatchObject({ bits: 2048, current: true, jwk: { kty: "RSA", alg: "RS256", use: "sig" } });
    expect(key.jwk.kid).toBe(key.kid);
    const own = createPublicKey(createPrivateKey(attributes.credentials.private_key));
    expect(own.equals(createPublicKey(key.pem))).toBe(true);
    expect(own.equals(createPublicKey({ key: key.jwk, format: "jwk" }))).toBe(true);
    for (const as of [session, guest.basic]) {
      const seen = await at(GET, id, { as });
      expect(seen.body.data.attributes.public_keys).toEqual(attributes.public_keys);
      expect(seen.body.data.attributes.jwks_uri).toBe(
        `${settings().url}/.well-known/jwks/${world.place.workspaceId}.json`,
      );
      expect(JSON.stringify(seen.body)).not.toContain("PRIVATE");
    }
    const revealed = await at(REVEAL, id, {
      method: "POST",
      json: { field: "private_key" },
      as: session,
      headers: { origin: settings().url },
    });
    expect(revealed.body.data.attributes.value).toBe(attributes.credentials.private_key);
  });

  it("has 3072 bits by default", async () => {
    const { body } = await create("rs256", {});
    expect(body.data.attributes.public_keys[0].bits).toBe(3072);
  });

  it("is imported as PEM or JWK, and kept in one form", async () => {
    for (const private_key of [PKCS8, privateKey.export({ format: "jwk" })]) {
      const { status, body } = await create("rs256", { private_key });
      expect(status).toBe(201);
      expect(body.data.attributes.credentials).toEqual({ private_key: PKCS8, use: "sign" });
    }
  });

  it("refuses what is no usable key, with a pointer and the reason", async () => {
    const weak = generateKeyPairSync("rsa", { modulusLength: 512 }).privateKey;
    const spki = createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString();
    for (const [private_key, words] of [
      [weak.export({ type: "pkcs8", format: "pem" }).toString(), "512 bits"],
      [PKCS8.slice(0, 400), "cut off"],
      [spki, "only the public half"],
      [
        privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" }).toString(),
        "passphrase",
      ],
    ] as const) {
      const { status, body } = await create("rs256", { private_key });
      expect(status).toBe(400);
      expect(body.errors[0].detail).toContain(words);
      expect(body.errors[0].source.pointer).toBe("/data/attributes/credentials/private_key");
    }
  });

  it("is sent back as it was read and nothing rotates; another key is a rotation; its use is for ever", async () => {
    const { id, attributes } = (await create("rs256", { private_key: PKCS8 })).body.data;
    const same = (await patch(id, attributes.credentials)).body.data.attributes;
    expect(same.public_keys).toEqual(attributes.public_keys);
    expect(same.credentials).toEqual(attributes.credentials);
    const named = (await patch(id, { subject: "me" })).body.data.attributes;
    expect(named.public_keys).toEqual(attributes.public_keys);
    expect(named.credentials).toEqual({ ...attributes.credentials, subject: "me" });

    const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
    const next = (await patch(id, { private_key: other.export({ type: "pkcs1", format: "pem" }).toString() })).body.data
      .attributes;
    expect(next.public_keys.map((key: { current: boolean }) => key.current)).toEqual([true, false]);
    expect(next.public_keys[1].kid).toBe(attributes.public_keys[0].kid);
    const refused = await patch(id, { use: "encrypt" });
    expect(refused.status).toBe(400);
    expect(refused.body.errors[0].source.pointer).toBe("/data/attributes/credentials/use");
  });

  it("rotates: a new pair is current, the earlier public keys stay published until they are retired", async () => {
    const { id, attributes } = (await create("rs256", { bits: 2048 })).body.data;
    const first = attributes.public_keys[0].kid;
    const rotated = await rotate(id);
    expect(rotated.status).toBe(200);
    expect(rotated.body.data.attributes.credentials).toBeUndefined();
    const [current, earlier] = rotated.body.data.attributes.public_keys;
    expect([current.current, earlier.current, earlier.kid]).toEqual([true, false, first]);
    expect(current.kid).not.toBe(first);
    expect(await kids()).toEqual(expect.arrayContaining([first, current.kid]));
    // Of a signing key only the public half is kept.
    const { credentials } = (await at(GET, id)).body.data.attributes;
    expect(credentials.previous_keys).toEqual([{ kid: first, key: earlier.pem }]);
    expect(credentials.private_key).not.toBe(attributes.credentials.private_key);

    const held = await retire(id, current.kid);
    expect(held.status).toBe(409);
    expect(held.body.errors[0].code).toBe("in_use");
    expect((await retire(id, "unknown")).status).toBe(404);
    expect((await retire(id, first)).status).toBe(204);
    expect((await retire(id, first)).status).toBe(404);
    expect(await kids()).not.toContain(first);
    expect(await kids()).toContain(current.kid);
    const trail = await world.database.owner`
      select action from audit_entries where target_id = ${id} and action like 'secret.key%' order by id`;
    expect(trail.map((entry) => entry.action)).toEqual(["secret.key_rotated", "secret.key_retired"]);
  });

  it("of two rotations at once both happen, one after the other", async () => {
    const { id } = (await create("rs256", { bits: 2048 })).body.data;
    const answers = await Promise.all([rotate(id), rotate(id)]);
    expect(answers.map((answer) => answer.status)).toEqual([200, 200]);
    const { public_keys } = (await at(GET, id)).body.data.attributes;
    expect(public_keys).toHaveLength(3);
    expect(new Set(public_keys.map((key: { kid: string }) => key.kid)).size).toBe(3);
  });

  it("that decrypts keeps its earlier private keys, and says what it is for", async () => {
    const first = newKey();
    const { id, attributes } = (await create("rs256", { private_key: first, use: "encrypt" })).body.data;
    expect(attributes.public_keys[0].jwk).toMatchObject({ alg: "RSA-OAEP-256", use: "enc" });
    await rotate(id);
    const { credentials } = (await at(GET, id)).body.data.attributes;
    expect(credentials.previous_keys).toEqual([{ kid: attributes.public_keys[0].kid, key: first }]);
  });

  it("signs or decrypts, one key never both: not in another secret, not by a change, not at once, until it is gone", async () => {
    const key = newKey();
    const refused = (answer: Awaited<ReturnType<typeof create>>) => {
      expect(answer.status).toBe(400);
      expect(answer.body.errors[0]).toMatchObject({
        code: "invalid_attribute",
        detail: expect.stringContaining("one key never does both"),
        source: { pointer: "/data/attributes/credentials/private_key" },
      });
    };
    const signing = (await create("rs256", { private_key: key })).body.data;
    refused(await create("rs256", { private_key: key, use: "encrypt" }));
    // For the same use it may be kept twice.
    const again = (await create("rs256", { private_key: key })).body.data;
    const decrypting = (await create("rs256", { private_key: newKey(), use: "encrypt" })).body.data;
    refused(await patch(decrypting.id, { private_key: key }));
    expect((await at(GET, decrypting.id)).body.data.attributes.public_keys).toHaveLength(1);
    // Earlier keys still verify.
    expect((await patch(signing.id, { private_key: newKey() })).status).toBe(200);
    await at(DELETE, again.id, { method: "DELETE" });
    refused(await patch(decrypting.id, { private_key: key }));
    expect((await retire(signing.id, signing.attributes.public_keys[0].kid)).status).toBe(204);
    expect((await patch(decrypting.id, { private_key: key })).status).toBe(200);
    const contested = newKey();
    const both = await Promise.all(
      ["sign", "encrypt", "sign", "encrypt"].map((use) => create("rs256", { private_key: contested, use })),
    );
    const uses = both.flatMap(({ status, body }) => (status === 201 ? [body.data.attributes.visible.use] : []));
    expect(uses.length).toBeGreaterThan(0);
    expect(new Set(uses).size).toBe(1);
  });

  it("rotates for nobody without the right, and nothing of another type", async () => {
    const { id } = (await create("rs256", { bits: 2048 })).body.data;
    expect((await at(ROTATE, id, { method: "POST", json: {}, as: guest.basic })).status).toBe(403);
    expect((await at(RETIRE, id, { method: "DELETE", params: { kid: "x" }, as: guest.basic })).status).toBe(403);
    expect((await rotate(id, { bits: 512 })).status).toBe(400);
    const { id: other } = (await create("password", { password: "p" })).body.data;
    expect((await rotate(other)).status).toBe(400);
    expect((await retire(other, "x")).status).toBe(400);
  });
});

describe("the published set", () => {
  it("is for anybody, cacheable shortly, and holds public keys alone", async () => {
    await create("rs256", { private_key: PKCS8 });
    const answer = await call(JWKS, { params: { file: `${world.place.workspaceId}.json` } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("cache-control")).toBe("public, max-age=300");
    expect(answer.headers.get("content-type")).toBe("application/jwk-set+json");
    const { keys } = JSON.parse(answer.body);
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) expect(Object.keys(key).sort()).toEqual(["alg", "e", "kid", "kty", "n", "use"]);
  });

  it("is empty for whatever has none, be it there or not", async () => {
    for (const file of [`${newId()}.json`, "x.json", "..%2f.json", "", world.place.workspaceId])
      expect((await call(JWKS, { params: { file } })).body, file).toBe('{"keys":[]}');
  });

  it("loses the keys of a secret that is deleted", async () => {
    const { id, attributes } = (await create("rs256", { bits: 2048 })).body.data;
    expect(await kids()).toContain(attributes.public_keys[0].kid);
    expect((await at(DELETE, id, { method: "DELETE" })).status).toBe(204);
    expect(await kids()).not.toContain(attributes.public_keys[0].kid);
  });
});
