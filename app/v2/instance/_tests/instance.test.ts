import { beforeAll, beforeEach, expect, test } from "vitest";
import { GET as TENANT } from "@/app/v2/tenants/[id]/route";
import { GET as TENANTS } from "@/app/v2/tenants/route";
import { GET as ME } from "@/app/v2/users/me/route";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { open, seal } from "@/lib/crypto/envelope";
import { openKeyring } from "@/lib/crypto/open-keyring";
import { newId } from "@/lib/ids";
import { recordStart } from "@/lib/instance/start";
import { install } from "@/lib/process";
import { makePerson, makePlace, OWNER, type Person, type Place } from "@/lib/testing/callers";
import { useDatabase } from "@/lib/testing/database";
import { call } from "@/lib/testing/http";
import { GET } from "../route";

/** The operator's view of the instance, and what a start records (SS-4, AU-1). */

const METRICS_TOKEN = "a token for the metrics, of the test";
const database = useDatabase({
  LATCHKEY_EGRESS_ALLOW: "10.0.0.0/8, idp.internal:8443",
  LATCHKEY_METRICS_TOKEN: METRICS_TOKEN,
  LATCHKEY_BOOTSTRAP_EMAIL: "first@example.com",
  LATCHKEY_BOOTSTRAP_PASSWORD: "the first password",
});
let operator: Person;
let owner: Person;
let place: Place;
let other: Place;

beforeAll(async () => {
  place = await makePlace();
  other = await makePlace();
  operator = await makePerson(null, { operator: true });
  owner = await makePerson(place, OWNER);
});

beforeEach(async () => {
  await database.owner`delete from audit_entries where action in ('egress.allow', 'key.open')`;
  install("settings", database.settings);
});

const recorded = async (action: string) =>
  (
    await database.owner<{ detail: { entries: string[]; before: string[] }; tenant_id: string }[]>`
      select detail, tenant_id from audit_entries where action = ${action} order by id`
  ).map((row) => {
    expect(row.tenant_id).toBe(INSTANCE_TENANT);
    return [row.detail.before, row.detail.entries];
  });

test("the operator sees how the instance is set up, and no value that is a secret", async () => {
  await recordStart(["aa"]);
  const { status, body } = await call(GET, { as: operator.basic });
  expect(status).toBe(200);
  expect(body.data).toMatchObject({
    type: "instance",
    attributes: {
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      role: "all",
      database: { kind: "external", version: expect.stringMatching(/^\d+/), connections: 10 },
      egress_allow: ["10.0.0.0/8", "idp.internal:8443"],
      egress_allow_since: expect.stringMatching(/^20/),
      master_key_ids: ["aa"],
      audit: { retention_days: 400, since: expect.stringMatching(/^20..-..-01T00:00:00.000Z$/) },
      metrics_protected: true,
      bootstrap_settings_left: true,
    },
  });
  const text = JSON.stringify(body);
  for (const secret of [METRICS_TOKEN, "the first password", database.settings.masterKey as string, database.url])
    expect(text).not.toContain(secret);
  expect((await call(GET, { as: owner.basic })).status).toBe(403);
  expect((await call(ME, { as: operator.basic })).body.meta).toEqual({ operator: true });
  expect((await call(ME, { as: owner.basic })).body.meta).toEqual({});
});

test("the operator knows every tenant; others their own; the instance is none", async () => {
  const ids = async (as: Record<string, string>) =>
    (await call(TENANTS, { as })).body.data.map((tenant: { id: string }) => tenant.id);
  const all = await ids(operator.basic);
  expect(all).toEqual(expect.arrayContaining([place.tenantId, other.tenantId]));
  expect(all).not.toContain(INSTANCE_TENANT);
  expect(await ids(owner.basic)).toEqual([place.tenantId]);
  const one = (id: string, as: Record<string, string>) => call(TENANT, { params: { id }, as }).then((r) => r.status);
  expect(await one(other.tenantId, operator.basic)).toBe(200);
  expect(await one(other.tenantId, owner.basic)).toBe(404);
  expect(await one(INSTANCE_TENANT, operator.basic)).toBe(404);
  expect(await one(newId(), operator.basic)).toBe(404);
});

test("a start records an allow-list or master keys that differ from the last recorded, once, and nothing otherwise", async () => {
  await Promise.all([1, 2, 3].map(() => recordStart(["aa"])));
  expect(await recorded("egress.allow")).toEqual([[[], ["10.0.0.0/8", "idp.internal:8443"]]]);
  expect(await recorded("key.open")).toEqual([[[], ["aa"]]]);
  // The same in another order and spelling is the same.
  install("settings", { ...database.settings, egressAllow: ["IDP.internal:8443", "10.0.0.0/8"] });
  await recordStart(["bb", "aa"]);
  install("settings", { ...database.settings, egressAllow: [] });
  await recordStart(["bb", "aa"]);
  expect((await recorded("egress.allow")).slice(1)).toEqual([[["10.0.0.0/8", "idp.internal:8443"], []]]);
  expect((await recorded("key.open")).slice(1)).toEqual([[["aa"], ["bb", "aa"]]]);
});

test("a start that cannot record does not go on", async () => {
  await database.owner`revoke insert on audit_entries from latchkey_app`;
  await expect(recordStart(["cc"])).rejects.toMatchObject({ code: "audit_unavailable" });
  await database.owner`grant insert on audit_entries to latchkey_app`;
  await recordStart(["cc"]);
});

test("a tenant's key is made with its entry or not at all", async () => {
  const at = { tenantId: newId(), table: "t", rowId: "r", field: "f", generation: 1 };
  await database.owner`revoke insert on audit_entries from latchkey_app`;
  await expect(seal(at, Buffer.from("x"))).rejects.toThrow();
  const keys = () => database.owner`select version from tenant_keys where tenant_id = ${at.tenantId}`;
  expect(await keys()).toHaveLength(0);
  await database.owner`grant insert on audit_entries to latchkey_app`;
  const sealed = await seal(at, Buffer.from("x"));
  expect((await open(at, sealed)).reveal().toString()).toBe("x");
  const rows = await database.owner`
    select actor_kind, target_name, detail from audit_entries where tenant_id = ${at.tenantId} and action = 'key.create'`;
  const [id] = await openKeyring(() => {});
  expect(rows).toEqual([{ actor_kind: "system", target_name: "version 1", detail: { master_key: id } }]);
});
