import { beforeEach, expect, test } from "vitest";
import { KeksDifferError, Keyring, KeyringError, ROTATE_AT_WRAPS, WRAP_BLOCK } from "@/lib/crypto/keyring";
import { MemoryTenantKeys, testKek } from "@/lib/testing/memory-tenant-keys";

const TENANT = "5f0000000000000000000001";
const OTHER = "5f0000000000000000000002";
const kek = testKek();
let store: MemoryTenantKeys;
beforeEach(() => {
  store = new MemoryTenantKeys();
});

const rowsOf = (tenant: string) => store.rows.get(tenant) ?? [];

test("first use, by many at once and in several processes, makes one key that all use", async () => {
  const rings = Array.from({ length: 5 }, () => new Keyring({ keks: [kek], store }));
  const keys = await Promise.all(rings.flatMap((ring) => Array.from({ length: 40 }, () => ring.sealingKey(TENANT))));
  expect(rowsOf(TENANT)).toHaveLength(1);
  // One block for each process, however many waited in it.
  expect(store.wraps.get(`${TENANT}/1`)).toBe(5 * WRAP_BLOCK);
  const [first] = keys;
  for (const { version, key } of keys) {
    expect(version).toBe(1);
    expect(key.equals(first?.key as typeof key)).toBe(true);
  }
});

test("tenants have different keys, and so have versions of one tenant's", async () => {
  const ring = new Keyring({ keks: [kek], store });
  const { key } = await ring.sealingKey(TENANT);
  expect(key.equals((await ring.sealingKey(OTHER)).key)).toBe(false);
  store.wraps.set(`${TENANT}/1`, ROTATE_AT_WRAPS);
  const next = await new Keyring({ keks: [kek], store }).sealingKey(TENANT);
  expect(next.version).toBe(2);
  expect(key.equals(next.key)).toBe(false);
});

test("concurrent looks share one load; a cached key needs none; after five minutes it is loaded again", async () => {
  await new Keyring({ keks: [kek], store }).sealingKey(TENANT);
  let now = 0;
  const ring = new Keyring({ keks: [kek], store, nowMs: () => now });
  store.loads = 0;
  expect(ring.keyNow(TENANT, 1)).toBeUndefined();
  await Promise.all(Array.from({ length: 50 }, () => ring.key(TENANT, 1)));
  expect(store.loads).toBe(1);
  now = 299_999;
  expect(ring.keyNow(TENANT, 1)).toBeDefined();
  now = 300_000;
  expect(ring.keyNow(TENANT, 1)).toBeUndefined();
  await ring.key(TENANT, 1);
  expect(store.loads).toBe(2);
});

test("a failed load is not remembered", async () => {
  await new Keyring({ keks: [kek], store }).sealingKey(TENANT);
  const ring = new Keyring({ keks: [kek], store });
  const load = store.load.bind(store);
  store.load = () => Promise.reject(new Error("database away"));
  await expect(ring.key(TENANT, 1)).rejects.toThrow("database away");
  store.load = load;
  await expect(ring.key(TENANT, 1)).resolves.toBeDefined();
});

test("wraps are reserved in blocks, and the version changes before the budget is spent", async () => {
  const ring = new Keyring({ keks: [kek], store });
  for (let i = 0; i < 1000; i += 1) await ring.sealingKey(TENANT);
  expect(store.wraps.get(`${TENANT}/1`)).toBe(WRAP_BLOCK);

  store.wraps.set(`${TENANT}/1`, ROTATE_AT_WRAPS - WRAP_BLOCK);
  let rotatedAfter = 0;
  for (let i = 0; i < 2 * WRAP_BLOCK + 10 && rotatedAfter === 0; i += 1)
    if ((ring.sealingKeyNow(TENANT) ?? (await ring.sealingKey(TENANT))).version === 2) rotatedAfter = i;
  expect(rotatedAfter).toBe(2 * WRAP_BLOCK - 1000);
  expect(rowsOf(TENANT).map(({ version }) => version)).toEqual([1, 2]);
  expect(store.wraps.get(`${TENANT}/2`)).toBe(WRAP_BLOCK);
  expect(await ring.key(TENANT, 1)).toBeDefined();
});

test("many processes at the limit make one next version", async () => {
  const rings = Array.from({ length: 4 }, () => new Keyring({ keks: [kek], store }));
  await Promise.all(rings.map((ring) => ring.key(TENANT, 1).catch(() => undefined)));
  await rings[0]?.sealingKey(TENANT);
  store.wraps.set(`${TENANT}/1`, ROTATE_AT_WRAPS);
  const keys = await Promise.all(rings.slice(1).map((ring) => ring.sealingKey(TENANT)));
  expect(keys.map(({ version }) => version)).toEqual([2, 2, 2]);
  expect(rowsOf(TENANT)).toHaveLength(2);
});

test("when no next version can be stored, nothing is wrapped past the limit", async () => {
  await new Keyring({ keks: [kek], store }).sealingKey(TENANT);
  store.wraps.set(`${TENANT}/1`, ROTATE_AT_WRAPS);
  store.insert = () => Promise.resolve(true);
  await expect(new Keyring({ keks: [kek], store }).sealingKey(TENANT)).rejects.toThrow(KeyringError);
});

test("a version made elsewhere after the cached look is found", async () => {
  const here = new Keyring({ keks: [kek], store });
  await here.sealingKey(TENANT);
  store.wraps.set(`${TENANT}/1`, ROTATE_AT_WRAPS);
  const there = await new Keyring({ keks: [kek], store }).sealingKey(TENANT);
  expect(there.version).toBe(2);
  expect((await here.key(TENANT, 2)).equals(there.key)).toBe(true);
});

test("two key-encryption keys: add, promote, rewrap, remove", async () => {
  const next = testKek();
  const made = await new Keyring({ keks: [kek], store }).sealingKey(TENANT);
  const promoted = new Keyring({ keks: [next, kek], store });
  expect((await promoted.key(TENANT, 1)).equals(made.key)).toBe(true);

  const [row] = rowsOf(TENANT);
  const rewrapped = row && promoted.rewrapTenantKey(TENANT, row);
  expect(rewrapped?.kekId).toBe(next.idHex);
  expect(rewrapped && promoted.rewrapTenantKey(TENANT, rewrapped)).toBeNull();
  store.rows.set(TENANT, rewrapped ? [rewrapped] : []);
  const alone = new Keyring({ keks: [next], store });
  expect((await alone.key(TENANT, 1)).equals(made.key)).toBe(true);
  await expect(new Keyring({ keks: [kek], store }).key(TENANT, 1)).rejects.toThrow(/not among the configured keys/);
});

test("a new tenant key is wrapped by the first master key that every process has", async () => {
  const next = testKek();
  const ring = new Keyring({ keks: [next, kek], store });
  store.unknownElsewhere.add(next.idHex);
  await ring.sealingKey(TENANT);
  expect(rowsOf(TENANT).map((row) => row.kekId)).toEqual([kek.idHex]);
  store.unknownElsewhere.clear();
  await ring.sealingKey(OTHER);
  expect(rowsOf(OTHER).map((row) => row.kekId)).toEqual([next.idHex]);
  store.unknownElsewhere.add(next.idHex).add(kek.idHex);
  await expect(ring.sealingKey("5f0000000000000000000003")).rejects.toThrow(KeksDifferError);
});

test("a wrap by an unknown master key has the keys looked at anew before it fails", async () => {
  const next = testKek();
  const made = await new Keyring({ keks: [next], store }).sealingKey(TENANT);
  let asked = 0;
  const ring: Keyring = new Keyring({
    keks: [kek],
    store,
    renew: async () => {
      asked += 1;
      ring.adopt([next, kek]);
    },
  });
  expect((await ring.key(TENANT, 1)).equals(made.key)).toBe(true);
  expect([asked, ring.currentKekId, ring.kekIds]).toEqual([1, next.idHex, [next.idHex, kek.idHex]]);
});

test("a wrapped tenant key opens only for its tenant, version and key id, and in one piece", async () => {
  await new Keyring({ keks: [kek], store }).sealingKey(TENANT);
  const row = rowsOf(TENANT)[0];
  if (!row) throw new Error("no row");
  const fails = async (tenant: string, changed: typeof row) => {
    store.rows.set(tenant, [changed]);
    await expect(new Keyring({ keks: [kek], store }).key(tenant, changed.version)).rejects.toThrow(KeyringError);
  };
  await fails(OTHER, row);
  await fails(TENANT, { ...row, version: 2 });
  await fails(TENANT, { ...row, wrapped: row.wrapped.subarray(0, -4) });
  for (let bit = 0; bit < row.wrapped.length * 8; bit += 1) {
    const wrapped = Buffer.from(row.wrapped);
    wrapped[bit >> 3] = (wrapped[bit >> 3] as number) ^ (1 << (bit & 7));
    await fails(TENANT, { ...row, wrapped });
  }
});

test("one broken version does not cost the others", async () => {
  const ring = new Keyring({ keks: [kek], store });
  await ring.sealingKey(TENANT);
  store.rows.get(TENANT)?.push({ version: 2, kekId: kek.idHex, wrapped: Buffer.alloc(60) });
  ring.forgetTenant(TENANT);
  await expect(ring.key(TENANT, 1)).resolves.toBeDefined();
  await expect(ring.key(TENANT, 2)).rejects.toThrow(KeyringError);
});
