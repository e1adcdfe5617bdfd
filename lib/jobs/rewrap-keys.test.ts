import { randomBytes } from "node:crypto";
import { beforeEach, expect, test } from "vitest";
import { GET } from "@/app/v2/instance/master-keys/route";
import { keyring, open, seal } from "@/lib/crypto/envelope";
import { parseKeks } from "@/lib/crypto/keks";
import { holdKeys } from "@/lib/crypto/key-holder-store";
import { keyringOpens, openKeyring } from "@/lib/crypto/open-keyring";
import { newId } from "@/lib/ids";
import { forget, install } from "@/lib/process";
import { makePerson, makePlace, OWNER } from "@/lib/testing/callers";
import { useDatabase } from "@/lib/testing/database";
import { call } from "@/lib/testing/http";
import { rewrapKeys } from "./rewrap-keys";

/** What holds the rotation of the master key together when processes differ (CRY-6, CRY-9). */
const database = useDatabase({}, { keyring: false });
const [A, B] = [1, 2].map(() => randomBytes(32).toString("base64")) as [string, string];
const [a, b] = [A, B].map((key) => parseKeks(key)[0].idHex) as [string, string];

const place = () => ({ tenantId: newId(), table: "t", rowId: "r", field: "f", generation: 1 });
/** This process starts anew with these keys. */
const startWith = (...keys: string[]) => {
  install("settings", { ...database.settings, masterKey: keys.join(",") });
  return openKeyring(() => {});
};
/** Another process lives, or died a minute ago. */
const other = (ids: string[], ago = "0 s") => database.owner`
  insert into key_holders (tenant_id, id, host, pid, role, source, kek_ids, seen_at)
  values (repeat('0', 24), 'other', 'elsewhere', 7, 'web', 'LATCHKEY_MASTER_KEY', ${ids}, now() - ${ago}::interval)
  on conflict (tenant_id, id) do update set kek_ids = excluded.kek_ids, seen_at = excluded.seen_at`;
const wraps = async () =>
  Object.fromEntries(
    (await database.owner`select * from latchkey_wraps()`).map((row) => [row.kek_id, row.tenant_keys]),
  );

beforeEach(async () => {
  for (const table of ["tenant_keys", "instance_values", "key_holders", "master_keys"])
    await database.owner`delete from ${database.owner(table)}`;
  await startWith(A);
});

test("a new tenant's key is wrapped by a master key that every living process has", async () => {
  await startWith(B, A);
  await other([a]);
  await seal(place(), "x");
  expect(await wraps()).toEqual({ [a]: 2 });
  // A process that died is not waited for.
  await other([a], "31 s");
  await seal(place(), "x");
  expect(await wraps()).toEqual({ [a]: 2, [b]: 1 });
});

test("nothing is rewrapped before every living process wraps with the new key; then all is, each with its entry", async () => {
  const at = place();
  const sealed = await seal(at, "x");
  await startWith(A, B);
  await startWith(B, A);
  await other([a, b]);
  expect(await rewrapKeys()).toBe(0);
  expect(await wraps()).toEqual({ [a]: 2 });
  await other([b, a]);
  expect((await Promise.all([rewrapKeys(), rewrapKeys(), rewrapKeys()])).reduce((sum, n) => sum + n, 0)).toBe(2);
  expect(await wraps()).toEqual({ [b]: 2 });
  expect(await rewrapKeys()).toBe(0);
  const entries = await database.owner`
    select tenant_id, target_name, detail from audit_entries where action = 'key.rewrap' and tenant_id = ${at.tenantId}`;
  expect(entries).toEqual([{ tenant_id: at.tenantId, target_name: "version 1", detail: { before: a, master_key: b } }]);
  await other([b]);
  await startWith(B);
  expect((await open(at, sealed)).reveal().toString()).toBe("x");
});

test("without an entry nothing is rewrapped", async () => {
  await startWith(B, A);
  await database.owner`revoke insert on audit_entries from latchkey_app`;
  await database.owner`alter table audit_entries add constraint closed check (action <> 'key.rewrap') not valid`;
  await expect(rewrapKeys()).rejects.toThrow();
  expect(await wraps()).toEqual({ [a]: 1 });
  await database.owner`alter table audit_entries drop constraint closed`;
  await database.owner`grant insert on audit_entries to latchkey_app`;
  expect(await rewrapKeys()).toBe(1);
});

test("a tenant key that does not open stays as it is and holds up no other", async () => {
  const tenants = [place(), place(), place()];
  for (const at of tenants) await seal(at, "x");
  const [, broken] = tenants.map((at) => at.tenantId).sort();
  await database.owner`update tenant_keys set wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1) where tenant_id = ${broken as string}`;
  await startWith(B, A);
  expect(await rewrapKeys()).toBe(3);
  expect(await database.owner`select tenant_id from tenant_keys where kek_id = ${a}`).toEqual([{ tenant_id: broken }]);
});

test("a process without a key that still wraps does not start, and says which and how many", async () => {
  await seal(place(), "x");
  await startWith(B, A);
  await seal(place(), "x");
  await expect(startWith(B)).rejects.toThrow(
    new RegExp(`LATCHKEY_MASTER_KEY lacks a master key that still wraps tenant keys: ${a} \\(2 tenant keys\\)`),
  );
  await expect(startWith(randomBytes(32).toString("base64"))).rejects.toThrow(
    new RegExp(`is not the master key of this database.*${a} \\(2 tenant keys\\)`),
  );
  // Nobody waits for a process that did not start.
  expect(await database.owner`select kek_ids from key_holders`).toEqual([{ kek_ids: [b, a] }]);
  await rewrapKeys();
  await startWith(B);
});

test("a process that slept while others went on sees that it cannot open everything, and says so", async () => {
  expect(await keyringOpens()).toBe(true);
  await database.owner`update key_holders set seen_at = now() - interval '1 minute'`;
  forget("key-holder");
  const slept = keyring();
  await startWith(B, A);
  await rewrapKeys();
  await startWith(B);
  forget("key-holder");
  expect(await holdKeys(slept.kekIds, "x")).toEqual([{ id: b, wraps: 1 }]);
});

test("the operator sees ids, numbers and what comes next; nobody else does", async () => {
  const at = await makePlace();
  const operator = await makePerson(null, { operator: true });
  await startWith(A, B);
  await other([a]);
  const { status, body } = await call(GET, { as: operator.basic });
  expect(status).toBe(200);
  expect(body.data.map((key: { id: string }) => key.id)).toEqual([a, b]);
  expect(body.data[1].attributes).toEqual({ state: "prepared", tenant_keys: 0, processes: 1 });
  expect(body.meta).toMatchObject({ next: "spread" });
  expect(body.meta.processes).toContainEqual({
    host: "elsewhere",
    pid: 7,
    role: "web",
    source: "LATCHKEY_MASTER_KEY",
    master_key_ids: [a],
  });
  for (const key of [A, B]) expect(JSON.stringify(body)).not.toContain(key.slice(0, 20));
  const owner = await makePerson(at, OWNER);
  expect((await call(GET, { as: owner.basic })).status).toBe(403);
});
