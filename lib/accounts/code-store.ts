import { and, eq, gt } from "drizzle-orm";
import { oneTimeCodes } from "@/drizzle/schema/accounts";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import type { Tx } from "@/lib/db/tx";

export type CodeKind = "setup" | "reset";

export interface OneTimeCode {
  kind: CodeKind;
  userId: string | null;
}

const own = eq(oneTimeCodes.tenantId, INSTANCE_TENANT);

/** Stores a code's hash and ends every older code for the same purpose. */
export async function replaceCode(
  tx: Tx,
  code: { codeMac: string; kind: CodeKind; userId: string | null; createdAt: Date; expiresAt: Date },
): Promise<void> {
  await tx
    .delete(oneTimeCodes)
    .where(
      and(
        own,
        eq(oneTimeCodes.kind, code.kind),
        code.userId === null ? undefined : eq(oneTimeCodes.userId, code.userId),
      ),
    );
  await tx.insert(oneTimeCodes).values({ tenantId: INSTANCE_TENANT, ...code });
}

export async function findCode(tx: Tx, codeMac: string, now: Date): Promise<OneTimeCode | null> {
  const [row] = await tx
    .select({ kind: oneTimeCodes.kind, userId: oneTimeCodes.userId })
    .from(oneTimeCodes)
    .where(and(own, eq(oneTimeCodes.codeMac, codeMac), gt(oneTimeCodes.expiresAt, now)));
  return row ? { kind: row.kind as CodeKind, userId: row.userId } : null;
}

/** Uses a code up: a second call finds nothing, however close. */
export async function takeCode(tx: Tx, codeMac: string, now: Date): Promise<OneTimeCode | null> {
  const [row] = await tx
    .delete(oneTimeCodes)
    .where(and(own, eq(oneTimeCodes.codeMac, codeMac), gt(oneTimeCodes.expiresAt, now)))
    .returning({ kind: oneTimeCodes.kind, userId: oneTimeCodes.userId });
  return row ? { kind: row.kind as CodeKind, userId: row.userId } : null;
}

export async function endCodes(tx: Tx, kind: CodeKind): Promise<void> {
  await tx.delete(oneTimeCodes).where(and(own, eq(oneTimeCodes.kind, kind)));
}
