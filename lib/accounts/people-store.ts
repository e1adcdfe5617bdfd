import { asc, count, eq } from "drizzle-orm";
import { memberships, users } from "@/drizzle/schema/accounts";
import type { MembershipKind } from "@/lib/access/roles";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { type Fellow, userNames } from "@/lib/accounts/user-store";
import type { Tx } from "@/lib/db/tx";

export interface HeldRole {
  scopeKind: MembershipKind;
  scopeId: string;
  role: string;
}

export interface Member {
  person: Fellow;
  roles: HeldRole[];
}

/** Everybody with a role somewhere in the tenant, by e-mail; `tx` is in that tenant. */
export async function listMembers(tx: Tx, tenantId: string): Promise<Member[]> {
  const rows = await tx.select().from(memberships).where(eq(memberships.tenantId, tenantId));
  const people = await userNames(tx, tenantId, [...new Set(rows.map((row) => row.userId))]);
  return [...people.values()]
    .sort((a, b) => a.email.localeCompare(b.email, "en"))
    .map((person) => ({
      person,
      roles: rows
        .filter((row) => row.userId === person.id)
        .map(({ scopeKind, scopeId, role }) => ({ scopeKind: scopeKind as MembershipKind, scopeId, role })),
    }));
}

/** One page of all people, by e-mail; `tx` is in the instance's tenant. */
export async function listUsers(
  tx: Tx,
  page: { limit: number; offset: number },
): Promise<{ people: Fellow[]; total: number }> {
  const own = eq(users.tenantId, INSTANCE_TENANT);
  const people = await tx
    .select({
      id: users.id,
      firstName: users.firstName,
      lastName: users.lastName,
      email: users.email,
      registeredAt: users.registeredAt,
      lastLoginAt: users.lastLoginAt,
    })
    .from(users)
    .where(own)
    .orderBy(asc(users.emailKey), asc(users.id))
    .limit(page.limit)
    .offset(page.offset);
  const [row] = await tx.select({ n: count() }).from(users).where(own);
  return { people, total: row?.n ?? 0 };
}
