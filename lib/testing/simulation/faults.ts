import type { Random } from "./random";

/** Everything that may go wrong in a run; each has a place in the code that asks `Faults.strikes`. */
export const FAULTS = [
  "crash",
  "stall",
  "statementLost",
  "commitReportedFailed",
  "statementSlow",
  "databaseAway",
  "connectFails",
  "connectSlow",
  "requestReset",
  "requestLate",
  "requestSilent",
  "unavailable",
  "consumedThenUnavailable",
  "answerTruncated",
  "answerReset",
  "answerLate",
  "answerSilent",
  "clockJumps",
] as const;
/** `slowDown` and pointed runs are drawn apart from the others, which came before them: their seeds stay what they were. */
export type Fault = (typeof FAULTS)[number] | "slowDown" | "pauseWithLease";

/** Which faults a run may suffer, how readily, and how many are left. */
export class Faults {
  count = 0;

  constructor(
    readonly random: Random,
    readonly enabled: ReadonlySet<Fault>,
    readonly readiness: number,
    public left: number,
  ) {}

  /** @param weight how often this place is passed, compared with others: rare places strike more readily */
  strikes(fault: Fault, weight = 1): boolean {
    if (this.left <= 0 || !this.enabled.has(fault) || !this.random.chance(this.readiness * weight)) return false;
    this.left -= 1;
    this.count += 1;
    return true;
  }
}
