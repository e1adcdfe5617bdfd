import type { Paced, Slots } from "@/lib/refresher/pace";
import { GUARD_MS, HARD_DEADLINE_MS } from "@/lib/refresher/policy";
import type { Verdict, Want } from "@/lib/refresher/world";
import type { Violation } from "./judge";
import type { Presentation } from "./network";
import { PaceTable } from "./pace-table";
import { holds, type LandingRow, type LeaseKey, type StateRow } from "./row-shapes";
import { RowStore } from "./row-store";
import type { Plan } from "./simulation";

/** One thing left out of the protocol's world, to see that the simulation notices (names as in refresh-model.mjs). */
export interface Weakness {
  name: string;
  /** Any of these shows it. */
  shows: readonly Violation[];
  store?: typeof RowStore;
  /** Leases are not prolonged, and nobody is told. */
  noHeartbeat?: boolean;
  /** A token is forgotten when the store does not answer. */
  dropsOnStoreTrouble?: boolean;
  /** An answer that was not understood ends the grant. */
  unknownIsDead?: boolean;
  /** A metadata edit writes the whole row back. */
  wholeRow?: boolean;
  /** Nothing is looked at before a token is presented: neither the row nor the process's own clock. */
  noGuard?: boolean;
  /** What runs are made of that show it soonest. */
  plan?: Partial<Plan>;
  /** False: the answer is thrown away unread. */
  hears(p: Presentation, now: number): boolean;
}

const every = { hears: () => true };

const slowDatabase: Partial<Plan> = { processes: 3, enabled: ["statementSlow"], readiness: 0.5, budget: 60 };
const lostAnswers: Partial<Plan> = {
  kinds: ["graceLatest", "graceLatest", "graceLatest"],
  processes: 3,
  enabled: ["requestLate", "answerLate", "consumedThenUnavailable", "answerReset", "crash"],
  readiness: 0.4,
  budget: 12,
};

const slowedDown: Partial<Plan> = {
  kinds: ["static", "strict", "graceLatest"],
  processes: 3,
  enabled: ["slowDown"],
  readiness: 0.4,
};

class NoLease extends RowStore {
  override isFree(): boolean {
    return true;
  }
  override mayPresent(t: StateRow, _key: LeaseKey, grantId: string, generation: number): boolean {
    return t.grant_id === grantId && t.generation === generation;
  }
}

class NoRecheck extends RowStore {
  override wanted(): boolean {
    return true;
  }
}

class NoAlternatives extends RowStore {
  override alternatives() {
    return [];
  }
}

class NoPredecessor extends RowStore {
  override alternatives(tenantId: string, secretId: string, grantId: string) {
    const sibling = (mac: string) =>
      this.ledger.some((g) => g.secret_id === secretId && g.token_mac === mac && g.standing === "alternative");
    return super.alternatives(tenantId, secretId, grantId, false).filter((one) => sibling(one.tokenMac));
  }
}

class UnownedRelease extends RowStore {
  override mayRelease(): boolean {
    return true;
  }
  override land(l: LandingRow): Verdict {
    const verdict = super.land(l);
    const t = this.row(l.key.tenantId, l.key.secretId);
    if (t) t.lease_holder = null;
    return verdict;
  }
}

/** Lands on whatever row there is. */
class BlindLand extends RowStore {
  override land(l: LandingRow): Verdict {
    const t = this.row(l.key.tenantId, l.key.secretId);
    if (!t?.grant_id) return { kind: "foreign" };
    return super.land({ ...l, parentGeneration: t.generation, grantId: t.grant_id });
  }
}

/** Whose lease is over keeps nothing. */
class FencedLand extends RowStore {
  override land(l: LandingRow): Verdict {
    const t = this.row(l.key.tenantId, l.key.secretId);
    return t?.fence === l.key.fence ? super.land(l) : { kind: "foreign" };
  }
}

/** Who lost the race keeps nothing. */
class CasLand extends RowStore {
  override land(l: LandingRow): Verdict {
    const t = this.row(l.key.tenantId, l.key.secretId);
    return t?.generation === l.parentGeneration ? super.land(l) : { kind: "foreign" };
  }
}

/** What providers ask for is written down, and nobody heeds it. */
class Deaf extends RowStore {
  override makePaces(): PaceTable {
    return new (class extends PaceTable {
      override isBlocked(): boolean {
        return false;
      }
      override take(_who: Paced, max: number): Slots {
        return { granted: max, startMs: 0, everyMs: 0, blockedMs: 0 };
      }
    })(this.now);
  }
}

/** The lease is looked at before sending, what it was given for is not. */
class LeaseOnly extends RowStore {
  override mayPresent(t: StateRow, key: LeaseKey): boolean {
    return holds(t, key) && (t.lease_until as number) > this.now() + GUARD_MS;
  }
}

/** A refusal counts whoever reports it, and whatever the row holds by then. */
class AnyRefusal extends RowStore {
  override mayFail(): boolean {
    return true;
  }
}

class AnyGeneration extends RowStore {
  override wanted(t: StateRow, want: Want, due: boolean): boolean {
    return due || (want.generation !== null && t.generation >= want.generation);
  }
}

class EndlessLease extends RowStore {
  override isFree(t: StateRow): boolean {
    return t.lease_holder === null;
  }
}

class GrantsMix extends RowStore {
  override land(l: LandingRow): Verdict {
    const t = this.row(l.key.tenantId, l.key.secretId);
    return super.land(t?.grant_id ? { ...l, grantId: t.grant_id } : l);
  }
}

/** Nothing is left out: runs in which a provider says "slow down" and nothing else goes wrong. */
export const IMPATIENT: Weakness = { ...every, name: "none", shows: [], plan: slowedDown };

export const WEAKNESSES: readonly Weakness[] = [
  { ...every, name: "A no lease", shows: ["MUTEX", "OVER"], store: NoLease },
  { ...every, name: "B leases are not prolonged", shows: ["MUTEX"], noHeartbeat: true },
  { ...every, name: "D no re-check", shows: ["OVER"], store: NoRecheck, plan: slowDatabase },
  { ...every, name: "E no check before sending", shows: ["MUTEX", "OVER", "LOST"], noGuard: true, plan: slowDatabase },
  { ...every, name: "E2 lease checked, generation not", shows: ["OVER", "LOST"], store: LeaseOnly },
  { ...every, name: "E3 predecessor not kept", shows: ["LOST", "FALSEDEAD"], store: NoPredecessor, plan: lostAnswers },
  { ...every, name: "F release not tied to owner", shows: ["MUTEX", "OVER"], store: UnownedRelease },
  { ...every, name: "G blind write", shows: ["CROSS", "MONOTONE", "LOST"], store: BlindLand, plan: slowDatabase },
  { ...every, name: "G2 grants mix", shows: ["CROSS"], store: GrantsMix },
  { ...every, name: "H fencing only", shows: ["LOSTRECV", "LOST"], store: FencedLand },
  { ...every, name: "I compare and set only", shows: ["LOSTRECV", "LOST"], store: CasLand, plan: lostAnswers },
  { ...every, name: "J a refusal counts unconditionally", shows: ["FALSEDEAD"], store: AnyRefusal },
  {
    name: "K late answers thrown away",
    shows: ["LOSTRECV", "LOST"],
    plan: lostAnswers,
    hears: (p, now) => now - p.sentAt < HARD_DEADLINE_MS,
  },
  { ...every, name: "L token dropped when the write fails", shows: ["LOSTRECV"], dropsOnStoreTrouble: true },
  { ...every, name: "M 5xx is death", shows: ["FALSEDEAD"], unknownIsDead: true },
  { ...every, name: "N forced without generation", shows: ["OVER"], store: AnyGeneration, plan: slowDatabase },
  { ...every, name: "O metadata edit writes the whole row", shows: ["MONOTONE", "LOST", "OVER"], wholeRow: true },
  { ...every, name: "Q a lease that never ends", shows: ["STUCK"], store: EndlessLease },
  { ...every, name: "U a provider's slow down is not heeded", shows: ["PACE"], store: Deaf, plan: slowedDown },
  { ...every, name: "S no alternatives", shows: ["LOST", "FALSEDEAD"], store: NoAlternatives, plan: lostAnswers },
];
