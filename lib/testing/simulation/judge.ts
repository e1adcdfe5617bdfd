import { HARD_DEADLINE_MS } from "@/lib/refresher/policy";
import type { Lease, Want } from "@/lib/refresher/world";
import type { Presentation } from "./network";
import { sealedTokens } from "./process";
import { hasGrace, readToken } from "./provider";
import type { StateRow } from "./row-shapes";
import type { Simulation } from "./simulation";

/** What may not happen (REFRESH section 9), evaluated on the provider's ground truth and the history. */
export const VIOLATIONS = [
  "MUTEX",
  "OVER",
  "CROSS",
  "MONOTONE",
  "FALSEDEAD",
  "LOSTRECV",
  "LOST",
  "STUCK",
  "READER",
  "PACE",
] as const;
export type Violation = (typeof VIOLATIONS)[number];

/** More than a refused or unanswered refresh may cost within a minute: three quick tries and the backoff after them. */
const MOST_A_MINUTE = 16;

/** Statements may take half a minute each way; then an answer is in the rows, if the process lives. */
const STORED_WITHIN_MS = 120_000;

interface Received {
  grant: string;
  token: number;
  by: Presentation["by"];
  at: number;
}

export class Judge {
  readonly found: { violation: Violation; at: number; detail: string }[] = [];
  /** Every refresh token that was ever durable, by number. */
  readonly #durable = new Set<string>();
  readonly #received: Received[] = [];
  /** Grants that no protocol could have kept, with the reason (REFRESH section 3). */
  readonly excused = new Map<string, string>();
  /** Generations somebody rightly wanted replaced before their time, and leases taken when due, as `secret generation`. */
  readonly #wanted = new Set<string>();
  readonly #accessExpires = new Map<string, number>();
  readonly counts = { presented: 0, landed: 0, dead: 0, alternatives: 0, excused: 0, slowed: 0 };
  /** When each attempt's last guard passed. */
  readonly #guardedAt = new Map<string, number>();
  /** Since when the rows know that the provider wants to be left alone, and until when it does. */
  #wait = { from: 0, until: 0 };

  constructor(readonly sim: Simulation) {}

  /** A lease was given: was the row due at that moment? */
  leased(t: StateRow): void {
    if (t.refresh_due_at !== null && t.refresh_due_at <= this.sim.now)
      this.#wanted.add(`${t.secret_id} ${t.generation}`);
  }

  /** A lease was asked for: is the wish a good one, by what the caller and the row say? */
  demanded(t: StateRow, want: Want): void {
    const short = t.expires_at !== null && t.expires_at - want.validityMs <= this.sim.now;
    if (short || want.generation === t.generation) this.#wanted.add(`${t.secret_id} ${t.generation}`);
  }

  guarded(attempt: string): void {
    this.#guardedAt.set(attempt, this.sim.now);
  }

  /** It was written down that the provider said "slow down". */
  toldToWait(waitMs: number): void {
    this.counts.slowed += 1;
    const until = Math.min(this.sim.network.leaveAloneUntil, this.sim.now + waitMs);
    if (until > this.#wait.until) this.#wait = { from: this.sim.now, until };
  }

  /** A refresh token is about to be written to a socket. */
  presented(p: Presentation): void {
    const { now, network } = this.sim;
    this.counts.presented += 1;
    const guardedAt = this.#guardedAt.get(p.attempt) ?? now;
    if (guardedAt > this.#wait.from && now < this.#wait.until)
      this.#say("PACE", `${p.by.name} asks ${this.#wait.until - now} ms before the provider wants to be asked`);
    const before = network.presentations.filter(
      (q) => q.grant === p.grant && q.token === p.token && q.generation === p.generation,
    );
    for (const q of network.presentations) {
      if (q.grant !== p.grant || q.token !== p.token) continue;
      if (q.heard === "unclear" && q.arrivedAt === null)
        this.#excuse(p.grant, "E2 presented again while a request whose connection broke was still on its way");
      if (q.heard === "tokens" && q.heardAt !== null && q.by.troubledSince(q.heardAt))
        this.#excuse(p.grant, "E2 presented again while the answer could not be stored");
      if (q.heard !== "nothing") continue;
      const slow = now - q.askedAt >= HARD_DEADLINE_MS;
      if (slow || q.by.troubledSince(q.sentAt)) this.#excuse(p.grant, "E2 presented again while the first was out");
      else this.#say("MUTEX", `${p.by.name} presents what ${q.by.name} presented and got no answer to`);
    }
    // What ended in a fault may be asked again; what ended in tokens that a living process holds may not.
    const answered = before.find((q) => {
      if (q.heard !== "tokens" || !q.by.alive || q.heardAt === null || q.by.troubledSince(q.heardAt)) return false;
      // A late answer may come while the next presenter, whose guard has passed, is still connecting.
      return q.heardAt - q.askedAt < HARD_DEADLINE_MS || p.askedAt > q.heardAt;
    });
    if (answered) this.#say("OVER", `${p.by.name} asks again for generation ${p.generation}, which was answered`);
    const refusedJustNow = network.presentations.some((q) => q.attempt === p.attempt && q.heard === "refused");
    if (before.length === 0 && !refusedJustNow && !this.#wanted.has(`${p.secretId} ${p.generation}`))
      this.#say("OVER", `${p.by.name} refreshes generation ${p.generation}, which nobody wanted`);
    if (refusedJustNow) this.counts.alternatives += 1;
    const lately = network.presentations.filter((q) => q.secretId === p.secretId && q.sentAt > now - 60_000);
    if (lately.length >= MOST_A_MINUTE) this.#say("OVER", `${lately.length + 1} calls within a minute`);
  }

  issuedAccess(grant: string, access: number): void {
    this.#accessExpires.set(`${grant} ${access}`, this.sim.now + this.sim.plan.lifetimeS * 1000);
  }

  accessExpiresAt(token: string): number {
    const known = readToken(token);
    return (known && this.#accessExpires.get(`${known.grant} ${known.n}`)) ?? Number.POSITIVE_INFINITY;
  }

  heard(p: Presentation): void {
    if (p.heard !== "tokens" || !p.issued) return;
    this.#received.push({
      grant: p.grant,
      token: p.issued.refresh,
      by: p.by,
      at: this.sim.now,
    });
  }

  /** After an answer was landed: did the pointer go forward? */
  landed(lease: Lease, was: StateRow | null): void {
    const row = this.sim.store.row(lease.tenantId, lease.secretId);
    if (!row?.sealed || !was?.sealed || row.generation === was.generation) return;
    this.counts.landed += 1;
    if (row.grant_id !== was.grant_id) return;
    // A provider that does not say when it issued a token is believed to have done so when asked; a request under way for
    // long makes that wrong, which costs nothing: the other token stays as an alternative.
    if (!this.sim.plan.sendsDate && this.sim.plan.enabled.includes("requestLate")) return;
    const number = (sealed: Buffer) => {
      const tokens = sealedTokens(sealed);
      return (readToken(tokens.refresh_token ?? "")?.n ?? 0) * 1e6 + (readToken(tokens.access_token)?.n ?? 0);
    };
    if (number(row.sealed) < number(was.sealed))
      this.#say("MONOTONE", `the pointer went back from ${number(was.sealed)} to ${number(row.sealed)}`);
  }

  /** After every statement: nothing of another grant is stored, nothing of a deleted secret. */
  rows(): void {
    const { store } = this.sim;
    for (const t of store.states.values()) {
      if (t.sealed === null || t.grant_id === null) {
        if (t.sealed !== null) this.#say("CROSS", `${t.secret_id} has tokens and no grant`);
        continue;
      }
      this.#stored(t.secret_id, t.grant_id, t.sealed);
    }
    for (const g of store.ledger) {
      const row = store.states.get(g.secret_id);
      if (!row || row.grant_id !== g.grant_id) this.#say("CROSS", `the ledger keeps a token of ${g.grant_id}`);
      this.#stored(g.secret_id, g.grant_id, g.sealed);
    }
  }

  #stored(secretId: string, grant: string, sealed: Buffer): void {
    const tokens = sealedTokens(sealed);
    const refresh = readToken(tokens.refresh_token ?? "");
    if (refresh && refresh.grant !== grant)
      this.#say("CROSS", `${secretId} of ${grant} keeps a token of ${refresh.grant}`);
    if (refresh) this.#durable.add(`${grant} ${refresh.n}`);
  }

  /** A reader was given this token, from the row as it was at `at`. */
  handedOut(token: string, at: number): void {
    if (this.accessExpiresAt(token) <= at) this.#say("READER", "an expired access token was handed out");
  }

  waited(tookMs: number, waitMs: number): void {
    if (tookMs > waitMs) this.#say("READER", `a reader waited ${tookMs} ms instead of ${waitMs}`);
  }

  stuck(detail: string): void {
    this.#say("STUCK", detail);
  }

  /** When all faults are over and everything has come to rest. */
  settle(): void {
    const { sim } = this;
    const { store, truth, network } = sim;
    for (const p of network.presentations) {
      if (!p.issued) continue;
      const kept = this.#durable.has(`${p.grant} ${p.issued.refresh}`);
      if (!kept && (p.heard !== "tokens" || diedWithIt(p.by, p.heardAt as number)))
        this.#excuse(p.grant, "E1 consumed, and the answer was lost");
    }
    for (const t of store.states.values()) {
      const grant = t.grant_id;
      if (grant === null) continue;
      for (const r of this.#received)
        if (r.grant === grant && !diedWithIt(r.by, r.at) && !this.#durable.has(`${r.grant} ${r.token}`))
          this.#say("LOSTRECV", `${r.by.name} received ${r.token} of ${grant} and did not keep it`);
      const stored = [t.sealed, ...store.ledger.filter((g) => g.secret_id === t.secret_id).map((g) => g.sealed)];
      const usable = stored.some((sealed) => {
        const known = sealed && readToken(sealedTokens(sealed).refresh_token ?? "");
        return known && truth.accepts(known.grant, known.n);
      });
      if (t.status === "dead") {
        this.counts.dead += 1;
        if (usable) this.#say("FALSEDEAD", `${t.secret_id} is dead, and a stored token of ${grant} is good`);
      } else if (t.status === "paused" || (t.expires_at as number) <= sim.now)
        this.#say("STUCK", `${t.secret_id} is ${t.status}, expired ${sim.now - (t.expires_at ?? 0)} ms ago`);
      if (usable) continue;
      const excuse = this.excused.get(grant);
      if (excuse !== undefined && !hasGrace(truth.grant(grant).kind)) this.counts.excused += 1;
      else this.#say("LOST", `no stored token of ${grant} (${truth.grant(grant).kind}) is good`);
    }
  }

  #excuse(grant: string, reason: string): void {
    if (!this.excused.has(grant)) this.excused.set(grant, reason);
  }

  #say(violation: Violation, detail: string): void {
    if (this.found.some((one) => one.violation === violation && one.detail === detail)) return;
    this.found.push({ violation, at: this.sim.now, detail });
    this.sim.note(`!! ${violation}: ${detail}`);
  }
}

/** A process that died before it could be expected to have stored what it heard at `heardAt`. */
function diedWithIt(by: Presentation["by"], heardAt: number): boolean {
  if (by.diedAt === null) return false;
  return by.diedAt - heardAt < STORED_WITHIN_MS || by.troubles.some((trouble) => trouble.to >= heardAt);
}
