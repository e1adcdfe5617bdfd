import {
  createHmac,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";
import { CompactEncrypt, CompactSign, compactVerify, exportJWK, SignJWT, UnsecuredJWT } from "jose";
import { describe, expect, it } from "vitest";
import { publicHalf } from "@/lib/crypto/rsa-keys";
import { AppError } from "@/lib/errors";
import {
  decryptJwe,
  encryptJwe,
  MAX_TOKEN,
  signJwt,
  signPayload,
  verifyJwt,
  verifyPayload,
  type WantedClaims,
} from "./jwt";
import type { JwtKey, JwtKeys, JwtSettings } from "./jwt-keys";

/** SECURITY JW-1 to JW-5, on keys as they were opened; the doors are tested in app/v2/workspaces/_tests/jwt.test.ts. */

const NOW = Date.UTC(2026, 10, 21, 12);
const S = Math.floor(NOW / 1000);
const pair = () => generateKeyPairSync("rsa", { modulusLength: 2048 });
const [one, two, foreign] = [pair(), pair(), pair()];
const keyOf = ({ privateKey, publicKey }: ReturnType<typeof pair>, own = true): JwtKey => ({
  kid: publicHalf(publicKey).kid,
  own: own ? privateKey : null,
  open: publicKey,
});
const rs256 = (settings: JwtSettings = {}, ...earlier: JwtKey[]): JwtKeys => ({
  alg: "RS256",
  settings,
  keys: [keyOf(one), ...earlier],
});
const secret = randomBytes(32);
const hs256 = (settings: JwtSettings = {}): JwtKeys => {
  const key = createSecretKey(secret);
  return { alg: "HS256", settings, keys: [{ kid: null, own: key, open: key }] };
};
const encrypting = (...earlier: JwtKey[]): JwtKeys => ({
  alg: "RSA-OAEP-256",
  settings: {},
  keys: [keyOf(two), ...earlier],
});

const token = (
  claims: Record<string, unknown>,
  header: Record<string, unknown> = {},
  key: KeyObject = one.privateKey,
) => new SignJWT(claims).setProtectedHeader({ alg: "RS256", ...header }).sign(key);
/** A token put together by hand: libraries refuse to make some of these. */
function forged(header: unknown, claims: unknown, seal: (input: string) => string): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const input = `${part(header)}.${part(claims)}`;
  return `${input}.${seal(input)}`;
}
const hmac = (key: string | Buffer) => (input: string) => createHmac("sha256", key).update(input).digest("base64url");
const forgedBy = (key: KeyObject, header: Record<string, unknown>) =>
  forged({ alg: "RS256", ...header }, GOOD, (input) =>
    // The signature is good, by a key that is not the secret's.
    sign("sha256", Buffer.from(input), key).toString("base64url"),
  );
const whyNot = async (keys: JwtKeys, text: string, wanted: WantedClaims = {}): Promise<string> => {
  try {
    await verifyJwt(keys, text, wanted, NOW);
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    expect((error as AppError).code).toBe("token_refused");
    // Nothing of the token in what is said of it.
    if (text.length >= 20) expect((error as AppError).message).not.toContain(text.slice(0, 20));
    return (error as AppError).message;
  }
  return "accepted";
};
const GOOD = { exp: S + 60 };

describe("signing and verifying", () => {
  it.each([
    ["HS256", hs256({ issuer: "us", audience: "them", subject: "me", lifetime: 60 })],
    ["RS256", rs256({ issuer: "us", audience: "them", subject: "me", lifetime: 60 })],
  ])("%s: the secret's claims and lifetime, unless said otherwise", async (alg, keys) => {
    const made = await signJwt(keys, { role: "x" }, { nowMs: NOW });
    expect(made.expiresAt).toBe(new Date(NOW + 60_000).toISOString());
    const read = await verifyJwt(keys, made.token, {}, NOW);
    expect(read).toEqual({
      alg,
      kid: keys.keys[0].kid,
      claims: { iss: "us", aud: "them", sub: "me", role: "x", iat: S, exp: S + 60 },
    });
    const other = await signJwt(keys, { iss: "other", aud: ["a", "b"] }, { nowMs: NOW, lifetimeS: 5, typ: "at+jwt" });
    const { claims } = await verifyJwt(keys, other.token, { issuer: "other", audience: "b", typ: "at+jwt" }, NOW);
    expect(claims).toMatchObject({ iss: "other", aud: ["a", "b"], sub: "me", exp: S + 5 });
  });

  it("lives five minutes where nothing else is said, and is never larger than what is verified", async () => {
    const { token: made } = await signJwt(hs256(), {}, { nowMs: NOW });
    expect((await verifyJwt(hs256(), made, {}, NOW)).claims.exp).toBe(S + 300);
    await expect(signJwt(hs256(), { much: "x".repeat(MAX_TOKEN) }, { nowMs: NOW })).rejects.toThrow(
      "larger than 16 KB",
    );
  });

  it("verifies with an earlier key, by its name or without one, until it is retired", async () => {
    const before = await token(GOOD, { kid: keyOf(two).kid }, two.privateKey);
    const nameless = await token(GOOD, {}, two.privateKey);
    for (const text of [before, nameless])
      expect((await verifyJwt(rs256({}, keyOf(two, false)), text, {}, NOW)).kid).toBe(keyOf(two).kid);
    expect(await whyNot(rs256(), before)).toContain("does not have");
    expect(await whyNot(rs256(), nameless)).toContain("not signed by this secret");
  });
});

describe("JW-1: the algorithm belongs to the key", () => {
  it("refuses none, with and without a signature, however it is written", async () => {
    const unsecured = new UnsecuredJWT(GOOD).encode();
    expect(await whyNot(rs256(), unsecured)).toContain("not signed with RS256");
    expect(await whyNot(hs256(), unsecured)).toContain("not signed with HS256");
    for (const alg of ["none", "None", "NONE", "nOnE", "", null, undefined, 0, ["RS256"], { alg: "RS256" }])
      for (const signature of ["", "AAAA"])
        expect(
          await whyNot(
            rs256(),
            forged({ alg }, GOOD, () => signature),
          ),
          String(alg),
        ).not.toBe("accepted");
  });

  it("refuses the other algorithm, and every one that is not its own", async () => {
    expect(await whyNot(rs256(), forged({ alg: "HS256" }, GOOD, hmac(secret)))).toContain("not signed with RS256");
    expect(await whyNot(hs256(), await token(GOOD))).toContain("not signed with HS256");
    for (const alg of ["RS384", "RS512", "PS256"])
      expect(await whyNot(rs256(), await token(GOOD, { alg }))).toContain("not signed with RS256");
    for (const alg of ["HS384", "HS512"])
      expect(await whyNot(hs256(), forged({ alg }, GOOD, hmac(secret)))).toContain("not signed with HS256");
  });

  it("refuses its own public key as a shared secret, in every form it is published in", async () => {
    const open = createPublicKey(one.privateKey);
    const forms: [string, string | Buffer][] = [
      ["SPKI PEM", open.export({ type: "spki", format: "pem" }).toString()],
      ["SPKI PEM, trimmed", open.export({ type: "spki", format: "pem" }).toString().trim()],
      ["PKCS#1 PEM", open.export({ type: "pkcs1", format: "pem" }).toString()],
      ["SPKI DER", open.export({ type: "spki", format: "der" })],
      ["PKCS#1 DER", open.export({ type: "pkcs1", format: "der" })],
      ["JWK", JSON.stringify(open.export({ format: "jwk" }))],
    ];
    for (const [name, key] of forms)
      for (const alg of ["HS256", "RS256", "hs256"])
        expect(await whyNot(rs256(), forged({ alg, kid: keyOf(one).kid }, GOOD, hmac(key))), `${name} ${alg}`).not.toBe(
          "accepted",
        );
  });
});

describe("JW-2: keys are the secret's own", () => {
  it("never uses a key or an address that the token brings along", async () => {
    const jwk = await exportJWK(foreign.publicKey);
    const der = foreign.publicKey.export({ type: "spki", format: "der" }).toString("base64");
    for (const header of [
      { jwk },
      { jku: "https://evil.example.com/jwks.json" },
      { jku: "http://127.0.0.1:1/x", kid: keyOf(one).kid },
      { x5u: "https://evil.example.com/x.pem" },
      { x5c: [der] },
      { jwk, kid: keyOf(one).kid },
    ])
      expect(await whyNot(rs256(), forgedBy(foreign.privateKey, header))).toContain("not signed by this secret");
    // The same headers do no harm on a token that is good.
    expect(await whyNot(rs256(), await token(GOOD, { jwk, jku: "https://evil.example.com/" }))).toBe("accepted");
  });

  it.each(["../../etc/passwd", "' OR 1=1 --", "__proto__", "", "x".repeat(10_000), keyOf(foreign).kid, 5, null, {}])(
    "opens nothing by the kid %j",
    async (kid) => {
      expect(await whyNot(rs256(), forgedBy(foreign.privateKey, { kid }))).not.toBe("accepted");
      expect(await whyNot(rs256(), forgedBy(one.privateKey, { kid }))).not.toBe("accepted");
    },
  );

  it("refuses extensions it does not know", async () => {
    for (const header of [{ crit: ["exp"], exp: 1 }, { crit: [] }, { crit: ["b64"], b64: false }, { crit: "x" }])
      expect(await whyNot(rs256(), forgedBy(one.privateKey, header))).toContain("crit");
  });
});

describe("JW-3: claims", () => {
  const FULL = {
    exp: S + 60,
    nbf: S - 60,
    iat: S - 60,
    iss: "us",
    aud: ["them", "others"],
    sub: "me",
    scope: "read:a write",
  };
  const WANTED = { issuer: "us", audience: "them", subject: "me", scope: ["write"] };

  it.each<[string, Record<string, unknown>, WantedClaims, string]>([
    ["all that is wanted", {}, WANTED, "accepted"],
    ["without exp", { exp: undefined }, {}, "does not say when it expires"],
    ["expired, beyond what clocks differ", { exp: S - 31 }, {}, "has expired"],
    ["expired just now", { exp: S - 20 }, {}, "accepted"],
    ["an exp that is text", { exp: String(S + 60) }, {}, "does not say when it expires"],
    ["not valid yet", { nbf: S + 31 }, {}, "is not valid yet"],
    ["valid in a moment", { nbf: S + 20 }, {}, "accepted"],
    ["another issuer", { iss: "us.evil" }, WANTED, "another issuer"],
    ["no issuer", { iss: undefined }, WANTED, "another issuer"],
    ["another audience", { aud: "them2" }, WANTED, "another audience"],
    ["no audience", { aud: undefined }, WANTED, "another audience"],
    ["one of several audiences", {}, { audience: ["x", "others"] }, "accepted"],
    ["another subject", { sub: "ME" }, WANTED, "another subject"],
    ["a scope that is part of a word", { scope: "read:a write:all" }, WANTED, "does not have the scope write"],
    ["a scope that is the end of a word", { scope: "rewrite" }, WANTED, "does not have the scope write"],
    ["a scope in other letters", { scope: "WRITE" }, WANTED, "does not have the scope write"],
    ["no scope", { scope: undefined }, WANTED, "does not have the scope write"],
    ["one scope of two", {}, { scope: ["write", "delete"] }, "does not have the scope delete"],
    ["scopes as a list", { scope: undefined, scp: ["write", "x"] }, WANTED, "accepted"],
    ["older than it may be", { iat: S - 100 }, { lifetime: 60 }, "older than it may be"],
    ["without its age", { iat: undefined }, { lifetime: 60 }, "does not say when it was issued"],
    ["young enough", { iat: S - 50 }, { lifetime: 60 }, "accepted"],
  ])("%s", async (_name, claims, wanted, words) => {
    expect(await whyNot(rs256(), await token(JSON.parse(JSON.stringify({ ...FULL, ...claims }))), wanted)).toContain(
      words,
    );
  });

  it("the type, where one is asked for", async () => {
    expect(await whyNot(rs256(), await token(GOOD, { typ: "at+jwt" }), { typ: "at+jwt" })).toBe("accepted");
    expect(await whyNot(rs256(), await token(GOOD, { typ: "JWT" }), { typ: "at+jwt" })).toContain("another type");
    expect(await whyNot(rs256(), await token(GOOD), { typ: "at+jwt" })).toContain("another type");
  });

  it("what the secret says is asked for where the caller asks for nothing else", async () => {
    const keys = rs256({ issuer: "us", audience: "them" });
    expect(await whyNot(keys, await token(FULL))).toBe("accepted");
    expect(await whyNot(keys, await token({ ...FULL, iss: "x" }))).toContain("another issuer");
    expect(await whyNot(keys, await token({ ...FULL, aud: "x" }))).toContain("another audience");
    expect(await whyNot(keys, await token({ ...FULL, aud: "x" }), { audience: "x" })).toBe("accepted");
  });

  it("a token that is none, or was changed", async () => {
    const good = await token(GOOD);
    const [head, body, signature] = good.split(".") as [string, string, string];
    const changed = Buffer.from(JSON.stringify({ ...GOOD, admin: true })).toString("base64url");
    for (const text of [
      "",
      "x",
      "a.b.c",
      "..",
      `${head}.${body}`,
      `${head}.${body}.`,
      `${head}.${changed}.${signature}`,
      `${good}.x`,
      `${good} `,
      `${head}..${signature}`,
      await new CompactEncrypt(new Uint8Array(4))
        .setProtectedHeader({ alg: "RSA-OAEP-256", enc: "A256GCM" })
        .encrypt(one.publicKey),
    ])
      expect(await whyNot(rs256(), text), text.slice(0, 30)).not.toBe("accepted");
  });
});

describe("texts that are no token", () => {
  const codeOf = async (work: Promise<unknown>) => {
    const error = await work.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof AppError)) throw new Error("nothing was refused");
    return [error.code, "source" in error ? error.source : undefined, error.message] as const;
  };
  const signed = (payload: string | Uint8Array, header: Record<string, unknown> = {}) =>
    new CompactSign(typeof payload === "string" ? Buffer.from(payload) : payload)
      .setProtectedHeader({ alg: "RS256", ...header })
      .sign(one.privateKey);

  it("come back as they were, by both algorithms, and anybody with the key reads them", async () => {
    for (const keys of [rs256(), hs256()])
      for (const payload of ["", "order 7: ü", '{"order":7,"Exp":1}', "[1]", '"sub"', "\ufeffx", " {"]) {
        const made = await signPayload(keys, payload);
        expect(await verifyPayload(keys, made.token)).toEqual({ payload, kid: made.kid, alg: keys.alg });
        const { protectedHeader } = await compactVerify(made.token, keys.keys[0].open);
        expect(protectedHeader).toMatchObject({ alg: keys.alg, typ: "JOSE" });
      }
    const earlier = await signPayload({ alg: "RS256", settings: {}, keys: [keyOf(two)] }, "earlier");
    expect((await verifyPayload(rs256({}, keyOf(two, false)), earlier.token)).payload).toBe("earlier");
  });

  it.each([
    '{"sub":"a"}',
    '{"exp":1}',
    ' {"a":1,"iat":1}',
    '{"scope":"x"}',
    '\ufeff{"iss":"x"}',
    '{"\\u0073ub":1}',
    '{"exp":1,"exp":2}',
    '{"aud":null}',
  ])("%j reads as claims: not signed, and not verified as a text", async (payload) => {
    expect((await codeOf(signPayload(rs256(), payload))).slice(0, 2)).toEqual([
      "invalid_attribute",
      { pointer: "/payload" },
    ]);
    expect((await codeOf(verifyPayload(rs256(), await signed(payload))))[2]).toContain("has claims");
  });

  it("have no type that says token, and are no token to who verifies one", async () => {
    for (const typ of ["JWT", "at+jwt", "x-JwT"])
      expect((await codeOf(signPayload(rs256(), "x", typ))).slice(0, 2)).toEqual([
        "invalid_attribute",
        { pointer: "/typ" },
      ]);
    const { token: text } = await signPayload(rs256(), '{"a":1}');
    expect(await whyNot(rs256(), text)).toMatch(/expires/);
    const { token: claims } = await signJwt(rs256(), {}, { nowMs: NOW });
    expect((await codeOf(verifyPayload(rs256(), claims)))[0]).toBe("token_refused");
  });

  it("are refused when changed, foreign, of another algorithm or no text; by a key that decrypts always", async () => {
    const { token: good } = await signPayload(rs256(), "text");
    const [header, , signature] = good.split(".");
    const changed = `${header}.${Buffer.from("other").toString("base64url")}.${signature}`;
    const other = { alg: "RS256" as const, settings: {}, keys: [keyOf(foreign)] as [JwtKey] };
    for (const bad of [
      changed,
      `${good}x`,
      (await signPayload(other, "text")).token,
      (await signPayload(hs256(), "text")).token,
      await signed(new Uint8Array([0xff, 0xfe])),
      await signed("text", { crit: ["x"], x: 1 }).catch(() => "none"),
    ])
      expect((await codeOf(verifyPayload(rs256(), bad)))[0]).toBe("token_refused");
    expect((await codeOf(signPayload(encrypting(), "x")))[0]).toBe("bad_request");
    expect((await codeOf(verifyPayload(encrypting(), good)))[0]).toBe("bad_request");
  });
});

describe("JW-4: a key has one use", () => {
  it("what encrypts neither signs nor verifies; what signs neither encrypts nor decrypts", async () => {
    await expect(signJwt(encrypting(), {}, { nowMs: NOW })).rejects.toMatchObject({ code: "bad_request" });
    await expect(verifyJwt(encrypting(), await token(GOOD), {}, NOW)).rejects.toMatchObject({ code: "bad_request" });
    for (const keys of [rs256(), hs256()]) {
      await expect(encryptJwe(keys, "x")).rejects.toMatchObject({ code: "bad_request" });
      await expect(decryptJwe(keys, "x")).rejects.toMatchObject({ code: "bad_request" });
    }
  });
});

describe("JW-5: encryption", () => {
  const encrypted = (header: Record<string, unknown>, key: unknown = two.publicKey) =>
    new CompactEncrypt(new TextEncoder().encode("hello"))
      .setProtectedHeader({ alg: "RSA-OAEP-256", enc: "A256GCM", ...header })
      .encrypt(key as KeyObject);
  const whyNotRead = async (text: string, keys = encrypting()) => {
    const said = await decryptJwe(keys, text).catch((error: unknown) => error);
    expect(said).toMatchObject({ code: "token_refused" });
    return (said as AppError).message;
  };

  it("reads what anybody encrypted with the public key, and what an earlier key was used for", async () => {
    const { token: made, kid } = await encryptJwe(encrypting(), "grüße");
    expect(kid).toBe(keyOf(two).kid);
    expect(await decryptJwe(encrypting(), made)).toEqual({ plaintext: "grüße", kid });
    expect((await decryptJwe(encrypting(), await encrypted({}))).plaintext).toBe("hello");
    const later: JwtKeys = { alg: "RSA-OAEP-256", settings: {}, keys: [keyOf(foreign), keyOf(two)] };
    for (const text of [made, await encrypted({})]) expect((await decryptJwe(later, text)).kid).toBe(kid);
  });

  it("refuses every other way before it does any work: PBES2 with a huge count, RSA1_5, dir, other content", async () => {
    const shape = (header: unknown) =>
      [header, "AAAA", "AAAAAAAAAAAAAAAA", "AAAA", "AAAAAAAAAAAAAAAAAAAAAA"]
        .map((part, at) => (at === 0 ? Buffer.from(JSON.stringify(part)).toString("base64url") : part))
        .join(".");
    for (const header of [
      { alg: "PBES2-HS256+A128KW", enc: "A256GCM", p2c: 2 ** 31, p2s: "AAAA" },
      { alg: "PBES2-HS512+A256KW", enc: "A256GCM", p2c: 2 ** 31, p2s: "AAAA" },
      { alg: "RSA1_5", enc: "A256GCM" },
      { alg: "RSA-OAEP", enc: "A256GCM" },
      { alg: "dir", enc: "A256GCM" },
      { alg: "A256KW", enc: "A256GCM" },
      { alg: "ECDH-ES", enc: "A256GCM" },
      { alg: "none", enc: "A256GCM" },
      { alg: "RSA-OAEP-256", enc: "A128CBC-HS256" },
      { alg: "RSA-OAEP-256", enc: "A128GCM" },
      { alg: "RSA-OAEP-256" },
    ])
      expect(await whyNotRead(shape(header)), JSON.stringify(header)).toContain("the only way taken here");
    expect(await whyNotRead(await encrypted({ enc: "A256CBC-HS512" }))).toContain("the only way taken here");
    for (const header of [{ zip: "DEF" }, { zip: "x" }, { crit: ["x"] }])
      expect(await whyNotRead(shape({ alg: "RSA-OAEP-256", enc: "A256GCM", ...header }))).toContain("zip");
  });

  it("says the same of a foreign, a changed and a damaged one", async () => {
    const good = await encrypted({});
    const changed = good
      .split(".")
      .map((part, at) => (at === 3 ? `A${part.slice(1)}B` : part))
      .join(".");
    const words = new Set([
      await whyNotRead(await encrypted({}, foreign.publicKey)),
      await whyNotRead(changed),
      await whyNotRead(good.slice(0, -4)),
    ]);
    expect([...words]).toEqual(["The token cannot be decrypted with this secret."]);
    expect(await whyNotRead(await encrypted({ kid: keyOf(foreign).kid }))).toContain("does not have");
  });

  it("gives out text only", async () => {
    const bytes = await new CompactEncrypt(Uint8Array.of(0xff, 0xfe, 0x00))
      .setProtectedHeader({ alg: "RSA-OAEP-256", enc: "A256GCM" })
      .encrypt(two.publicKey);
    expect(await whyNotRead(bytes)).toContain("holds no text");
  });
});
