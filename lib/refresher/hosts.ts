import type { Clock } from "@/lib/clock";

/**
 * Room and health per token endpoint host, so that one bad provider delays no other (I10, REFRESH section 6): at most 32
 * requests at once per process, at most half of them one tenant's while others wait, and a circuit that opens when half of
 * the last calls got no understood answer.
 */
export const HOST_LIMIT = 32;
const WINDOW_MS = 60_000;
const MIN_CALLS = 20;
/** The window in calls, when there are very many. */
const MAX_CALLS = 1000;
const HALF_OPEN_MS = 15_000;
const HALF_OPEN_MAX_MS = 600_000;

export interface Ticket {
  /** unused: nothing was sent, which says nothing about the provider. */
  leave(result: "answered" | "silent" | "unused"): void;
}

export type Entry = { kind: "in"; ticket: Ticket } | { kind: "full" } | { kind: "open"; retryAfterMs: number };

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
  waiting: (() => void)[];
}

export class Hosts {
  readonly #hosts = new Map<string, Host>();

  constructor(
    readonly clock: Clock,
    readonly limit: number = HOST_LIMIT,
  ) {}

  /** @param share the most this tenant may hold now; half the limit while others wait */
  tryEnter(name: string, tenantId: string, share: number = this.limit): Entry {
    const host = this.#host(name);
    const now = this.clock.monotonic();
    const probe = host.openUntil > 0;
    if (probe) {
      if (now < host.openUntil) return { kind: "open", retryAfterMs: host.openUntil - now };
      if (host.probing) return { kind: "open", retryAfterMs: 1000 };
    }
    if (host.inFlight >= this.limit || (host.byTenant.get(tenantId) ?? 0) >= share) {
      return { kind: "full" };
    }
    if (probe) host.probing = true;
    host.inFlight += 1;
    host.byTenant.set(tenantId, (host.byTenant.get(tenantId) ?? 0) + 1);
    let left = false;
    return {
      kind: "in",
      ticket: {
        leave: (result) => {
          if (left) return;
          left = true;
          host.inFlight -= 1;
          const remaining = (host.byTenant.get(tenantId) ?? 1) - 1;
          if (remaining > 0) host.byTenant.set(tenantId, remaining);
          else host.byTenant.delete(tenantId);
          if (probe) this.#judgeProbe(host, result);
          else if (result !== "unused") this.#judge(host, result === "silent");
          host.waiting.shift()?.();
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
      let woken: () => void = () => {};
      const free = new Promise<void>((resolve) => {
        woken = resolve;
        host.waiting.push(resolve);
      });
      await Promise.race([free, this.clock.sleep(left, over.signal)]);
      over.abort();
      // Who gave up must not be woken in place of somebody who still waits.
      const place = host.waiting.indexOf(woken);
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

  #host(name: string): Host {
    let host = this.#hosts.get(name);
    if (!host) {
      host = {
        inFlight: 0,
        byTenant: new Map(),
        calls: [],
        silentCalls: 0,
        openUntil: 0,
        openForMs: HALF_OPEN_MS,
        probing: false,
        waiting: [],
      };
      this.#hosts.set(name, host);
    }
    return host;
  }

  /** The one call that an open circuit lets through decides; what was under way when it opened is no news. */
  #judgeProbe(host: Host, result: "answered" | "silent" | "unused"): void {
    host.probing = false;
    if (result === "silent") {
      host.openForMs = Math.min(host.openForMs * 2, HALF_OPEN_MAX_MS);
      host.openUntil = this.clock.monotonic() + host.openForMs;
    } else if (result === "answered") {
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
