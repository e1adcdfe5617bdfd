import type { WorkspaceScope } from "@/lib/access/scope";
import { ensureFresh, type Freshened, type RowView } from "@/lib/refresher/ensure-fresh";
import type { Want } from "@/lib/refresher/world";
import type { TokenRow } from "./rows";
import { readSecret } from "./store";

/** A token is there and lives longer than asked. */
export function satisfies(row: TokenRow, validityMs: number): boolean {
  if (row.tokenSealed === null) return false;
  return row.expiresMs === null || row.expiresMs - row.nowMs > validityMs;
}

/** Has the secret's token renewed, or waits for whoever does. */
export function freshen(
  row: TokenRow,
  scope: WorkspaceScope,
  want: Want,
  waitMs: number,
  actor: string | null,
): Promise<Freshened> {
  return ensureFresh(
    {
      tenantId: row.tenantId,
      secretId: row.id,
      authClientTenantId: row.authClientTenantId as string,
      authClientId: row.authClientId as string,
    },
    want,
    { waitMs, actor, look: async () => viewOf(await readSecret(scope, row.id)) },
  );
}

function viewOf(row: TokenRow | null): RowView | null {
  if (!row || row.tokenGeneration === null) return null;
  const resting = (row.failures ?? 0) > 0 && row.dueMs !== null && row.dueMs > row.nowMs;
  return {
    generation: row.tokenGeneration,
    validForMs: row.expiresMs === null ? null : row.expiresMs - row.nowMs,
    leased: row.leased,
    attemptable:
      row.renewable === true && (row.status === "active" || row.status === "suspect") && !resting && !row.clientProblem,
  };
}
