import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { ensureInstanceTenant } from "@/lib/accounts/tree-store";
import { recordNow } from "@/lib/audit/record";
import { database } from "@/lib/db/client";
import { inTenant } from "@/lib/db/tx";
import { makePerson, makePlace, makeTask, OWNER } from "@/lib/testing/callers";
import { useDatabase } from "@/lib/testing/database";

const own = useDatabase();

const tables = async () =>
  (
    await own.owner<{ name: string }[]>`
    select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'public' and c.relkind in ('r', 'p', 'm') order by 1`
  ).map((row) => row.name);

test("the application's role sees no row of any table without a tenant, and only its own with one", async () => {
  const place = await makePlace();
  const other = await makePlace();
  await makePerson(place, OWNER);
  await makePerson(other, OWNER);
  await makeTask(place);
  await ensureInstanceTenant("instance");
  await recordNow({ kind: "system", name: "test", via: "test" }, { tenantId: place.tenantId, action: "x" });
  const [role] = await database().sql`select current_user as name`;
  expect(role?.name).toBe("latchkey_app");
  const names = await tables();
  expect(names.length).toBeGreaterThan(20);
  for (const name of names) {
    const [count] = await database().transaction((tx) =>
      tx.execute(sql`select count(*)::int as n from ${sql.identifier(name)}`),
    );
    expect(`${name} ${count?.n}`).toBe(`${name} 0`);
  }
  for (const name of names) {
    const rows = await inTenant(place.tenantId, (tx) =>
      tx.execute(sql`select distinct tenant_id from ${sql.identifier(name)}`),
    );
    for (const row of rows) expect([place.tenantId, INSTANCE_TENANT]).toContain(row.tenant_id);
  }
});

test("every table has row-level security and a policy, and belongs to another role", async () => {
  const rows = await own.owner`select relname, relrowsecurity, pg_get_userbyid(relowner) as owner,
      (select count(*)::int from pg_policy where polrelid = c.oid) as policies
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public' and c.relkind = 'r'`;
  for (const row of rows) {
    expect([row.relname, row.relrowsecurity]).toEqual([row.relname, true]);
    expect(row.policies).toBeGreaterThan(0);
    expect(row.owner).not.toBe("latchkey_app");
  }
  const [role] =
    await own.owner`select rolcanlogin, rolbypassrls, rolsuper from pg_roles where rolname = 'latchkey_app'`;
  expect(role).toEqual({ rolcanlogin: false, rolbypassrls: false, rolsuper: false });
});

test.each(["update audit_entries set action = 'y'", "delete from audit_entries", "truncate audit_entries"])(
  "%s is refused",
  async (statement) => {
    await expect(inTenant(INSTANCE_TENANT, (tx) => tx.execute(sql.raw(statement)))).rejects.toMatchObject({
      cause: { code: "42501" },
    });
  },
);

test("a row cannot be written into another tenant", async () => {
  const place = await makePlace();
  const other = await makePlace();
  await expect(
    inTenant(place.tenantId, (tx) =>
      tx.execute(
        sql`insert into contracts (tenant_id, id, name, redirect_code) values (${other.tenantId}, 'x', 'x', 'x')`,
      ),
    ),
  ).rejects.toMatchObject({ cause: { code: "42501" } });
});

test("the named functions are for the application's role alone", async () => {
  const open = await own.owner`
    select p.oid::regprocedure::text as name from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
     where p.pronamespace = 'public'::regnamespace and a.grantee not in (p.proowner, 'latchkey_app'::regrole)`;
  expect(open.map((row) => row.name)).toEqual([]);
});
