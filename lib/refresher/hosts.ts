import type { Clock } from "@/lib/clock";

/**
 * Room and health per token endpoint host, so that one bad provider delays no other (I10, REFRESH section 6): so many
 * requests at once per process, at most a share of them one tenant's while others wait, and a circuit that opens when half of
 * the last calls got no understood answer. When clients of several tenants are told to slow down, the whole host gets less
 * room; one tenant alone cannot bring that about (its own client's pace is lib/refresher/pace).
 */
const WINDOW_MS = 60_000;
const MIN_CALLS = 20;
/** The window in calls, when there are very many. */
const MAX_CALLS = 1000;
const HALF_OPEN_MS = 15_000;
const HALF_OPEN_MAX_MS = 600_000;
/** One tenant's calls at all hosts together: many hosts that hang are no way around the share. */
export const TENANT_MAX = 1_024;
/** So many tenants must have been told to slow down within a minute before the host as a whole gets less room. */
const THROTTLED_TENANTS = 3;
/** Room is halved at most so often, and one more is allowed each time this has passed without being told again. */
const HALVE_EVERY_MS = 5_000;
const GROW_EVERY_MS = 2_000;
/** So many idle hosts are remembered. */
const MAX_HOSTS = 1_000;

export interface Ticket {
  /** unused: nothing was sent, which says nothing about the provider. */
  leave(result: TicketResult): void;
}
export type TicketResult = "answered" | "throttled" | "silent" | "unused";

export type Entry = { kind: "in"; ticket: Ticket } | { kind: "full" } | { kind: "open"; retryAfterMs: number };

/** Tells whether somebody of another tenant waits for a host. */
export type Queue = (host: string, tenantId: string) => boolean;

interface Host {
  inFlight: number;
  byTenant: Map<string, number>;
  /** Monotonic moment and whether the provider stayed silent. */
  calls: { at: number; silent: boolean }[];
  /** Of `calls`. */
  silentCalls: number;
  openUntil: number;
  openForMs: number;
  probing: boolean;
  waiting: { tenantId: string; wake(): void }[];
  /** When each tenant was last told to slow down. */
  throttled: Map<string, number>;
  /** Less than the limit after several were; grows from `roomSince` on. */
  room: number;
  roomSince: number;
}

export interface HostLimits {
  /** Calls at once at one host. */
  limit: number;
  /** Percent of them that one tenant may hold while others wait. */
  sharePercent: number;
  /** One tenant's calls at all hosts. */
  tenantMax?: number;
}

export class Hosts {
  /** Who waits for room elsewhere than in `enter`. */
  readonly queues = new Set<Queue>();
  readonly #hosts = new Map<string, Host>();
  readonly #tenants = new Map<string, number>();
  readonly #tenantMax: number;

  constructor(
    readonly clock: Clock,
    readonly limits: HostLimits,
  ) {
    this.#tenantMax = limits.tenantMax ?? TENANT_MAX;
  }

  tryEnter(name: string, tenantId: string): Entry {
    const host = this.#host(name);
    const now = this.clock.monotonic();
    const probe = host.openUntil > 0;
    if (probe) {
      if (now < host.openUntil) return { kind: "open", retryAfterMs: host.openUntil - now };
      if (host.probing) return { kind: "open", retryAfterMs: 1000 };
    }
    if (!this.#hasRoom(name, host, tenantId)) return { kind: "full" };
    if (probe) host.probing = true;
    host.inFlight += 1;
    count(host.byTenant, tenantId, 1);
    count(this.#tenants, tenantId, 1);
    let left = false;
    return {
      kind: "in",
      ticket: {
        leave: (result) => {
          if (left) return;
          left = true;
          host.inFlight -= 1;
          count(host.byTenant, tenantId, -1);
          count(this.#tenants, tenantId, -1);
          if (result === "throttled") this.#slowDown(host, tenantId);
          if (probe) this.#judgeProbe(host, result);
          else if (result !== "unused") this.#judge(host, result === "silent");
          // The first who can use it: somebody whose tenant has its share already would sleep on, and so would all behind.
          const next = host.waiting.findIndex((one) => this.#hasRoom(name, host, one.tenantId));
          if (next >= 0) host.waiting.splice(next, 1)[0]?.wake();
        },
      },
    };
  }

  /** As `tryEnter`, waiting for room up to `waitMs`. */
  async enter(name: string, tenantId: string, waitMs: number): Promise<Entry> {
    const until = this.clock.monotonic() + waitMs;
    for (;;) {
      const entry = this.tryEnter(name, tenantId);
      const left = until - this.clock.monotonic();
      if (entry.kind !== "full" || left <= 0) return entry;
      const host = this.#host(name);
      const over = new AbortController();
      const me = { tenantId, wake: () => {} };
      const free = new Promise<void>((resolve) => {
        me.wake = resolve;
        host.waiting.push(me);
      });
      await Promise.race([free, this.clock.sleep(left, over.signal)]);
      over.abort();
      // Who gave up must not be woken in place of somebody who still waits.
      const place = host.waiting.indexOf(me);
      if (place >= 0) host.waiting.splice(place, 1);
    }
  }

  /** For metrics. */
  states(): { host: string; inFlight: number; open: boolean; circuit: "closed" | "open" | "half_open" }[] {
    const now = this.clock.monotonic();
    return [...this.#hosts].map(([host, { inFlight, openUntil }]) => ({
      host,
      inFlight,
      open: openUntil > now,
      circuit: openUntil === 0 ? "closed" : openUntil > now ? "open" : "half_open",
    }));
  }

  #hasRoom(name: string, host: Host, tenantId: string): boolean {
    const limit = this.#roomOf(host);
    const mine = host.byTenant.get(tenantId) ?? 0;
    if (host.inFlight >= limit || (this.#tenants.get(tenantId) ?? 0) >= this.#tenantMax) return false;
    const share = Math.max(1, Math.floor((limit * this.limits.sharePercent) / 100));
    if (mine < share) return true;
    if (host.waiting.some((one) => one.tenantId !== tenantId)) return false;
    for (const waits of this.queues) if (waits(name, tenantId)) return false;
    return true;
  }

  #roomOf(host: Host): number {
    const grown = Math.floor((this.clock.monotonic() - host.roomSince) / GROW_EVERY_MS);
    return Math.min(this.limits.limit, host.room + grown);
  }

  #slowDown(host: Host, tenantId: string): void {
    const now = this.clock.monotonic();
    host.throttled.set(tenantId, now);
    for (const [tenant, at] of host.throttled) if (at < now - WINDOW_MS) host.throttled.delete(tenant);
    const room = this.#roomOf(host);
    if (host.throttled.size < THROTTLED_TENANTS) return;
    if (room < this.limits.limit && now - host.roomSince < HALVE_EVERY_MS) return;
    host.room = Math.max(1, Math.floor(room / 2));
    host.roomSince = now;
  }

  #forgetIdle(): void {
    const before = this.clock.monotonic() - WINDOW_MS;
    for (const [name, host] of this.#hosts)
      if (host.inFlight + host.waiting.length === 0 && host.openUntil === 0 && (host.calls.at(-1)?.at ?? 0) < before)
        this.#hosts.delete(name);
  }

  #host(name: string): Host {
    let host = this.#hosts.get(name);
    if (!host) {
      if (this.#hosts.size >= MAX_HOSTS) this.#forgetIdle();
      host = {
        inFlight: 0,
        byTenant: new Map(),
        calls: [],
        silentCalls: 0,
        openUntil: 0,
        openForMs: HALF_OPEN_MS,
        probing: false,
        waiting: [],
        throttled: new Map(),
        room: this.limits.limit,
        roomSince: 0,
      };
      this.#hosts.set(name, host);
    }
    return host;
  }

  /** The one call that an open circuit lets through decides; what was under way when it opened is no news. */
  #judgeProbe(host: Host, result: TicketResult): void {
    host.probing = false;
    if (result === "silent") {
      host.openForMs = Math.min(host.openForMs * 2, HALF_OPEN_MAX_MS);
      host.openUntil = this.clock.monotonic() + host.openForMs;
    } else if (result !== "unused") {
      host.openUntil = 0;
      host.openForMs = HALF_OPEN_MS;
      host.calls = [];
      host.silentCalls = 0;
    }
  }

  #judge(host: Host, silent: boolean): void {
    if (host.openUntil > 0) return;
    const now = this.clock.monotonic();
    host.calls.push({ at: now, silent });
    if (silent) host.silentCalls += 1;
    while (host.calls.length > MAX_CALLS || (host.calls[0] && host.calls[0].at < now - WINDOW_MS))
      if (host.calls.shift()?.silent) host.silentCalls -= 1;
    if (host.calls.length >= MIN_CALLS && host.silentCalls * 2 >= host.calls.length)
      host.openUntil = now + host.openForMs;
  }
}

function count(counts: Map<string, number>, key: string, change: 1 | -1): void {
  const now = (counts.get(key) ?? 0) + change;
  if (now > 0) counts.set(key, now);
  else counts.delete(key);
}
