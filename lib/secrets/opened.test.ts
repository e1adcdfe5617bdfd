import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { sealJson } from "@/lib/crypto/envelope";
import { Keyring } from "@/lib/crypto/keyring";
import { forget, install } from "@/lib/process";
import { MemoryTenantKeys, testKek } from "@/lib/testing/memory-tenant-keys";
import { credentialsPlace, openExtras } from "./opened";

const TENANT = "5f0000000000000000000001";
const NOTHING = { additional_params: {}, fields: {} };
let ring: Keyring;

beforeEach(() => {
  ring = new Keyring({ keks: [testKek()], store: new MemoryTenantKeys() });
  install("keyring", ring);
});
afterEach(() => {
  forget("keyring");
  forget("empty-extras");
});

async function secretWith(value: unknown, id = "5f00000000000000000000aa") {
  return { tenantId: TENANT, id, generation: 1, sealed: await sealJson(credentialsPlace(TENANT, id, 1), value) };
}

test("extras that hold nothing are opened once, those that hold something each time", async () => {
  const opening = vi.spyOn(ring, "keyNow");
  const empty = await secretWith(NOTHING);
  for (let times = 0; times < 3; times++) expect((await openExtras(empty)).reveal()).toEqual(NOTHING);
  expect(opening).toHaveBeenCalledTimes(1);
  for (const value of [
    { additional_params: { audience: "x" }, fields: {} },
    { additional_params: {}, fields: { shop: 1 } },
    { ...NOTHING, login: { username: "anna", password: "sentinel-login-51c2" } },
  ]) {
    const some = await secretWith(value);
    opening.mockClear();
    for (let times = 0; times < 2; times++) expect((await openExtras(some)).reveal()).toEqual(value);
    expect(opening).toHaveBeenCalledTimes(2);
  }
});

test("bytes known as empty are so at their place alone, and no other bytes are", async () => {
  const empty = await secretWith(NOTHING);
  await openExtras(empty);
  const changed = Buffer.from(empty.sealed);
  changed[changed.length - 1] = (changed.at(-1) as number) ^ 1;
  for (const other of [
    { ...empty, id: "5f00000000000000000000bb" },
    { ...empty, tenantId: "5f0000000000000000000002" },
    { ...empty, generation: 2 },
    { ...empty, sealed: changed },
  ])
    await expect(openExtras(other)).rejects.toMatchObject({ code: "integrity_failure" });
});
