import { and, desc, eq, gt, lt, ne } from "drizzle-orm";
import { oneTimeCodes, sessions, users } from "@/drizzle/schema/accounts";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { inTenant, type Tx } from "@/lib/db/tx";

export type SessionRow = typeof sessions.$inferSelect;

export interface LiveSession {
  session: SessionRow;
  user: { id: string; email: string; firstName: string; lastName: string };
}

const own = eq(sessions.tenantId, INSTANCE_TENANT);

export async function findSessionByMac(tokenMac: string): Promise<LiveSession | null> {
  return inTenant(INSTANCE_TENANT, async (tx) => {
    const [row] = await tx
      .select({
        session: sessions,
        user: { id: users.id, email: users.email, firstName: users.firstName, lastName: users.lastName },
      })
      .from(sessions)
      .innerJoin(users, and(eq(users.tenantId, sessions.tenantId), eq(users.id, sessions.userId)))
      .where(and(own, eq(sessions.tokenMac, tokenMac)));
    return row ?? null;
  });
}

export async function insertSession(tx: Tx, row: Omit<SessionRow, "tenantId">): Promise<void> {
  await tx.insert(sessions).values({ tenantId: INSTANCE_TENANT, ...row });
}

/** Whether the session still is; it cannot be ended until `tx` ends. */
export async function lockSession(tx: Tx, id: string): Promise<boolean> {
  const [row] = await tx
    .select({ id: sessions.id })
    .from(sessions)
    .where(and(own, eq(sessions.id, id), gt(sessions.expiresAt, new Date())))
    .for("key share");
  return row !== undefined;
}

export async function touchSession(id: string, at: Date): Promise<void> {
  await inTenant(INSTANCE_TENANT, async (tx) => {
    await tx
      .update(sessions)
      .set({ seenAt: at })
      .where(and(own, eq(sessions.id, id)));
  });
}

export async function setAuthenticated(tx: Tx, id: string, at: Date): Promise<void> {
  await tx
    .update(sessions)
    .set({ authenticatedAt: at, seenAt: at })
    .where(and(own, eq(sessions.id, id)));
}

/** The ended session, or null when there was none. */
export async function deleteSessionByMac(tx: Tx, tokenMac: string): Promise<SessionRow | null> {
  const [row] = await tx
    .delete(sessions)
    .where(and(own, eq(sessions.tokenMac, tokenMac)))
    .returning();
  return row ?? null;
}

export async function deleteSessionOf(tx: Tx, userId: string, id: string): Promise<SessionRow | null> {
  const [row] = await tx
    .delete(sessions)
    .where(and(own, eq(sessions.userId, userId), eq(sessions.id, id)))
    .returning();
  return row ?? null;
}

/** Ends the person's sessions, all but `keepId` when given; how many there were. */
export async function deleteSessionsOf(tx: Tx, userId: string, keepId: string | null): Promise<number> {
  const rows = await tx
    .delete(sessions)
    .where(and(own, eq(sessions.userId, userId), keepId === null ? undefined : ne(sessions.id, keepId)))
    .returning({ id: sessions.id });
  return rows.length;
}

/** Those still alive, last used first. */
export async function listSessionsOf(tx: Tx, userId: string, now: Date, seenAfter: Date): Promise<SessionRow[]> {
  return tx
    .select()
    .from(sessions)
    .where(and(own, eq(sessions.userId, userId), gt(sessions.expiresAt, now), gt(sessions.seenAt, seenAfter)))
    .orderBy(desc(sessions.seenAt), desc(sessions.id));
}

/** Removes sessions and codes that can never be used again; how many. */
export async function pruneSessions(now: Date): Promise<number> {
  return inTenant(INSTANCE_TENANT, async (tx) => {
    const ended = await tx
      .delete(sessions)
      .where(and(own, lt(sessions.expiresAt, now)))
      .returning({ id: sessions.id });
    const codes = await tx
      .delete(oneTimeCodes)
      .where(and(eq(oneTimeCodes.tenantId, INSTANCE_TENANT), lt(oneTimeCodes.expiresAt, now)))
      .returning({ kind: oneTimeCodes.kind });
    return ended.length + codes.length;
  });
}
