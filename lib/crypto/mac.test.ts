import { randomBytes } from "node:crypto";
import { beforeEach, expect, test } from "vitest";
import { derivedSecret, fingerprint, installMacKey, mac, sameMac } from "@/lib/crypto/mac";
import { forget } from "@/lib/process";

const key = randomBytes(32);
beforeEach(() => installMacKey(key));

test("a MAC depends on purpose, text and instance key, and on nothing else", () => {
  const made = mac("api-key", "text");
  expect(made).toMatch(/^[0-9a-f]{64}$/);
  expect(mac("api-key", "text")).toBe(made);
  expect(mac("state", "text")).not.toBe(made);
  expect(mac("api-key", "text2")).not.toBe(made);
  installMacKey(randomBytes(32));
  expect(mac("api-key", "text")).not.toBe(made);
  installMacKey(key);
  expect(mac("api-key", "text")).toBe(made);
});

test("comparison", () => {
  const made = mac("state", "a");
  expect(sameMac(made, mac("state", "a"))).toBe(true);
  expect(sameMac(made, mac("state", "b"))).toBe(false);
  expect(sameMac(made, made.slice(1))).toBe(false);
  expect(sameMac("", "")).toBe(true);
});

test("a fingerprint tells tokens apart within a tenant and says nothing across tenants", () => {
  expect(fingerprint("t1", "token")).toMatch(/^[0-9a-f]{16}$/);
  expect(fingerprint("t1", "token")).toBe(fingerprint("t1", "token"));
  expect(fingerprint("t1", "token")).not.toBe(fingerprint("t2", "token"));
  expect(fingerprint("t1", "x:token")).not.toBe(fingerprint("t1:x", "token"));
});

test("derived secrets differ by purpose and from MAC keys", () => {
  expect(derivedSecret("next-auth")).toHaveLength(43);
  expect(derivedSecret("next-auth")).not.toBe(derivedSecret("other"));
});

test("without a key, or with a short one, the complaint is plain", () => {
  expect(() => installMacKey(Buffer.alloc(31))).toThrow(/32 bytes/);
  forget("macKeys");
  expect(() => mac("state", "a")).toThrow(/installMacKey/);
});
