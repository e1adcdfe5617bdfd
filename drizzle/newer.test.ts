import { expect, it } from "vitest";
import { DatabaseUnfitError, migrateDatabase } from "@/drizzle/migrate";
import { useDatabase } from "@/lib/testing/database";

const database = useDatabase();

it("a database that a newer Latchkey has changed is refused, and left as it is", async () => {
  const { owner, url } = database;
  const functions = () => owner`select proname, prosrc from pg_proc where proname like 'latchkey%' order by 1, 2`;
  await migrateDatabase(url, () => {});
  await owner`insert into drizzle.__drizzle_migrations (hash, created_at)
              select 'of a newer one', max(created_at) + 1 from drizzle.__drizzle_migrations`;
  // What an older version would write over.
  await owner`update drizzle.repeatable set digest = 'of a newer one'`;
  await owner.unsafe(`create or replace function latchkey_paces() returns table (tenant_id text, auth_client_id text)
    language sql stable security definer set search_path = public, pg_temp as 'select null::text, null::text where false'`);
  const before = await functions();
  const refusal = await migrateDatabase(url, () => {}).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(DatabaseUnfitError);
  expect((refusal as Error).message).toContain("A newer Latchkey has changed this database");
  expect(await functions()).toEqual(before);
});
