import { and, asc, eq, inArray, sql } from "drizzle-orm";
import { workspaces } from "@/drizzle/schema/accounts";
import { secrets } from "@/drizzle/schema/secrets";
import type { Scope } from "@/lib/access/scope";
import type { Tx } from "@/lib/db/tx";

/** SQL of the secrets that use a client. */

/**
 * Holds until the end of the transaction. Whoever is about to use a client in a new secret shares it; deletion takes it
 * alone, so that no secret is born while its client dies. Row locks cannot do this: a tenant may not lock a global row.
 */
export async function lockUse(tx: Tx, id: string, how: "shared" | "alone"): Promise<void> {
  const key = sql`hashtextextended(${`auth-client ${id}`}, 0)`;
  if (how === "shared") await tx.execute(sql`select pg_advisory_xact_lock_shared(${key})`);
  else await tx.execute(sql`select pg_advisory_xact_lock(${key})`);
}

export interface ClientUser {
  secretId: string;
  name: string;
  workspaceId: string;
  workspaceName: string;
  contractId: string;
}

/** The secrets of the transaction's tenant that use a client, by workspace and name. */
export async function secretsUsing(tx: Tx, tenantId: string, client: { tenantId: string; id: string }) {
  return tx
    .select({
      secretId: secrets.id,
      name: secrets.name,
      workspaceId: secrets.workspaceId,
      workspaceName: workspaces.name,
      contractId: workspaces.contractId,
    })
    .from(secrets)
    .innerJoin(workspaces, and(eq(workspaces.tenantId, secrets.tenantId), eq(workspaces.id, secrets.workspaceId)))
    .where(
      and(
        eq(secrets.tenantId, tenantId),
        eq(secrets.authClientTenantId, client.tenantId),
        eq(secrets.authClientId, client.id),
      ),
    )
    .orderBy(asc(workspaces.name), asc(secrets.name)) satisfies Promise<ClientUser[]>;
}

/** How many secrets at or below the scope use each client; clients that none uses are left out. */
export async function countUses(tx: Tx, scope: Scope, ids: readonly string[]): Promise<Map<string, number>> {
  if (ids.length === 0) return new Map();
  const below =
    scope.kind === "workspace"
      ? eq(secrets.workspaceId, scope.workspaceId)
      : scope.kind === "contract"
        ? inArray(
            secrets.workspaceId,
            tx
              .select({ id: workspaces.id })
              .from(workspaces)
              .where(and(eq(workspaces.tenantId, scope.tenantId), eq(workspaces.contractId, scope.contractId))),
          )
        : undefined;
  const rows = await tx
    .select({ id: secrets.authClientId, n: sql<number>`count(*)::int` })
    .from(secrets)
    .where(and(eq(secrets.tenantId, scope.tenantId), inArray(secrets.authClientId, [...ids]), below))
    .groupBy(secrets.authClientId);
  return new Map(rows.map((row) => [row.id as string, row.n]));
}

/** How many secrets of all tenants use a global client, through the door that tells no more than the number. */
export async function countGlobalUses(tx: Tx, id: string): Promise<number> {
  const [row] = await tx.execute<{ n: number }>(sql`select latchkey_global_client_uses(${id}) as n`);
  return Number(row?.n ?? 0);
}
