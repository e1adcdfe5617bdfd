import type { Grant, Presentation } from "@/lib/testing/idp-grants";

/**
 * The verdict over a storm, taken afterwards from what the provider and the database wrote down (FAULTS, "Jepsen-style
 * check"). Pure. No time limit decides: what a process took with it is told by the provider's log and by which connections
 * were the process's.
 */
export interface History {
  secrets: readonly { id: string; grantId: string }[];
  /** The provider's truth, by id. */
  grants: ReadonlyMap<string, Grant>;
  rows: ReadonlyMap<string, Row>;
  ledger: readonly LedgerRow[];
  /** Processes that were killed or stopped. */
  blows: readonly Blow[];
  /** The keyed hash under which the ledger knows a refresh token. */
  macOf(token: string): string;
  /** Whether the provider would take this refresh token now. */
  acceptsRefresh(token: string): boolean;
  /** The storm had answers of the provider's that are excuses: dropped, 5xx after it took effect. Default none. */
  providerLostAnswers?: boolean;
}

export interface Row {
  secret_id: string;
  status: string;
  generation: number;
  suspect_since: unknown;
}

export interface LedgerRow {
  secret_id: string;
  token_mac: string;
  standing: string;
}

/** A process that was killed, or stopped for longer than its lease, and the ends of its connections at that moment. */
export interface Blow {
  /** When nothing it had sent before could arrive any more: its connections were closed, or it went on. ms since the epoch */
  at: number;
  /** Who was only stopped goes on later: what it then receives may not be lost. */
  kind: "killed" | "stopped";
  ports: ReadonlySet<number>;
}

export interface Judgement {
  /** Empty: everything held. Each begins with the invariant. */
  violations: string[];
  presentations: number;
  /** Grants that are lost, each matched to a blow between "consumed" and "committed" (REFRESH section 3, E1 and E2). */
  lost: string[];
  /** Presentations of a token that was already consumed or still unanswered, after a blow. */
  repeated: number;
  landed: number;
}

const WITHOUT_GRACE = new Set(["soft", "strict"]);

/** Looks at every secret of a storm, after all has come to rest. */
export function judge(history: History): Judgement {
  const verdict: Judgement = { violations: [], presentations: 0, lost: [], repeated: 0, landed: 0 };
  const ledgers = new Map<string, Map<string, string>>();
  for (const { secret_id, token_mac, standing } of history.ledger) {
    const known = ledgers.get(secret_id) ?? new Map<string, string>();
    ledgers.set(secret_id, known.set(token_mac, standing));
  }
  for (const secret of history.secrets) {
    const grant = history.grants.get(secret.grantId);
    const row = history.rows.get(secret.id);
    if (!grant || !row) throw new Error("A secret of the storm has no grant or no row.");
    judgeSecret(history, verdict, { id: secret.id, grant, row, ledger: ledgers.get(secret.id) ?? new Map() });
  }
  return verdict;
}

interface Subject {
  id: string;
  grant: Grant;
  row: Row;
  /** Standing by keyed hash. */
  ledger: Map<string, string>;
}

function judgeSecret(history: History, verdict: Judgement, subject: Subject): void {
  const { id, grant, row, ledger } = subject;
  const { presentations } = grant;
  const say = (what: string) =>
    verdict.violations.push(
      `${what}: ${id} (${grant.kind}, ${row.status}, generation ${row.generation}) ${told(presentations)}`,
    );
  const hit = (p: Presentation, kinds: readonly Blow["kind"][]) =>
    history.blows.some(
      (blow) => kinds.includes(blow.kind) && p.port !== null && blow.ports.has(p.port) && p.at <= blow.at,
    );
  /** Its answer may have died with the process, or on the way, or come after somebody else had to try. */
  const cut = (p: Presentation) =>
    (history.providerLostAnswers === true && p.answered === false) || hit(p, ["killed", "stopped"]);
  verdict.presentations += presentations.length;
  verdict.landed += row.generation - 1;

  const issued = new Map<string, string>();
  for (const p of presentations) if (p.issued !== null) issued.set(history.macOf(p.issued), p.issued);
  const first = presentations[0]?.token;
  if (first !== undefined) issued.set(history.macOf(first), first);

  for (const [n, p] of presentations.entries()) {
    const before =
      grant.kind === "static" ? [] : presentations.slice(0, n).filter((q) => q.token === p.token && q.consumed);
    const meanwhile = presentations
      .slice(0, n)
      .filter((q) => q.token === p.token && (q.answered === null || p.overlapping > 0));
    if (before.length + (p.overlapping > 0 ? 1 : 0) > 0) {
      verdict.repeated += 1;
      const earlier = [...before, ...(p.overlapping > 0 ? meanwhile : [])];
      if (!earlier.some(cut)) say("I1 a refresh token was presented twice without a reason");
    }
    if (p.answered === true && p.issued !== null && !hit(p, ["killed"])) {
      const kept = ledger.has(history.macOf(p.issued)) || presentations.some((q) => q.token === p.issued);
      if (!kept) say("I2 an answer that was received is nowhere");
    }
  }
  // Of a static token the ledger knows only the one there ever was.
  if (grant.kind !== "static" && presentations.length > 0)
    for (const mac of ledger.keys()) if (!issued.has(mac)) say("I4 the ledger holds a token of another grant");

  const currentMac = [...ledger].find(([, standing]) => standing === "current")?.[0];
  const current = currentMac === undefined ? undefined : issued.get(currentMac);
  const alive = current === undefined ? grant.revoked === "no" : history.acceptsRefresh(current);
  if (!alive) {
    const explained = presentations.some((p) => p.consumed && cut(p));
    if (!WITHOUT_GRACE.has(grant.kind)) say("lost although the provider has a grace period");
    else if (!explained) say("lost without a reason");
    else verdict.lost.push(id);
  } else if (row.status === "dead" || row.suspect_since !== null)
    say("I7 declared dead or suspect while the grant lives");

  const clean = presentations.every((p) => p.answered === true && p.consumed && !cut(p));
  if (clean && presentations.length !== row.generation - 1) say("I9 calls and generations differ");
}

function told(presentations: readonly Presentation[]): string {
  return presentations
    .slice(-5)
    .map(
      (p) =>
        `${p.token.slice(-4)} ${p.verdict}${p.answered === true ? "" : " unanswered"}${p.overlapping ? " overlapping" : ""}`,
    )
    .join(", ");
}
