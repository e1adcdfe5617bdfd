import { createDecipheriv, createSecretKey, type KeyObject, randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { keyring, open, openJson, openNow, type Place, seal, sealJson, sealNow } from "@/lib/crypto/envelope";
import vectors from "@/lib/crypto/envelope.vectors.json";
import { AT, FormatError, HEADER_BYTES, OVERHEAD_BYTES, parseBlob, TAG_BYTES } from "@/lib/crypto/format";
import { kekFromBytes } from "@/lib/crypto/keks";
import { Keyring } from "@/lib/crypto/keyring";
import { AppError } from "@/lib/errors";
import { forget, install } from "@/lib/process";
import { MemoryTenantKeys, testKek } from "@/lib/testing/memory-tenant-keys";

const PLACE: Place = {
  tenantId: "5f0000000000000000000001",
  table: "secrets",
  rowId: "5f00000000000000000000aa",
  field: "credentials",
  generation: 3,
};
const VALUE = "sentinel-value-2b7e";
const kek = testKek();
let store: MemoryTenantKeys;

beforeEach(() => {
  store = new MemoryTenantKeys();
  install("keyring", new Keyring({ keks: [kek], store }));
});
afterEach(() => forget("keyring"));

async function refusal(place: Place, sealed: Buffer): Promise<AppError> {
  const error = await open(place, sealed).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(AppError);
  expect((error as AppError).code).toBe("integrity_failure");
  expect((error as AppError).message).not.toContain(VALUE);
  return error as AppError;
}

test("what was sealed opens at its place, and only in a wrapper", async () => {
  for (const value of ["", "x", VALUE, "ä€𝄞", "y".repeat(100_000)]) {
    const sealed = await seal(PLACE, value);
    expect(sealed.includes(VALUE)).toBe(false);
    expect(sealed).toHaveLength(OVERHEAD_BYTES + Buffer.byteLength(value));
    expect((await open(PLACE, sealed)).reveal().toString()).toBe(value);
    expect(openNow(PLACE, sealed)?.reveal().toString()).toBe(value);
  }
  const bytes = randomBytes(500);
  const before = Buffer.from(bytes);
  expect((await open(PLACE, await seal(PLACE, bytes))).reveal().equals(before)).toBe(true);
  expect(bytes.equals(before)).toBe(true);
});

test("JSON, as it was", async () => {
  const value = { access_token: VALUE, n: 1.5, list: [null, true] };
  expect((await openJson(PLACE, await sealJson(PLACE, value))).reveal()).toEqual(value);
  await expect(sealJson(PLACE, undefined)).rejects.toThrow(TypeError);
  const error = await openJson(PLACE, await seal(PLACE, `${VALUE}{`)).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "integrity_failure" });
  expect(inspect(error, { depth: 9 })).not.toContain(VALUE);
});

/** What was opened has its data key in memory; nothing may be easier to forge for that. */
const HISTORY = [
  ["never opened", false],
  ["opened a moment ago", true],
] as const;

test.each(HISTORY)("every bit of a stored value counts: %s", async (_, opened) => {
  const sealed = await seal(PLACE, VALUE);
  if (opened) await open(PLACE, sealed);
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const changed = Buffer.from(sealed);
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
    await refusal(PLACE, changed);
  }
});

test.each(HISTORY)("a value opens at no other place: %s", async (_, opened) => {
  const sealed = await seal(PLACE, VALUE);
  if (opened) await open(PLACE, sealed);
  await seal({ ...PLACE, tenantId: "5f0000000000000000000002" }, "other tenant has a key of its own");
  const others: Place[] = [
    { ...PLACE, tenantId: "5f0000000000000000000002" },
    { ...PLACE, table: "auth_clients" },
    { ...PLACE, rowId: "5f00000000000000000000ab" },
    { ...PLACE, field: "client" },
    { ...PLACE, generation: 4 },
    { ...PLACE, generation: 2 },
    { ...PLACE, table: "secretscredentials", field: "" },
    { ...PLACE, table: PLACE.field, field: PLACE.table },
    { ...PLACE, rowId: PLACE.tenantId, tenantId: PLACE.rowId },
  ];
  for (const place of others) await refusal(place, sealed);
  const error = await refusal({ ...PLACE, generation: 4 }, sealed);
  // Where it lies is for the log's cause chain, not for the caller.
  expect(error.message).not.toContain(PLACE.rowId);
  expect(String(error.cause)).toContain(PLACE.rowId);
});

test("no two places share associated data: moved borders fail", async () => {
  const sealed = await seal({ ...PLACE, table: "ab", rowId: "c" }, VALUE);
  await refusal({ ...PLACE, table: "a", rowId: "bc" }, sealed);
});

test.each(HISTORY)("the wrapped key of one record does not serve another: %s", async (_, opened) => {
  const [a, b] = [await seal(PLACE, VALUE), await seal(PLACE, "another value!!")];
  if (opened) for (const sealed of [a, b]) await open(PLACE, sealed);
  const mixed = Buffer.concat([a.subarray(0, AT.wrapNonce), b.subarray(AT.wrapNonce, AT.nonce), a.subarray(AT.nonce)]);
  await refusal(PLACE, mixed);
});

describe("only what this format writes is read", () => {
  test.each([12, 8, 4, 1])("a tag cut to %i bytes", async (length) => {
    const sealed = await seal(PLACE, VALUE);
    await refusal(PLACE, sealed.subarray(0, sealed.length - TAG_BYTES + length));
  });

  test("unknown magic, format, algorithm, version 0; nothing, a header, rubbish", async () => {
    const sealed = await seal(PLACE, VALUE);
    for (const [at, byte] of [
      [0, 0],
      [1, 0],
      [2, 0],
      [2, 2],
      [3, 0],
      [3, 2],
      [3, 255],
    ] as const) {
      const changed = Buffer.from(sealed);
      changed[at] = byte;
      await refusal(PLACE, changed);
    }
    const zero = Buffer.from(sealed);
    zero.writeUInt32BE(0, AT.version);
    await refusal(PLACE, zero);
    await refusal(PLACE, Buffer.alloc(0));
    await refusal(PLACE, sealed.subarray(0, HEADER_BYTES));
    await refusal(PLACE, Buffer.concat([sealed, Buffer.from([0])]));
    await refusal(PLACE, randomBytes(300));
    expect(() => openNow(PLACE, randomBytes(300))).toThrow(AppError);
  });
});

test("an unknown format or algorithm is refused by itself, before anything is authenticated", async () => {
  const sealed = await seal(PLACE, VALUE);
  expect(parseBlob(sealed).tag).toHaveLength(16);
  for (const [at, byte] of [
    [2, 0],
    [2, 2],
    [3, 0],
    [3, 2],
  ] as const) {
    const changed = Buffer.from(sealed);
    changed[at] = byte;
    expect(() => parseBlob(changed), `byte ${at} = ${byte}`).toThrow(FormatError);
  }
});

test("the data keys themselves differ, not only their wraps", async () => {
  const keys = new Set<string>();
  for (let i = 0; i < 100; i += 1) {
    const sealed = await seal(PLACE, VALUE);
    const tenantKey = await keyring().key(PLACE.tenantId, sealed.readUInt32BE(AT.version));
    keys.add(dataKeyByHand(tenantKey, PLACE, sealed).toString("hex"));
  }
  expect(keys.size).toBe(100);
});

test("each value has its own data key and nonces", async () => {
  const seen = new Set<string>();
  for (let i = 0; i < 1000; i += 1) {
    const sealed = await seal(PLACE, VALUE);
    for (const [from, to] of [
      [AT.wrapNonce, AT.wrapped],
      [AT.wrapped, AT.wrapTag],
      [AT.nonce, AT.record],
      [AT.record, sealed.length],
    ] as const)
      seen.add(sealed.toString("hex", from, to));
  }
  expect(seen.size).toBe(4000);
});

test("a KEK rotation leaves records as they are; without the tenant's key nothing opens and others are untouched", async () => {
  const sealed = await seal(PLACE, VALUE);
  const other = { ...PLACE, tenantId: "5f0000000000000000000002" };
  const otherSealed = await seal(other, VALUE);
  const next = testKek();
  const ring = install("keyring", new Keyring({ keks: [next, kek], store }));
  const rows = store.rows.get(PLACE.tenantId) ?? [];
  store.rows.set(
    PLACE.tenantId,
    rows.map((row) => ring.rewrapTenantKey(PLACE.tenantId, row) ?? row),
  );
  install("keyring", new Keyring({ keks: [next], store }));
  expect((await open(PLACE, sealed)).reveal().toString()).toBe(VALUE);
  expect((await open(PLACE, await seal(PLACE, "new"))).reveal().toString()).toBe("new");
  await refusal(other, otherSealed);

  install("keyring", new Keyring({ keks: [kek, next], store }));
  store.rows.delete(PLACE.tenantId);
  await refusal(PLACE, sealed);
  expect((await open(other, otherSealed)).reveal().toString()).toBe(VALUE);
});

test("a database that is away is no integrity failure", async () => {
  const sealed = await seal(PLACE, VALUE);
  install("keyring", new Keyring({ keks: [kek], store }));
  store.load = () => Promise.reject(new Error("database away"));
  await expect(open(PLACE, sealed)).rejects.toThrow("database away");
});

test("nothing is opened or sealed at once before the key is there; without a keyring the complaint is plain", async () => {
  const sealed = await seal(PLACE, VALUE);
  expect(sealNow(PLACE, VALUE)).toBeDefined();
  install("keyring", new Keyring({ keks: [kek], store }));
  expect(openNow(PLACE, sealed)).toBeUndefined();
  expect(sealNow(PLACE, VALUE)).toBeUndefined();
  forget("keyring");
  expect(() => keyring()).toThrow(/no keyring in this process/);
});

test("vectors: values sealed by the first release still open, and by the description in format.ts alone", async () => {
  const vectorKek = kekFromBytes(Buffer.from(vectors.kek, "hex"));
  for (const { place, tenantKey, sealed, plaintext } of vectors.cases) {
    store.rows.set(place.tenantId, [{ ...tenantKey, wrapped: Buffer.from(tenantKey.wrapped, "hex") }]);
    install("keyring", new Keyring({ keks: [vectorKek], store }));
    const blob = Buffer.from(sealed, "hex");
    expect((await open(place, blob)).reveal().toString("utf8")).toBe(plaintext);
    expect(openByHand(Buffer.from(tenantKey.clear, "hex"), place, blob)).toBe(plaintext);
  }
});

/** An independent reading of the format: no code shared with the envelope. */
function openByHand(tenantKey: Buffer, place: Place, blob: Buffer): string {
  return decryptByHand(
    createSecretKey(dataKeyByHand(createSecretKey(tenantKey), place, blob)),
    blob.subarray(76, 88),
    blob.subarray(88, -16),
    blob.subarray(-16),
    Buffer.concat([Buffer.from("latchkey/record\0"), blob.subarray(0, 88), placeByHand(place)]),
  ).toString();
}

function dataKeyByHand(tenantKey: KeyObject, place: Place, blob: Buffer): Buffer {
  return decryptByHand(
    tenantKey,
    blob.subarray(16, 28),
    blob.subarray(28, 60),
    blob.subarray(60, 76),
    Buffer.concat([Buffer.from("latchkey/data-key\0"), blob.subarray(0, 16), placeByHand(place)]),
  );
}

function placeByHand(place: Place): Buffer {
  const u32 = (n: number) => Buffer.from([n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]);
  return Buffer.concat(
    [place.tenantId, place.table, place.rowId, place.field, `${place.generation}`].flatMap((part) => [
      u32(Buffer.byteLength(part)),
      Buffer.from(part),
    ]),
  );
}

function decryptByHand(key: KeyObject, nonce: Buffer, data: Buffer, tag: Buffer, aad: Buffer): Buffer {
  const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: 16 });
  decipher.setAAD(aad).setAuthTag(tag);
  return Buffer.concat([decipher.update(data), decipher.final()]);
}
