import { createSecretKey, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { DataKeys } from "./data-keys";

const tenantKey = () => createSecretKey(randomBytes(32));

test("a key is known to the tenant key that unwrapped it, and to no other", () => {
  const keys = new DataKeys();
  const [own, other, wrapped] = [tenantKey(), tenantKey(), randomBytes(60)];
  keys.keep(own, wrapped, Buffer.alloc(32, 1));
  expect(keys.get(own, wrapped)).toEqual(Buffer.alloc(32, 1));
  expect(keys.get(own, randomBytes(60))).toBeUndefined();
  expect(keys.get(other, wrapped)).toBeUndefined();
  // Whoever comes with another key has rotated it: the old opening is forgotten too.
  expect(keys.get(own, wrapped)).toBeUndefined();
});

test("after five minutes a key is wiped and gone", () => {
  let now = 0;
  const keys = new DataKeys(() => now);
  const [own, wrapped, key] = [tenantKey(), randomBytes(60), Buffer.alloc(32, 1)];
  keys.keep(own, wrapped, key);
  now = 5 * 60_000 - 1;
  expect(keys.get(own, wrapped)).toBe(key);
  now += 1;
  expect(keys.get(own, wrapped)).toBeUndefined();
  expect(key).toEqual(Buffer.alloc(32));
  expect(keys.size).toBe(0);
});

test("only so many are kept, the youngest; what nobody asks for again is wiped when others come", () => {
  let now = 0;
  const keys = new DataKeys(() => now);
  const own = tenantKey();
  const made = Array.from({ length: 5_000 }, () => ({ wrapped: randomBytes(60), key: Buffer.alloc(32, 1) }));
  for (const { wrapped, key } of made) keys.keep(own, wrapped, key);
  expect(keys.size).toBe(4_096);
  expect(made[0]?.key).toEqual(Buffer.alloc(32));
  expect(keys.get(own, (made[4_999] as (typeof made)[number]).wrapped)).toBeDefined();
  now = 6 * 60_000;
  keys.keep(own, randomBytes(60), Buffer.alloc(32, 2));
  expect(keys.size).toBe(1);
  expect(made[4_999]?.key).toEqual(Buffer.alloc(32));
});
