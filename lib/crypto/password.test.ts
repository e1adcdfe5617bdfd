import { scrypt, scryptSync } from "node:crypto";
import { expect, test, vi } from "vitest";
import { hashPassword, needsRehash, verifyNothing, verifyPassword } from "@/lib/crypto/password";
import { AppError } from "@/lib/errors";

vi.mock("node:crypto", async (original) => {
  const crypto = await original<typeof import("node:crypto")>();
  return { ...crypto, scrypt: vi.fn(crypto.scrypt) };
});

const stored = (ln: number, password: string) => {
  const salt = Buffer.from("0123456789abcdef");
  const hash = scryptSync(password, salt, 32, { N: 2 ** ln, r: 8, p: 1, maxmem: 2 ** 29 });
  return `$scrypt$ln=${ln},r=8,p=1$${salt.toString("base64").replace(/=+$/, "")}$${hash.toString("base64").replace(/=+$/, "")}`;
};

test("hash and check, with the parameters in the text and a salt of its own", async () => {
  const [a, b] = await Promise.all([hashPassword("a long password"), hashPassword("a long password")]);
  expect(a).toMatch(/^\$scrypt\$ln=17,r=8,p=1\$/);
  expect(a).not.toBe(b);
  expect(needsRehash(a)).toBe(false);
  expect(await verifyPassword(a, "a long password")).toBe(true);
  expect(await verifyPassword(a, "a long passwore")).toBe(false);
});

test("other stored parameters are understood and marked for renewal", async () => {
  const old = stored(12, "older");
  expect(await verifyPassword(old, "older")).toBe(true);
  expect(await verifyPassword(old, "newer")).toBe(false);
  expect(needsRehash(old)).toBe(true);
});

test("NFKC: the same password from another keyboard", async () => {
  expect(await verifyPassword(stored(10, "Pa\u0308sswort\u00a01".normalize("NFKC")), "Pässwort 1")).toBe(true);
});

test.each([
  "",
  "x",
  "$scrypt$ln=99,r=8,p=1$AAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAA",
  "$2b$10$abcdefghijklmnopqrstuv",
])("no hash of ours (%s) is never right", async (text) => expect(await verifyPassword(text, "x")).toBe(false));

test("an unknown name costs what a known one costs", async () => {
  vi.mocked(scrypt).mockClear();
  expect(await verifyPassword(await hashPassword("pw"), "no")).toBe(false);
  expect(await verifyNothing("no")).toBe(false);
  expect(await verifyPassword("no hash of ours", "no")).toBe(false);
  const [made, ...checked] = vi.mocked(scrypt).mock.calls.map(([, salt, length, options]) => ({
    salt: (salt as Buffer).length,
    length,
    options,
  }));
  expect(checked).toEqual([made, made, made]);
});

test("a flood is bounded: some wait, the rest are told to come back, memory stays flat", async () => {
  const cheap = stored(12, "pw");
  const before = process.memoryUsage().rss;
  let peak = before;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 5);
  const results = await Promise.allSettled(Array.from({ length: 500 }, () => verifyPassword(cheap, "pw")));
  clearInterval(watch);
  const refused = results.filter((result) => result.status === "rejected");
  expect(results.filter((result) => result.status === "fulfilled" && result.value)).toHaveLength(66);
  expect(refused).toHaveLength(434);
  for (const { reason } of refused) expect(reason).toMatchObject({ code: "throttled", status: 429 });
  expect(refused[0]?.reason).toBeInstanceOf(AppError);
  expect(peak - before).toBeLessThan(150 * 1024 * 1024);
  expect(await verifyPassword(cheap, "pw")).toBe(true);
});
