import { and, desc, eq, isNotNull, isNull, sql } from "drizzle-orm";
import { oauthAttempts } from "@/drizzle/schema/secrets";
import type { Tx } from "@/lib/db/tx";

/** Authorizations under way. A state is known here only as its keyed hash; the PKCE verifier only sealed (OA-1, OA-3). */

export type AttemptRow = typeof oauthAttempts.$inferSelect;
export type NewAttempt = Omit<typeof oauthAttempts.$inferInsert, "createdAt" | "expiresAt" | "consumedAt" | "failure">;

export async function insertAttempt(tx: Tx, attempt: NewAttempt, lifetimeMs: number): Promise<void> {
  await tx
    .insert(oauthAttempts)
    .values({ ...attempt, expiresAt: sql`now() + ${lifetimeMs}::float8 * interval '1 ms'` });
}

export interface FoundAttempt extends AttemptRow {
  expired: boolean;
}

export async function findAttempt(tx: Tx, tenantId: string, stateMac: string): Promise<FoundAttempt | null> {
  const [row] = await tx
    .select({ attempt: oauthAttempts, expired: sql<boolean>`${oauthAttempts.expiresAt} <= now()` })
    .from(oauthAttempts)
    .where(and(eq(oauthAttempts.tenantId, tenantId), eq(oauthAttempts.stateMac, stateMac)));
  return row ? { ...row.attempt, expired: row.expired } : null;
}

/**
 * Takes the attempt, once: of fifty identical callbacks one gets the sealed verifier and the others null (OA-7). The
 * verifier is erased with it.
 */
export async function consumeAttempt(tx: Tx, tenantId: string, stateMac: string): Promise<boolean> {
  const taken = await tx
    .update(oauthAttempts)
    .set({ consumedAt: sql`now()`, sealed: null })
    .where(
      and(
        eq(oauthAttempts.tenantId, tenantId),
        eq(oauthAttempts.stateMac, stateMac),
        isNull(oauthAttempts.consumedAt),
        sql`${oauthAttempts.expiresAt} > now()`,
      ),
    )
    .returning({ state: oauthAttempts.stateMac });
  return taken.length === 1;
}

/** Why it failed, for the page the person lands on. */
export async function noteFailure(
  tx: Tx,
  tenantId: string,
  stateMac: string,
  failure: Record<string, unknown>,
): Promise<void> {
  await tx
    .update(oauthAttempts)
    .set({ failure })
    .where(and(eq(oauthAttempts.tenantId, tenantId), eq(oauthAttempts.stateMac, stateMac)));
}

/** The last failed authorization of a secret by this person. */
export async function lastFailure(
  tx: Tx,
  tenantId: string,
  secretId: string,
  userId: string,
): Promise<{ failure: Record<string, unknown>; redirectUri: string } | null> {
  const [row] = await tx
    .select({ failure: oauthAttempts.failure, redirectUri: oauthAttempts.redirectUri })
    .from(oauthAttempts)
    .where(
      and(
        eq(oauthAttempts.tenantId, tenantId),
        eq(oauthAttempts.secretId, secretId),
        eq(oauthAttempts.userId, userId),
        isNotNull(oauthAttempts.failure),
      ),
    )
    .orderBy(desc(oauthAttempts.createdAt))
    .limit(1);
  return row?.failure ? { failure: row.failure, redirectUri: row.redirectUri } : null;
}
