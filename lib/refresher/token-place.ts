import type { Place } from "@/lib/crypto/envelope";

/** Where a secret's token set of one generation is sealed; the ledger keeps the same sealed bytes. */
export function tokenPlace(tenantId: string, secretId: string, generation: number): Place {
  return { tenantId, table: "token_state", rowId: secretId, field: "tokens", generation };
}
