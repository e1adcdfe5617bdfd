import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { calculateJwkThumbprint, exportJWK } from "jose";
import { describe, expect, it } from "vitest";
import { generateRsaKey, KeyRefused, privatePem, publicHalf, readRsaPrivateKey } from "./rsa-keys";

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const pkcs8 = privatePem(privateKey);
const pkcs1 = privateKey.export({ type: "pkcs1", format: "pem" }).toString();
const jwk = privateKey.export({ format: "jwk" });
const spki = createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString();
const rsaPublic = createPublicKey(privateKey).export({ type: "pkcs1", format: "pem" }).toString();
const weak = (bits: number, publicExponent?: number) =>
  generateKeyPairSync("rsa", { modulusLength: bits, publicExponent }).privateKey;
const sealed = (type: "pkcs8" | "pkcs1") =>
  privateKey.export({ type, format: "pem", cipher: "aes-256-cbc", passphrase: "x" }).toString();
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const pss = generateKeyPairSync("rsa-pss", { modulusLength: 2048 }).privateKey;
const pem = (key: typeof privateKey) => key.export({ type: "pkcs8", format: "pem" }).toString();

describe("a private key is read", () => {
  it.each([
    ["PKCS#8", pkcs8],
    ["PKCS#1", pkcs1],
    ["a JWK", JSON.stringify(jwk)],
    ["a JWK with what JWKs carry besides", JSON.stringify({ ...jwk, kid: "x", alg: "RS256", use: "sig" }, null, 2)],
    ["PEM with lines of Windows and blank space", `\n  ${pkcs8.replaceAll("\n", "\r\n")}\n`],
    ["PEM as it stands in a JSON file", pkcs8.replaceAll("\n", "\\n")],
    ["a bundle with a public key before it", `${spki}${pkcs1}`],
  ])("from %s", (_name, text) => {
    expect(privatePem(readRsaPrivateKey(text))).toBe(pkcs8);
  });
});

describe("a private key is refused, and the reason said without a part of it:", () => {
  const lines = pkcs8.trim().split("\n");
  it.each([
    ["a passphrase (PKCS#8)", sealed("pkcs8"), "passphrase"],
    ["a passphrase (PKCS#1)", sealed("pkcs1"), "passphrase"],
    ["the first half of the text", pkcs8.slice(0, pkcs8.length / 2), "cut off"],
    ["a line in the middle missing", [...lines.slice(0, 5), ...lines.slice(6)].join("\n"), "damaged"],
    ["nothing between the lines", `${lines[0]}\n${lines.at(-1)}`, "damaged"],
    ["half a JWK", JSON.stringify(jwk).slice(0, 200), "no JSON"],
    ["a JWK without its primes", JSON.stringify({ ...jwk, p: undefined }), "member p is missing"],
    [
      "a JWK of which one half is another's",
      JSON.stringify({ ...jwk, n: createPublicKey(other).export({ format: "jwk" }).n }),
      /two halves|no RSA key/,
    ],
    ["only the public half, SPKI", spki, "only the public half"],
    ["only the public half, PKCS#1", rsaPublic, "only the public half"],
    ["only the public half, JWK", JSON.stringify({ kty: "RSA", n: jwk.n, e: jwk.e }), "only the public half"],
    ["a set of keys", JSON.stringify({ keys: [jwk] }), "set of keys"],
    ["a certificate", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "certificate"],
    ["512 bits", pem(weak(512)), "512 bits"],
    ["1024 bits", pem(weak(1024)), "1024 bits"],
    ["an exponent of 3", pem(weak(2048, 3)), "exponent"],
    ["an elliptic curve", pem(ec), "must be an RSA key"],
    ["an elliptic curve as JWK", JSON.stringify(ec.export({ format: "jwk" })), "must be an RSA key"],
    ["RSA-PSS", pem(pss), "must be an RSA key"],
    ["OpenSSH's form", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----", "OpenSSH"],
    ["an SSH public key", "ssh-rsa AAAAB3NzaC1yc2E me@host", "SSH public key"],
    ["any text", "hunter2", "must be a private key as PEM"],
  ])("%s", (_name, text, words) => {
    let refused: unknown;
    try {
      readRsaPrivateKey(text);
    } catch (error) {
      refused = error;
    }
    expect(refused).toBeInstanceOf(KeyRefused);
    const { message } = refused as KeyRefused;
    expect(message).toMatch(words);
    for (const piece of text.split(/[\s"]+/).filter((word) => word.length > 24)) expect(message).not.toContain(piece);
  });
});

describe("the public half", () => {
  it("is named by its RFC 7638 thumbprint: the RFC's own example", () => {
    const n =
      "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    const key = createPublicKey({ key: { kty: "RSA", n, e: "AQAB" }, format: "jwk" });
    expect(publicHalf(key).kid).toBe("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
  });

  it("is the same of either half, and what jose makes of it", async () => {
    const half = publicHalf(privateKey);
    expect(publicHalf(createPublicKey(privateKey))).toEqual(half);
    expect(half.kid).toBe(await calculateJwkThumbprint(await exportJWK(createPublicKey(privateKey))));
    expect(half.bits).toBe(2048);
  });
});

it("new pairs have the bits asked for and are never the same; only so many wait", async () => {
  const made = await Promise.all(Array.from({ length: 24 }, () => generateRsaKey(2048)));
  const keys = made.filter((key) => key !== null);
  expect(keys).toHaveLength(20);
  expect(new Set(keys.map((key) => publicHalf(key).kid)).size).toBe(20);
  expect(publicHalf(createPrivateKey(privatePem(keys[0] as (typeof keys)[0]))).bits).toBe(2048);
});
