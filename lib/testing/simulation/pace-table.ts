import type { Paced, Slots } from "@/lib/refresher/pace";
import { PACE_AHEAD_MS, PACE_LEAST } from "@/lib/refresher/policy";

export interface PaceRow {
  tenant_id: string;
  auth_client_id: string;
  /** Calls a second. */
  rate: number;
  blocked_until: number;
  throttled_at: number;
  next_at: number;
}

const HOUR_MS = 3_600_000;

/** The table token_pace and its statements `latchkey_pace_…`, as row-store.ts is for the others. Times are ms of the database's clock. */
export class PaceTable {
  readonly rows = new Map<string, PaceRow>();

  constructor(readonly now: () => number) {}

  /** The provider wants this tenant's client to leave it alone. */
  isBlocked(tenantId: string, authClientId: string): boolean {
    const p = this.rows.get(tenantId + authClientId);
    return p !== undefined && p.blocked_until > this.now();
  }

  throttled({ tenantId, authClientId }: Paced, waitMs: number, bore: number): void {
    const now = this.now();
    const until = now + waitMs;
    const p = this.rows.get(tenantId + authClientId);
    if (!p)
      this.rows.set(tenantId + authClientId, {
        tenant_id: tenantId,
        auth_client_id: authClientId,
        rate: Math.max(PACE_LEAST, 0.9 * bore),
        blocked_until: until,
        throttled_at: now,
        next_at: until,
      });
    else if (p.blocked_until > now || p.throttled_at > now - 1_000) {
      p.blocked_until = Math.max(p.blocked_until, until);
      p.next_at = Math.max(p.next_at, until);
      p.rate += 0.9 * bore;
    } else {
      const was = this.#rateOf(p);
      Object.assign(p, { blocked_until: until, next_at: until, throttled_at: now });
      const known = p.rate <= PACE_LEAST ? was : p.rate;
      p.rate = Math.max(PACE_LEAST, Math.min(0.9 * was, Math.max(bore, Math.min(0.5 * was, known))));
    }
  }

  take({ tenantId, authClientId }: Paced, max: number, late: number): Slots {
    const free = { granted: max, startMs: 0, everyMs: 0, blockedMs: 0 };
    const now = this.now();
    const p = this.rows.get(tenantId + authClientId);
    if (!p) return free;
    p.rate += 0.9 * late;
    if (this.isBlocked(tenantId, authClientId))
      return { granted: 0, startMs: 0, everyMs: 0, blockedMs: p.blocked_until - now };
    if (p.throttled_at < now - HOUR_MS && p.blocked_until < now - HOUR_MS) {
      this.rows.delete(tenantId + authClientId);
      return free;
    }
    const bears = this.#rateOf(p);
    const startMs = Math.min(Math.max(0, p.next_at - now), PACE_AHEAD_MS + 1_000 / bears);
    if (startMs > PACE_AHEAD_MS) {
      p.next_at = inMicroseconds(now + startMs);
      return { granted: 0, startMs: startMs - PACE_AHEAD_MS, everyMs: 1_000 / bears, blockedMs: 0 };
    }
    const granted = Math.min(max, 1 + Math.floor(((PACE_AHEAD_MS - startMs) * bears) / 1_000));
    p.next_at = inMicroseconds(now + startMs + (granted * 1_000) / bears);
    return { granted, startMs, everyMs: 1_000 / bears, blockedMs: 0 };
  }

  known(): Paced[] {
    return [...this.rows.values()].map((p) => ({ tenantId: p.tenant_id, authClientId: p.auth_client_id }));
  }

  /** The earliest end of a wait after now. */
  nextChange(): number {
    const ends = [...this.rows.values()].map((p) => p.blocked_until).filter((at) => at > this.now());
    return Math.min(Number.POSITIVE_INFINITY, ...ends);
  }

  #rateOf(p: PaceRow): number {
    const quiet = Math.max(0, this.now() - Math.max(p.throttled_at, p.blocked_until));
    return p.rate * (p.rate <= PACE_LEAST ? 2 ** (Math.min(quiet, 120_000) / 10_000) : 1 + (quiet / 100_000) ** 2);
  }
}

/** As PostgreSQL keeps times. */
const inMicroseconds = (ms: number) => Math.round(ms * 1_000) / 1_000;
