import { type Caller, type Holding, holding } from "@/lib/access/caller";
import { narrow } from "@/lib/access/key-limits";
import type { Scope } from "@/lib/access/scope";
import { loadHoldings } from "@/lib/accounts/holdings-store";
import { lockRole } from "@/lib/accounts/tree-store";
import type { Tx } from "@/lib/db/tx";
import { AppError } from "@/lib/errors";

/**
 * Check and act together (AZ-7) for what goes on when its maker's right is gone: rights are remembered for 5 s, and nothing may
 * be made with one that was taken away meanwhile.
 */

/**
 * What the caller holds exactly here, read now; nobody can change it until `tx`, which is in the scope's tenant, ends. A task
 * identity has no role and holds nothing by this.
 */
export async function holdHere(
  tx: Tx,
  caller: Caller,
  scope: Exclude<Scope, { kind: "global" }>,
): Promise<{ holdings: Holding[] }> {
  const role = caller.userId === null ? null : await lockRole(tx, scope, caller.userId);
  return { holdings: role === null ? [] : narrow([holding(scope.kind, scope, role)], caller.limits) };
}

/**
 * After `holdHere` said no: the caller's rights read anew, and refused by `permit` in the usual words.
 *
 * @throws AppError whatever `judge` throws; conflict when the right is there again
 */
export async function refuseNow(caller: Caller, judge: () => Promise<unknown>): Promise<never> {
  if (caller.userId) caller.holdings = await loadHoldings(caller.userId, caller.limits);
  await judge();
  throw new AppError("conflict", "Your rights changed at this moment. Look again, then repeat it.");
}
