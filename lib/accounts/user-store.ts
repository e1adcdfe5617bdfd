import { and, eq, sql } from "drizzle-orm";
import { users } from "@/drizzle/schema/accounts";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { inTenant, type Tx } from "@/lib/db/tx";

export type UserRow = typeof users.$inferSelect;
export type NewUserRow = typeof users.$inferInsert;

/** People belong to the instance; `tx` must be in its tenant. */
export async function findUserByEmailKey(tx: Tx, key: string): Promise<UserRow | null> {
  const [row] = await tx
    .select()
    .from(users)
    .where(and(eq(users.tenantId, INSTANCE_TENANT), eq(users.emailKey, key)));
  return row ?? null;
}

/** In the instance's tenant anybody; in another tenant its members only (row-level security). */
export async function findUser(tx: Tx, id: string): Promise<UserRow | null> {
  const [row] = await tx
    .select()
    .from(users)
    .where(and(eq(users.tenantId, INSTANCE_TENANT), eq(users.id, id)));
  return row ?? null;
}

/** Makes other transactions that lock this person wait until `tx` ends. */
export async function lockUser(tx: Tx, id: string): Promise<void> {
  await tx
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.tenantId, INSTANCE_TENANT), eq(users.id, id)))
    .for("no key update");
}

export async function anyUser(tx: Tx): Promise<boolean> {
  const [row] = await tx.select({ id: users.id }).from(users).where(eq(users.tenantId, INSTANCE_TENANT)).limit(1);
  return row !== undefined;
}

export async function insertUser(tx: Tx, row: Omit<NewUserRow, "tenantId">): Promise<UserRow> {
  const [made] = await tx
    .insert(users)
    .values({ tenantId: INSTANCE_TENANT, ...row })
    .returning();
  if (!made) throw new Error("The account was not stored.");
  return made;
}

export async function updateUser(
  tx: Tx,
  id: string,
  change: Partial<Pick<UserRow, "passwordHash" | "lastLoginAt">>,
): Promise<void> {
  await tx
    .update(users)
    .set(change)
    .where(and(eq(users.tenantId, INSTANCE_TENANT), eq(users.id, id)));
}

/** What members of a tenant may know of each other. */
export type Fellow = Pick<UserRow, "id" | "firstName" | "lastName" | "email" | "registeredAt" | "lastLoginAt">;

/** Those of `ids` who belong to `tenantId`; by id. Through a named function, because a tenant sees no row of users. */
export async function userNames(tx: Tx, tenantId: string, ids: readonly string[]): Promise<Map<string, Fellow>> {
  if (ids.length === 0) return new Map();
  const asked = sql.join(
    [...new Set(ids)].map((id) => sql`${id}`),
    sql`, `,
  );
  const rows = await tx.execute<{
    id: string;
    first_name: string;
    last_name: string;
    email: string;
    registered_ms: number;
    last_login_ms: number | null;
  }>(sql`select * from latchkey_people(${tenantId}, array[${asked}]::text[])`);
  return new Map(
    rows.map((row) => [
      row.id,
      {
        id: row.id,
        firstName: row.first_name,
        lastName: row.last_name,
        email: row.email,
        registeredAt: new Date(row.registered_ms),
        lastLoginAt: row.last_login_ms === null ? null : new Date(row.last_login_ms),
      },
    ]),
  );
}

export async function userByEmailKey(key: string): Promise<UserRow | null> {
  return inTenant(INSTANCE_TENANT, (tx) => findUserByEmailKey(tx, key));
}
