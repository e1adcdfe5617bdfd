import { type Holding, holding } from "@/lib/access/caller";
import { type KeyLimits, narrow } from "@/lib/access/key-limits";
import type { ROLES } from "@/lib/access/roles";
import { GLOBAL } from "@/lib/access/scope";
import { repeatable } from "@/lib/db/tx";

interface MembershipRow {
  tenant_id: string;
  scope_kind: string;
  contract_id: string | null;
  workspace_id: string | null;
  role: string;
}

/**
 * What a person holds, one entry per membership, in every tenant: through the named door latchkey_memberships. With the
 * limits of the key that asks, so that no look-up can give it back what it was cut off from.
 */
export async function loadHoldings(userId: string, limits: KeyLimits | null): Promise<Holding[]> {
  const rows = await repeatable((sql) => sql<MembershipRow[]>`select * from latchkey_memberships(${userId})`);
  return narrow(
    rows.flatMap((row) => toHolding(row) ?? []),
    limits,
  );
}

/** Null for a membership of a kind this version does not know, or of a workspace that is gone. */
function toHolding(row: MembershipRow): Holding | null {
  const { tenant_id: tenantId, contract_id: contractId, workspace_id: workspaceId, role } = row;
  switch (row.scope_kind as keyof typeof ROLES) {
    case "instance":
      return holding("instance", GLOBAL, role);
    case "tenant":
      return holding("tenant", { kind: "tenant", tenantId }, role);
    case "contract":
      return contractId ? holding("contract", { kind: "contract", tenantId, contractId }, role) : null;
    case "workspace":
      return contractId && workspaceId
        ? holding("workspace", { kind: "workspace", tenantId, contractId, workspaceId }, role)
        : null;
    default:
      return null;
  }
}
