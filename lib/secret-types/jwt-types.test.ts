import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { hs256, hs256Key, looksLikeKey } from "./hs256";
import { rs256 } from "./rs256";

const wrong = (type: typeof hs256 | typeof rs256, credentials: unknown) => {
  const checked = type.credentials.safeParse(credentials);
  return checked.success
    ? null
    : checked.error.issues.map((issue) => `${issue.path.join("/")}: ${issue.message}`).join("; ");
};
const SECRET = "0123456789abcdef0123456789abcdef";

describe("hs256", () => {
  it("takes 32 bytes or more, as text or as base64url", () => {
    expect(wrong(hs256, { secret: SECRET })).toBeNull();
    expect(wrong(hs256, { secret: "ü".repeat(16) })).toBeNull();
    expect(wrong(hs256, { secret: Buffer.alloc(32, 7).toString("base64url"), encoding: "base64url" })).toBeNull();
    expect(hs256Key("AAEC_-8", "base64url")).toEqual(Uint8Array.from([0, 1, 2, 255, 239]));
  });

  it.each([
    [{ secret: SECRET.slice(1) }, "secret: has 31 bytes"],
    [{ secret: "ü".repeat(15) }, "secret: has 30 bytes"],
    // 32 letters of base64url are 24 bytes.
    [{ secret: SECRET, encoding: "base64url" }, "secret: has 24 bytes"],
    [{ secret: `${SECRET}!`, encoding: "base64url" }, "secret: is not base64url"],
    [{ secret: "" }, "secret: must not be empty"],
    [{}, "secret: "],
    [{ secret: SECRET, encoding: "hex" }, "encoding: must be utf8 or base64url"],
    [{ secret: SECRET, lifetime: 0 }, "lifetime: must be 1 second"],
    [{ secret: SECRET, lifetime: 1.5 }, "lifetime: must be whole seconds"],
    [{ secret: SECRET, lifetime: 366 * 86_400 }, "lifetime: must be a year at most"],
    [{ secret: SECRET, issuer: "" }, "issuer: must not be empty"],
    [{ secret: SECRET, algorithm: "none" }, "algorithm"],
  ])("refuses %j", (credentials, words) => {
    expect(wrong(hs256, credentials)).toContain(words);
  });

  it("is never a key of another kind, in any form: what is public would sign (JW-1)", () => {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    for (const type of ["spki", "pkcs1"] as const) {
      const der = publicKey.export({ type, format: "der" });
      for (const text of [
        publicKey.export({ type, format: "pem" }).toString(),
        der.toString("base64"),
        der.toString("base64url"),
        der.toString("base64").replace(/(.{64})/g, "$1\n"),
      ]) {
        expect(looksLikeKey(text), `${type} ${text.slice(0, 20)}`).toBe(true);
        expect(wrong(hs256, { secret: text })).toContain("key of another kind");
        expect(wrong(hs256, { secret: text, encoding: "base64url" })).toContain("key of another kind");
      }
    }
    for (const text of [
      JSON.stringify(publicKey.export({ format: "jwk" })),
      JSON.stringify({ n: "x", kty: "RSA" }, null, 2),
      privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      "-----BEGIN CERTIFICATE-----\nMIIBszCCARwCCQ\n-----END CERTIFICATE-----",
      "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ me@host",
    ])
      expect(looksLikeKey(text)).toBe(true);
    for (const text of [SECRET, "MIIB", "MAAA", `MIIBIjANBgkq${SECRET}`, `{"a":"${SECRET}"}`])
      expect(looksLikeKey(text), text).toBe(false);
  });
});

describe("rs256", () => {
  it("takes a key as text or JWK, or nothing: then one is generated", () => {
    for (const credentials of [
      {},
      { bits: 4096 },
      { bits: "2048" },
      { private_key: "x" },
      { private_key: { kty: "RSA" } },
    ])
      expect(wrong(rs256, credentials)).toBeNull();
  });

  it.each([
    [{ bits: 1024 }, "bits: must be 2048, 3072 or 4096"],
    [{ bits: 512 }, "bits: must be 2048, 3072 or 4096"],
    [{ private_key: "x", bits: 2048 }, "bits: is for a pair that is generated"],
    [{ use: "both" }, "use: must be sign or encrypt"],
    [{ private_key: "" }, "private_key"],
    [{ private_key: 5 }, "private_key"],
  ])("refuses %j", (credentials, words) => {
    expect(wrong(rs256, credentials)).toContain(words);
  });
});
