import { and, eq, sql } from "drizzle-orm";
import { oauthAttempts, publishedKeys, secretEvents, secrets, tokenLedger, tokenState } from "@/drizzle/schema/secrets";
import type { WorkspaceScope } from "@/lib/access/scope";
import { repeatable, type Tx, violatedConstraint } from "@/lib/db/tx";
import { AppError } from "@/lib/errors";
import { nameKey } from "@/lib/secret-types/names";
import { type SecretRow, toRow } from "./rows";

/** SQL of a secret as such. Its tokens, its timeline, lists and audited reads have stores of their own. */

/** One secret without its values being shown: prepared, no transaction. */
export async function readSecret(scope: WorkspaceScope, id: string): Promise<SecretRow | null> {
  const rows = await repeatable(
    (sql) => sql`select * from latchkey_read_secret(${scope.tenantId}, ${scope.workspaceId}, ${id})`,
  );
  return rows[0] ? toRow(rows[0]) : null;
}

export type NewSecret = Pick<
  typeof secrets.$inferInsert,
  | "tenantId"
  | "id"
  | "workspaceId"
  | "type"
  | "name"
  | "nameKey"
  | "secretName"
  | "authClientTenantId"
  | "authClientId"
  | "userId"
  | "scope"
  | "sealed"
  | "declaredState"
  | "declaredError"
  | "reveal"
  | "allowedHosts"
>;

/** @throws AppError conflict when the name is taken in the workspace */
export async function insertSecret(tx: Tx, row: NewSecret): Promise<void> {
  await nameConflict(() => tx.insert(secrets).values(row));
}

async function nameConflict<T>(work: () => PromiseLike<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (violatedConstraint(error) === "secrets_name")
      throw new AppError(
        "conflict",
        "A secret of this name exists in the workspace already; names are compared without regard to case.",
        {
          source: { pointer: "/data/attributes/name" },
        },
      );
    throw error;
  }
}

/** What the redirect flow needs of a secret. */
export interface AuthorizableSecret {
  tenantId: string;
  id: string;
  workspaceId: string;
  name: string;
  secretName: string;
  scope: string | null;
  client: { tenantId: string; id: string } | null;
  generation: number;
  sealed: Buffer;
}

export async function authorizableSecret(tx: Tx, tenantId: string, id: string): Promise<AuthorizableSecret | null> {
  const [row] = await tx
    .select()
    .from(secrets)
    .where(and(eq(secrets.tenantId, tenantId), eq(secrets.id, id)));
  if (!row) return null;
  const { authClientTenantId, authClientId } = row;
  return {
    ...row,
    client: authClientTenantId && authClientId ? { tenantId: authClientTenantId, id: authClientId } : null,
  };
}

/** The secret of this name in a workspace; names are compared without regard to case. */
export async function secretNamed(
  tx: Tx,
  { tenantId, workspaceId }: WorkspaceScope,
  name: string,
): Promise<{ id: string; type: string } | null> {
  const [row] = await tx
    .select({ id: secrets.id, type: secrets.type })
    .from(secrets)
    .where(
      and(eq(secrets.tenantId, tenantId), eq(secrets.workspaceId, workspaceId), eq(secrets.nameKey, nameKey(name))),
    );
  return row ?? null;
}

/** Locks the secret's row for the rest of the transaction. */
export async function lockSecret(
  tx: Tx,
  tenantId: string,
  id: string,
): Promise<Pick<SecretRow, "generation" | "sealed" | "scope" | "reveal" | "allowedHosts"> | null> {
  const { generation, sealed, scope, reveal, allowedHosts } = secrets;
  const [row] = await tx
    .select({ generation, sealed, scope, reveal, allowedHosts })
    .from(secrets)
    .where(and(eq(secrets.tenantId, tenantId), eq(secrets.id, id)))
    .for("update");
  return row ?? null;
}

export async function updateSecret(
  tx: Tx,
  tenantId: string,
  id: string,
  change: Partial<
    Pick<
      NewSecret,
      "name" | "nameKey" | "scope" | "sealed" | "declaredState" | "declaredError" | "reveal" | "allowedHosts"
    >
  > & {
    generation?: number;
  },
): Promise<void> {
  await nameConflict(() =>
    tx
      .update(secrets)
      .set({ ...change, updatedAt: sql`now()` })
      .where(and(eq(secrets.tenantId, tenantId), eq(secrets.id, id))),
  );
}

/** Removes a secret with everything that was kept for it, its timeline included; the audit trail stays. */
export async function deleteSecretRows(tx: Tx, tenantId: string, id: string): Promise<void> {
  await tx.delete(tokenLedger).where(and(eq(tokenLedger.tenantId, tenantId), eq(tokenLedger.secretId, id)));
  await tx.delete(tokenState).where(and(eq(tokenState.tenantId, tenantId), eq(tokenState.secretId, id)));
  await tx.delete(publishedKeys).where(and(eq(publishedKeys.tenantId, tenantId), eq(publishedKeys.secretId, id)));
  await tx.delete(secretEvents).where(and(eq(secretEvents.tenantId, tenantId), eq(secretEvents.secretId, id)));
  await tx.delete(oauthAttempts).where(and(eq(oauthAttempts.tenantId, tenantId), eq(oauthAttempts.secretId, id)));
  await tx.delete(secrets).where(and(eq(secrets.tenantId, tenantId), eq(secrets.id, id)));
}

export async function notifyChange(tx: Tx, workspaceId: string, secretId: string): Promise<void> {
  await tx.execute(sql`select pg_notify('latchkey_secret', ${`${workspaceId} ${secretId}`})`);
}
