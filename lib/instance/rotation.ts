import type { KekFacts, KeyHolder } from "@/lib/crypto/key-holder-store";

/** Where the rotation of the master key stands (CRY-6), from what the database says and nothing else. */

export interface MasterKeyStanding {
  id: string;
  /**
   * current: every living process wraps with it. in_use: it still wraps, or some wrap with it. prepared: it never wrapped anything.
   * done: it wrapped and wraps nothing any more.
   */
  state: "current" | "in_use" | "prepared" | "done";
  /** Tenant keys it wraps. */
  tenantKeys: number;
  /** Living processes that have it. */
  holders: number;
}

export interface Rotation {
  /** The current one first. */
  keys: MasterKeyStanding[];
  tenantKeys: number;
  holders: KeyHolder[];
  /**
   * none: nothing is under way. spread: some processes lack a key that others have. align: processes wrap with different keys.
   * promote: a key is prepared everywhere. wait: tenant keys are being rewrapped. remove: a key wraps nothing any more.
   */
  next: "none" | "spread" | "align" | "promote" | "wait" | "remove";
}

const ORDER = ["current", "in_use", "prepared", "done"] as const;

export function rotationOf({ wraps, holders, used }: KekFacts): Rotation {
  const firsts = new Set(holders.flatMap((holder) => holder.kekIds.slice(0, 1)));
  const ids = new Set([...wraps.keys(), ...holders.flatMap((holder) => holder.kekIds)]);
  const stateOf = (id: string): MasterKeyStanding["state"] => {
    if (firsts.has(id)) return firsts.size === 1 ? "current" : "in_use";
    if (wraps.has(id)) return "in_use";
    return used.has(id) ? "done" : "prepared";
  };
  const keys = [...ids]
    .map((id) => ({
      id,
      state: stateOf(id),
      tenantKeys: wraps.get(id) ?? 0,
      holders: holders.filter((holder) => holder.kekIds.includes(id)).length,
    }))
    .sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || (a.id < b.id ? -1 : 1));
  const any = (state: MasterKeyStanding["state"]) => keys.some((key) => key.state === state);
  const next = (): Rotation["next"] => {
    if (firsts.size > 1) return "align";
    if (keys.some((key) => key.holders < holders.length)) return "spread";
    if (any("in_use")) return "wait";
    if (any("prepared")) return "promote";
    return any("done") ? "remove" : "none";
  };
  return { keys, tenantKeys: [...wraps.values()].reduce((sum, n) => sum + n, 0), holders, next: next() };
}
