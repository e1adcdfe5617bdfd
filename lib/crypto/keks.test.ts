import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { KekError, parseKeks } from "@/lib/crypto/keks";

const fresh = () => randomBytes(32).toString("base64");

test("a comma list: the first is current, ids are stable and differ", () => {
  const [a, b] = [fresh(), fresh()];
  const keks = parseKeks(` ${a} , ${b}`);
  expect(keks).toHaveLength(2);
  expect(keks[0].idHex).toBe(parseKeks(a)[0].idHex);
  expect(keks[0].idHex).toMatch(/^[0-9a-f]{16}$/);
  expect(keks[0].idHex).not.toBe(keks[1]?.idHex);
});

test("base64url and missing padding mean the same key", () => {
  const key = randomBytes(32);
  expect(parseKeks(key.toString("base64url"))[0].idHex).toBe(parseKeks(key.toString("base64"))[0].idHex);
});

test.each([
  ["empty", ""],
  ["an empty member", `${fresh()},`],
  ["31 bytes", randomBytes(31).toString("base64")],
  ["33 bytes", randomBytes(33).toString("base64")],
  ["the README example", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="],
  ["all bytes equal", Buffer.alloc(32, 7).toString("base64")],
  ["counting up", Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString("base64")],
  ["two bytes by turns", Buffer.from("ab".repeat(16)).toString("base64")],
  ["a passphrase", "correct horse battery staple"],
  ["hex of 32 bytes", randomBytes(32).toString("hex")],
])("refuses %s without showing it", (_name, text) => {
  let message = "";
  try {
    parseKeks(text);
  } catch (error) {
    expect(error).toBeInstanceOf(KekError);
    message = (error as Error).message;
  }
  expect(message).not.toBe("");
  if (text.length > 8) expect(message).not.toContain(text.slice(0, 8));
});

test("refuses the same key twice", () => {
  const key = fresh();
  expect(() => parseKeks(`${key},${key}`)).toThrow(/twice/);
});
