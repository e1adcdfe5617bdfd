import { EFFORT, GUARD_MS, LEASE_MS, PROBE_MS, SLOWEST_MS } from "@/lib/refresher/policy";
import type { Alternative, Verdict, Want } from "@/lib/refresher/world";
import { PaceTable } from "./pace-table";
import {
  type ClientState,
  type FailureRow,
  holds,
  type LandingRow,
  type LeaseKey,
  type LedgerRow,
  type SavedRow,
  type StateRow,
  UNAUTHORIZED,
} from "./row-shapes";

export class RowStore {
  readonly states = new Map<string, StateRow>();
  ledger: LedgerRow[] = [];
  readonly clients = new Map<string, ClientState>();
  readonly paces: PaceTable;

  /** @param attemptName a new name for every lease */
  constructor(
    readonly now: () => number,
    readonly attemptName: () => string,
  ) {
    this.paces = this.makePaces();
  }

  makePaces(): PaceTable {
    return new PaceTable(this.now);
  }

  claim(holder: string, limit: number, excluded: readonly string[]): StateRow[] {
    return [...this.states.values()]
      .filter(
        (t) => this.isClaimable(t) && !excluded.includes(t.tenant_id + t.auth_client_id) && !this.#clientOf(t)?.broken,
      )
      .sort((a, b) => (a.refresh_due_at as number) - (b.refresh_due_at as number))
      .slice(0, limit)
      .map((t) => this.lease(t, holder));
  }

  probe(holder: string): StateRow[] {
    const now = this.now();
    const leased: StateRow[] = [];
    for (const client of this.clients.values()) {
      if (!client.broken || client.next_probe_at === null || client.next_probe_at > now) continue;
      const due = [...this.states.values()]
        .filter((t) => this.#clientOf(t) === client && this.isDue(t))
        .sort((a, b) => (a.refresh_due_at as number) - (b.refresh_due_at as number));
      if (!due[0]) continue;
      client.next_probe_at = now + PROBE_MS;
      leased.push(this.lease(due[0], holder));
    }
    return leased;
  }

  acquire(holder: string, tenantId: string, secretId: string, want: Want): StateRow | null {
    const now = this.now();
    const t = this.row(tenantId, secretId);
    if (!t) return null;
    const due = t.refresh_due_at !== null && t.refresh_due_at <= now;
    const tooShort = t.expires_at !== null && t.expires_at - want.validityMs <= now;
    const rests = Math.max(t.refresh_due_at ?? 0, t.not_before ?? 0);
    const called = t.failures >= EFFORT && t.sent_at !== null && t.sent_at > now - SLOWEST_MS;
    const rested =
      t.failures === 0 ||
      ((t.refresh_due_at ?? t.not_before) !== null && rests <= now) ||
      (want.insist && t.problem?.code !== "throttled" && !called);
    const awake = t.status === "active" || t.status === "suspect" || (want.insist && t.status === "paused");
    if (!awake || !t.renewable || !this.isFree(t) || this.#clientOf(t)?.broken || this.#waits(t)) return null;
    if (!this.wanted(t, want, due || tooShort) || !rested) return null;
    if (t.status === "paused") t.status = "active";
    t.refresh_due_at ??= now;
    return this.lease(t, holder);
  }

  guard(key: LeaseKey, grantId: string, generation: number): boolean {
    const t = this.row(key.tenantId, key.secretId);
    if (!t || !this.mayPresent(t, key, grantId, generation) || this.#waits(t)) return false;
    t.sent_at = this.now();
    t.outcome = "UNKNOWN";
    t.lease_until = this.now() + LEASE_MS;
    return true;
  }

  heartbeat(keys: readonly LeaseKey[]): string[] {
    const kept: string[] = [];
    for (const key of keys) {
      const t = this.row(key.tenantId, key.secretId);
      if (!t || !holds(t, key)) continue;
      t.lease_until = this.now() + LEASE_MS;
      kept.push(key.attempt);
    }
    return kept;
  }

  land(l: LandingRow): Verdict {
    const now = this.now();
    const { tenantId, secretId, holder, fence, attempt } = l.key;
    const t = this.row(tenantId, secretId);
    const same = t !== undefined && t.grant_id === l.grantId;
    const landed = same && t.generation === l.parentGeneration;
    const own = l.issuedAtMs ?? now - l.ageMs;
    if (landed) {
      const received = now - l.ageMs;
      const expires = l.lifetimeS === null ? null : received + l.lifetimeS * 1000;
      Object.assign(t, {
        generation: t.generation + 1,
        sealed: l.sealed,
        status: "active",
        outcome: "OK",
        failures: 0,
        suspect_since: null,
        not_before: null,
        problem: null,
        issued_at: own,
        received_at: received,
        expires_at: expires,
        lifetime_s: l.lifetimeS,
        has_refresh_token: l.hasRefreshToken,
        renewable: l.renewable,
        fingerprint: l.fingerprint,
        refresh_due_at: l.renewable && expires !== null ? expires - l.leadMs : null,
      } satisfies Partial<StateRow>);
      if (t.lease_holder === holder && t.fence === fence) t.lease_holder = null;
    }
    if (same && l.tokenMac !== null) {
      const known = this.#entry(tenantId, secretId, l.grantId, l.tokenMac);
      const fresh: LedgerRow = {
        tenant_id: tenantId,
        secret_id: secretId,
        grant_id: l.grantId,
        token_mac: l.tokenMac,
        generation: l.parentGeneration + 1,
        sealed: l.sealed,
        issued_at: own,
        received_at: now,
        attempt,
        standing: landed ? "current" : "alternative",
      };
      if (!known) this.ledger.push(fresh);
      else if (landed) Object.assign(known, { standing: "current", generation: fresh.generation, sealed: l.sealed });
    }
    if (landed) {
      const mine = (g: LedgerRow) => g.tenant_id === tenantId && g.secret_id === secretId && g.grant_id === l.grantId;
      if (!l.sibling)
        this.ledger = this.ledger.filter(
          (g) => !mine(g) || g.token_mac === l.tokenMac || (l.previousMac !== null && g.token_mac === l.previousMac),
        );
      for (const g of this.ledger)
        if (
          mine(g) &&
          g.token_mac !== l.tokenMac &&
          (g.standing === "current" || (!l.sibling && g.token_mac === l.previousMac))
        )
          g.standing = l.sibling ? "alternative" : t.lost_generation === l.parentGeneration ? "doubted" : "predecessor";
      return { kind: "landed" };
    }
    if (!same || !t) return { kind: "foreign" };
    if (t.generation === l.parentGeneration + 1 && t.fingerprint === l.fingerprint) return { kind: "landed" };
    return {
      kind: "moved",
      generation: t.generation,
      issuedAtMs: t.issued_at,
      ownIssuedAtMs: own,
      successor:
        l.tokenMac !== l.previousMac &&
        l.tokenMac !== null &&
        l.previousMac !== null &&
        this.#entry(tenantId, secretId, l.grantId, l.previousMac)?.standing === "current",
    };
  }

  fail(r: FailureRow): boolean {
    const now = this.now();
    // The provider said so, whoever holds the lease by now.
    if (r.pace) this.paces.throttled({ tenantId: r.key.tenantId, ...r.pace }, r.pace.waitMs, r.pace.bore);
    const t = this.row(r.key.tenantId, r.key.secretId);
    if (!t || !this.mayFail(t, r)) return false;
    const next = typeof r.delayMs === "number" ? now + r.delayMs : null;
    if (r.delayMs !== "keep")
      t.refresh_due_at =
        r.throttle && next !== null && t.refresh_due_at !== null ? Math.min(t.refresh_due_at, next) : next;
    t.not_before = r.throttle ? next : null;
    t.status = r.status;
    t.failures += r.counts ? Math.max(1, r.calls) : 0;
    t.outcome = r.unknown ? "UNKNOWN" : "REFUSED";
    if (r.unknown) t.lost_generation = t.generation;
    if (r.suspect) t.suspect_since ??= now;
    if (r.problem)
      t.problem = { code: r.problem.code, since: t.problem?.code === r.problem.code ? t.problem.since : now };
    t.lease_holder = null;
    return true;
  }

  release(key: LeaseKey): void {
    const t = this.row(key.tenantId, key.secretId);
    if (!t || !this.mayRelease(t, key)) return;
    t.lease_holder = null;
    t.outcome = null;
  }

  alternatives(tenantId: string, secretId: string, grantId: string, predecessor: boolean): Alternative[] {
    return this.ledger
      .filter(
        (g) =>
          g.tenant_id === tenantId &&
          g.secret_id === secretId &&
          g.grant_id === grantId &&
          (g.standing === "alternative" || g.standing === "doubted" || (predecessor && g.standing === "predecessor")),
      )
      .sort(
        (a, b) =>
          Number(b.standing === "alternative") - Number(a.standing === "alternative") || b.received_at - a.received_at,
      )
      .map((g) => ({ tokenMac: g.token_mac, generation: g.generation, sealed: g.sealed }));
  }

  refused(tenantId: string, secretId: string, grantId: string, tokenMac: string): void {
    const entry = this.#entry(tenantId, secretId, grantId, tokenMac);
    if (entry && entry.standing !== "current") entry.standing = "refused";
  }

  /** A new secret that nobody has authorized yet. */
  insert(row: Pick<StateRow, "tenant_id" | "workspace_id" | "secret_id" | "auth_client_tenant_id" | "auth_client_id">) {
    this.states.set(row.secret_id, {
      ...UNAUTHORIZED,
      ...row,
      generation: 0,
      lease_until: null,
      fence: 0,
      attempt: null,
      sent_at: null,
    });
  }

  /** lib/secrets/token-store `saveTokens`: a grant consented to, or tokens replaced by hand. */
  save(s: SavedRow): boolean {
    const now = this.now();
    const t = this.row(s.tenantId, s.secretId);
    if (!t || t.generation !== s.parentGeneration) return false;
    const expires = s.lifetimeS === null ? null : now - s.ageMs + s.lifetimeS * 1000;
    const same = t.grant_id === s.grantId;
    const issued = s.issuedAtMs ?? now;
    Object.assign(t, {
      status: "active",
      grant_id: s.grantId,
      generation: s.parentGeneration + 1,
      sealed: s.sealed,
      expires_at: expires,
      refresh_due_at: s.renewable && expires !== null ? expires - s.leadMs : null,
      issued_at: issued,
      received_at: now - s.ageMs,
      lifetime_s: s.lifetimeS,
      has_refresh_token: s.tokenMac !== null,
      renewable: s.renewable,
      fingerprint: s.fingerprint,
      not_before: null,
      lease_holder: same ? t.lease_holder : null,
      outcome: same ? t.outcome : "OK",
      failures: 0,
      suspect_since: null,
      lost_generation: same && t.lost_generation !== null ? t.lost_generation + 1 : null,
      problem: null,
    } satisfies Partial<StateRow>);
    this.ledger = this.ledger.filter((g) => g.secret_id !== s.secretId || g.grant_id === s.grantId);
    if (s.tokenMac === null) return true;
    const entry = {
      generation: s.parentGeneration + 1,
      sealed: s.sealed,
      issued_at: issued,
      received_at: now,
      attempt: s.attempt,
      standing: "current" as const,
    };
    const known = this.#entry(s.tenantId, s.secretId, s.grantId, s.tokenMac);
    if (known) Object.assign(known, entry);
    else
      this.ledger.push({
        tenant_id: s.tenantId,
        secret_id: s.secretId,
        grant_id: s.grantId,
        token_mac: s.tokenMac,
        ...entry,
      });
    return true;
  }

  /** lib/secrets/token-store `forgetTokens`. */
  forget(tenantId: string, secretId: string): void {
    const t = this.row(tenantId, secretId);
    if (!t) return;
    Object.assign(t, { ...UNAUTHORIZED, generation: t.generation + 1 });
    this.ledger = this.ledger.filter((g) => g.secret_id !== secretId);
  }

  delete(secretId: string): void {
    this.states.delete(secretId);
    this.ledger = this.ledger.filter((g) => g.secret_id !== secretId);
  }

  row(tenantId: string, secretId: string): StateRow | undefined {
    const t = this.states.get(secretId);
    return t?.tenant_id === tenantId ? t : undefined;
  }

  anythingDue(): boolean {
    return [...this.states.values()].some((t) => this.isClaimable(t));
  }

  /** The earliest moment after now at which something may become claimable; infinity when nothing will by itself. */
  nextChange(): number {
    const now = this.now();
    let next = this.paces.nextChange();
    for (const t of this.states.values())
      for (const at of [t.refresh_due_at, t.not_before, t.lease_holder === null ? null : t.lease_until])
        if (at !== null && at > now) next = Math.min(next, at);
    for (const c of this.clients.values())
      if (c.broken && c.next_probe_at !== null && c.next_probe_at > now) next = Math.min(next, c.next_probe_at);
    return next;
  }

  // The conditions, one by one, so that a test can take one away (weakened.ts).

  isDue(t: StateRow): boolean {
    return (
      t.refresh_due_at !== null &&
      t.refresh_due_at <= this.now() &&
      (t.status === "active" || t.status === "suspect") &&
      t.renewable &&
      this.isFree(t)
    );
  }

  /** A probe asks no more than that it is due; a claim also heeds what providers asked for. */
  isClaimable(t: StateRow): boolean {
    return this.isDue(t) && (t.not_before === null || t.not_before <= this.now()) && !this.#waits(t);
  }

  isFree(t: StateRow): boolean {
    return t.lease_holder === null || (t.lease_until as number) < this.now();
  }

  wanted(t: StateRow, want: Want, dueOrTooShort: boolean): boolean {
    return dueOrTooShort || (want.generation !== null && t.generation === want.generation);
  }

  mayPresent(t: StateRow, key: LeaseKey, grantId: string, generation: number): boolean {
    return (
      holds(t, key) &&
      t.grant_id === grantId &&
      t.generation === generation &&
      (t.status === "active" || t.status === "suspect") &&
      (t.lease_until as number) > this.now() + GUARD_MS
    );
  }

  mayFail(t: StateRow, r: FailureRow): boolean {
    return holds(t, r.key) && t.grant_id === r.grantId && t.generation === r.generation;
  }

  mayRelease(t: StateRow, key: LeaseKey): boolean {
    return holds(t, key);
  }

  lease(t: StateRow, holder: string): StateRow {
    t.lease_holder = holder;
    t.lease_until = this.now() + LEASE_MS;
    t.fence += 1;
    t.attempt = this.attemptName();
    if (t.outcome === "UNKNOWN") t.lost_generation = t.generation;
    return { ...t };
  }

  #waits(t: StateRow): boolean {
    return this.paces.isBlocked(t.tenant_id, t.auth_client_id);
  }

  #clientOf(t: StateRow): ClientState | undefined {
    const client = this.clients.get(t.auth_client_id);
    return client?.tenant_id === t.auth_client_tenant_id ? client : undefined;
  }

  #entry(tenantId: string, secretId: string, grantId: string, tokenMac: string): LedgerRow | undefined {
    return this.ledger.find(
      (g) => g.tenant_id === tenantId && g.secret_id === secretId && g.grant_id === grantId && g.token_mac === tokenMac,
    );
  }
}
