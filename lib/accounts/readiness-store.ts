import { getTableColumns, getTableName, is } from "drizzle-orm";
import { PgTable } from "drizzle-orm/pg-core";
import * as accounts from "@/drizzle/schema/accounts";
import * as audit from "@/drizzle/schema/audit";
import * as authClients from "@/drizzle/schema/auth-clients";
import * as keys from "@/drizzle/schema/keys";
import * as secrets from "@/drizzle/schema/secrets";
import { database } from "@/lib/db/client";

/** Resolves when the database answers. */
export async function pingDatabase(): Promise<void> {
  await database().sql`select 1`;
}

/** The columns this version needs and the database lacks, as `table.column`. */
export async function missingColumns(): Promise<string[]> {
  const rows = await database().sql<{ name: string }[]>`
    select table_name || '.' || column_name as name from information_schema.columns where table_schema = 'public'`;
  const there = new Set(rows.map((row) => row.name));
  const needed = [accounts, audit, authClients, keys, secrets].flatMap((group) =>
    Object.values(group)
      .filter((member) => is(member, PgTable))
      .flatMap((table) =>
        Object.values(getTableColumns(table)).map((column) => `${getTableName(table)}.${column.name}`),
      ),
  );
  return needed.filter((name) => !there.has(name));
}
