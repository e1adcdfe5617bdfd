import { createHash, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { API_KEY_PATTERN, newApiKey, parseApiKey } from "@/lib/accounts/api-key-format";

const ID = "5f00000000000000000000aa";

test("10,000 keys: all match the published pattern, all parse, all differ", () => {
  const keys = new Set(Array.from({ length: 10_000 }, (_, i) => newApiKey(i % 2 ? "pat" : "task", ID)));
  expect(keys.size).toBe(10_000);
  for (const key of keys) {
    expect(`token=${key};`).toMatch(API_KEY_PATTERN);
    expect(parseApiKey(key)).toEqual({ kind: key.includes("_pat_") ? "pat" : "task", id: ID });
  }
});

test("one wrong character anywhere is noticed", () => {
  const key = newApiKey("pat", ID);
  for (let i = "latchkey_".length; i < key.length; i += 1) {
    const wrong = `${key.slice(0, i)}${key[i] === "a" ? "b" : "a"}${key.slice(i + 1)}`;
    expect(parseApiKey(wrong)).toBe("malformed");
  }
  for (const wrong of [key.slice(0, -1), `${key}x`, `${key}\n`, "latchkey_", key.replace("pat", "root")])
    expect(parseApiKey(wrong)).toBe("malformed");
});

test("other texts are not ours to judge", () => {
  for (const text of ["", "bf37a1c2-8e5d-4a0c-9f53-1d2e3f405162", `x${newApiKey("pat", ID)}`, "Latchkey_pat"])
    expect(parseApiKey(text)).toBeNull();
});

test("the check is the usual CRC32", () => {
  // Written down once: a released key must stay valid.
  expect(parseApiKey(`latchkey_pat_${ID}_${"0".repeat(27)}_2E1Yfn`)).toEqual({ kind: "pat", id: ID });
});

test("no hits in ordinary text", () => {
  let text = "";
  for (let i = 0; i < 20_000; i += 1) text += ` ${createHash("sha256").update(String(i)).digest("base64url")}_${i}`;
  text += randomBytes(500_000).toString("base64url");
  expect(API_KEY_PATTERN.test(text)).toBe(false);
});
