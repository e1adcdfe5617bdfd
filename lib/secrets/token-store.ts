import { and, eq, ne, sql } from "drizzle-orm";
import { tokenLedger, tokenState } from "@/drizzle/schema/secrets";
import type { Tx } from "@/lib/db/tx";

/** Token rows as people change them: a grant saved, tokens replaced by hand, tokens forgotten. The refresher's own statements are in lib/refresher/claim. */

export interface SavedTokens {
  tenantId: string;
  secretId: string;
  workspaceId: string;
  authClientTenantId: string;
  authClientId: string;
  grantId: string;
  /** The generation this follows; the row must still have it. */
  parentGeneration: number;
  /** Sealed for parentGeneration + 1. */
  sealed: Buffer;
  tokenMac: string | null;
  /** How long ago the tokens were asked for, ms. */
  ageMs: number;
  issuedAtMs: number | null;
  lifetimeS: number | null;
  leadMs: number;
  hasRefreshToken: boolean;
  renewable: boolean;
  tokenType: string;
  scopeGranted: string | null;
  fingerprint: string;
  refreshFingerprint: string | null;
  attempt: string;
}

/** The row of a secret nobody has authorized yet. */
export async function insertUnauthorized(
  tx: Tx,
  row: Pick<SavedTokens, "tenantId" | "secretId" | "workspaceId" | "authClientTenantId" | "authClientId">,
): Promise<void> {
  await tx.insert(tokenState).values(row);
}

/**
 * The row of a secret whose tokens are asked for without a person: due at once. It has a grant from the beginning, so that
 * the first answer lands like any other.
 */
export async function insertPending(
  tx: Tx,
  row: Pick<SavedTokens, "tenantId" | "secretId" | "workspaceId" | "authClientTenantId" | "authClientId" | "grantId">,
): Promise<void> {
  await tx.insert(tokenState).values({ ...row, ...PENDING });
}

/** Nothing to hand out, and the next look at the row asks for it. */
const PENDING = {
  status: "active",
  sealed: null,
  expiresAt: sql`now()`,
  refreshDueAt: sql`now()`,
  renewable: true,
};

export interface LockedTokens {
  generation: number;
  grantId: string | null;
  sealed: Buffer | null;
  lifetimeS: number | null;
  /** ms since the epoch. */
  issuedMs: number | null;
  /** ms since they were asked for, by the database's clock. */
  ageMs: number | null;
}

/** The generation to follow, locked for the rest of the transaction; null when the secret is gone. */
export async function lockTokens(tx: Tx, tenantId: string, secretId: string): Promise<LockedTokens | null> {
  const [row] = await tx
    .select({
      generation: tokenState.generation,
      grantId: tokenState.grantId,
      sealed: tokenState.sealed,
      lifetimeS: tokenState.lifetimeS,
      issuedMs: sql<number | null>`extract(epoch from ${tokenState.issuedAt})::float8 * 1000`,
      ageMs: sql<number | null>`extract(epoch from now() - ${tokenState.receivedAt})::float8 * 1000`,
    })
    .from(tokenState)
    .where(and(eq(tokenState.tenantId, tenantId), eq(tokenState.secretId, secretId)))
    .for("update");
  return row ?? null;
}

/**
 * Makes a token set current, in one statement that changes grant and generation, so that an answer in flight finds no match
 * (REFRESH section 4, "Notes"). With a new grant the ledger starts anew; within the same one it keeps what it holds.
 *
 * @returns false when the generation had moved
 */
export async function saveTokens(tx: Tx, tokens: SavedTokens): Promise<boolean> {
  const asked = sql`now() - ${tokens.ageMs}::float8 * interval '1 ms'`;
  const expires =
    tokens.lifetimeS === null ? sql`null::timestamptz` : sql`${asked} + ${tokens.lifetimeS}::int * interval '1 s'`;
  const due =
    tokens.renewable && tokens.lifetimeS !== null
      ? sql`${expires} - ${tokens.leadMs}::float8 * interval '1 ms'`
      : sql`null::timestamptz`;
  const issued = tokens.issuedAtMs === null ? sql`now()` : sql`to_timestamp(${tokens.issuedAtMs}::float8 / 1000)`;
  // Within the same grant somebody may be presenting its refresh token at this moment: that lease, and what is not known
  // about earlier presentations, stay.
  const same = sql`${tokenState.grantId} = ${tokens.grantId}`;
  const saved = await tx
    .update(tokenState)
    .set({
      status: "active",
      grantId: tokens.grantId,
      generation: tokens.parentGeneration + 1,
      sealed: tokens.sealed,
      expiresAt: expires,
      refreshDueAt: due,
      issuedAt: issued,
      receivedAt: asked,
      lifetimeS: tokens.lifetimeS,
      hasRefreshToken: tokens.hasRefreshToken,
      renewable: tokens.renewable,
      tokenType: tokens.tokenType,
      scopeGranted: tokens.scopeGranted,
      fingerprint: tokens.fingerprint,
      refreshFingerprint: tokens.refreshFingerprint,
      notBefore: null,
      leaseHolder: sql`case when ${same} then ${tokenState.leaseHolder} end`,
      outcome: sql`case when ${same} then ${tokenState.outcome} else 'OK' end`,
      failures: 0,
      suspectSince: null,
      lostGeneration: sql`case when ${same} then ${tokenState.lostGeneration} + 1 end`,
      problem: null,
      updatedAt: sql`now()`,
    })
    .where(
      and(
        eq(tokenState.tenantId, tokens.tenantId),
        eq(tokenState.secretId, tokens.secretId),
        eq(tokenState.generation, tokens.parentGeneration),
      ),
    )
    .returning({ id: tokenState.secretId });
  if (saved.length === 0) return false;
  const mine = and(eq(tokenLedger.tenantId, tokens.tenantId), eq(tokenLedger.secretId, tokens.secretId));
  await tx.delete(tokenLedger).where(and(mine, ne(tokenLedger.grantId, tokens.grantId)));
  if (tokens.tokenMac !== null) {
    const entry = {
      generation: tokens.parentGeneration + 1,
      sealed: tokens.sealed,
      issuedAt: issued,
      receivedAt: sql`now()`,
      attempt: tokens.attempt,
      standing: "current",
    };
    await tx
      .insert(tokenLedger)
      .values({
        tenantId: tokens.tenantId,
        secretId: tokens.secretId,
        grantId: tokens.grantId,
        tokenMac: tokens.tokenMac,
        ...entry,
      })
      .onConflictDoUpdate({
        target: [tokenLedger.tenantId, tokenLedger.secretId, tokenLedger.grantId, tokenLedger.tokenMac],
        set: entry,
      });
  }
  return true;
}

/** Tokens and ledger gone, as if nobody had authorized yet; an answer in flight finds no grant to land on. */
export async function forgetTokens(tx: Tx, tenantId: string, secretId: string): Promise<void> {
  await empty(tx, tenantId, secretId, {
    status: "unauthorized",
    grantId: null,
    sealed: null,
    expiresAt: null,
    refreshDueAt: null,
    renewable: false,
  });
}

/**
 * For tokens that are asked for without a person: what is held is given up and asked for anew at once, whatever the row's
 * state was. An answer in flight was asked for with something else and finds no grant to land on.
 */
export async function startAnew(tx: Tx, tenantId: string, secretId: string, grantId: string): Promise<void> {
  await empty(tx, tenantId, secretId, { ...PENDING, grantId });
}

async function empty(
  tx: Tx,
  tenantId: string,
  secretId: string,
  then: typeof PENDING | Partial<typeof tokenState.$inferInsert>,
): Promise<void> {
  await tx
    .update(tokenState)
    .set({
      ...then,
      generation: sql`${tokenState.generation} + 1`,
      issuedAt: null,
      receivedAt: null,
      lifetimeS: null,
      hasRefreshToken: false,
      tokenType: null,
      scopeGranted: null,
      fingerprint: null,
      refreshFingerprint: null,
      notBefore: null,
      leaseHolder: null,
      outcome: null,
      failures: 0,
      suspectSince: null,
      lostGeneration: null,
      problem: null,
      updatedAt: sql`now()`,
    })
    .where(and(eq(tokenState.tenantId, tenantId), eq(tokenState.secretId, secretId)));
  await tx.delete(tokenLedger).where(and(eq(tokenLedger.tenantId, tenantId), eq(tokenLedger.secretId, secretId)));
}

/** A paused secret tries again: its scopes were edited. */
export async function resume(tx: Tx, tenantId: string, secretId: string): Promise<void> {
  await tx
    .update(tokenState)
    .set({
      status: "active",
      problem: null,
      failures: 0,
      notBefore: null,
      refreshDueAt: sql`least(${tokenState.expiresAt}, now())`,
    })
    .where(and(eq(tokenState.tenantId, tenantId), eq(tokenState.secretId, secretId), eq(tokenState.status, "paused")));
}
