import { errorFields, log } from "@/lib/observability/log";
import { detached } from "@/lib/observability/trace";
import { drainRefreshes, runAttempt, ticketResult } from "./ensure-fresh";
import { type Queue, TENANT_MAX, type Ticket, type TicketResult } from "./hosts";
import { Lines, pairOf, WAIT_MS } from "./lines";
import { type Refresher, refresher } from "./live-world";
import type { Lease } from "./world";

/** Claims what is due and refreshes it with bounded concurrency; a full or closed provider is passed over, never waited for. */

/** Attempts at once: mostly waiting for providers, which costs memory only, so that many that hang hold nobody up. */
export const MAX_RUNNING = 2 * TENANT_MAX;
/** Answers that are in memory and nowhere else: while there are so many, nothing more is asked for (REFRESH section 3). */
const MAX_LANDING = 256;
const MAX_WAITING = 1_024;
const CLAIM = 200;
const IDLE_MS = 500;
const BUSY_MS = 20;
/** While something is left out, a claim walks over all of it: not more often than this, unless somebody calls. */
const CROWDED_MS = 200;
const PROBE_EVERY_MS = 5_000;
/** With a provider that wants it slow, no more wait than have a chance within the second. */
const PACED_LINE = 16;
/** How long a (tenant, client) without room stays out of the claim. */
const PASS_OVER_MS = 250;

export interface Sweep {
  /** Stops claiming, then waits up to `drainMs` for what is under way. */
  stop(drainMs: number): Promise<void>;
}

export function startSweep(self: Refresher = refresher()): Sweep {
  const run = new SweepRun(self);
  return { stop: (drainMs) => run.stop(drainMs) };
}

class SweepRun {
  readonly #self: Refresher;
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #lines = new Lines();
  readonly #passedOver = new Map<string, number>();
  readonly #loop: Promise<void>;
  readonly #queue: Queue = (host, tenantId) => this.#lines.othersWait(host, tenantId);
  #wake: (() => void) | null = null;
  #filling = false;
  #landing = 0;
  #enoughAtClaim = 0;

  constructor(self: Refresher) {
    this.#self = self;
    self.hosts.queues.add(this.#queue);
    this.#loop = this.#run();
  }

  async stop(drainMs: number): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
    this.#self.hosts.queues.delete(this.#queue);
    await drainRefreshes(drainMs, this.#self);
  }

  async #run(): Promise<void> {
    const { clock, rows } = this.#self.world;
    const { signal } = this.#stopping;
    let probedAt = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      let pauseMs = 0;
      this.#self.sweptAt = clock.monotonic();
      try {
        const now = clock.monotonic();
        for (const [pair, until] of this.#passedOver) if (until <= now) this.#passedOver.delete(pair);
        this.#giveBackInVain(now - WAIT_MS);
        const enough = this.#lines.enough();
        const leftOut = [...new Set([...this.#passedOver.keys(), ...enough])];
        const room = Math.min(CLAIM, MAX_RUNNING - this.#running.size, MAX_WAITING - this.#lines.size);
        let found = 0;
        if (room > 0) {
          const leases = await rows.claim(room, leftOut);
          found = leases.length;
          await this.#place(leases);
        }
        if (now - probedAt >= PROBE_EVERY_MS) {
          probedAt = now;
          await this.#place(await rows.claimProbes());
        }
        const busy = this.#running.size > 0 || this.#lines.size > 0;
        if (found === 0) pauseMs = leftOut.length > 0 ? CROWDED_MS : busy ? BUSY_MS : IDLE_MS;
        this.#enoughAtClaim = enough.length;
        this.#fill();
      } catch (error) {
        log.warn("sweep failed; trying again", errorFields(error));
        pauseMs = IDLE_MS;
      }
      if (pauseMs > 0 && !signal.aborted) await this.#pause(pauseMs);
    }
    this.#self.sweptAt = null;
    this.#giveBack(this.#lines.leave("everybody"), 0);
  }

  /** Ends early when a line runs low. */
  async #pause(ms: number): Promise<void> {
    const over = new AbortController();
    this.#wake = () => over.abort();
    await this.#self.world.clock.sleep(ms, AbortSignal.any([over.signal, this.#stopping.signal]));
    this.#wake = null;
  }

  async #place(leases: Lease[]): Promise<void> {
    const { world, paces } = this.#self;
    for (const lease of leases) {
      if (this.#self.running.has(lease.secretId)) {
        this.#giveBack([lease], 0);
        continue;
      }
      let host: string | null = null;
      try {
        const client = await world.clients.open(lease.authClientTenantId, lease.authClientId);
        if (!client) {
          this.#start(lease, null); // says on the secret what is wrong
          continue;
        }
        // Known here only, for a few seconds yet: its repair has not come round, or its trouble is newer than this claim.
        if (!client.problem || lease.probing) host = world.provider.host(client);
      } catch (error) {
        log.error("refresh attempt failed", { secretId: lease.secretId, ...errorFields(error) });
      }
      const most = paces.isPaced(lease) ? PACED_LINE : undefined;
      const joined = host === null ? null : this.#lines.join(lease, host, world.clock.monotonic(), most);
      // A full line is left out of the next claim because it holds enough; a paced one is short for what a claim brings.
      if (joined !== "in") this.#giveBack([lease], joined === "full" && most === undefined ? 0 : PASS_OVER_MS);
    }
  }

  /** Soon, and once for many: readers who wait for the same room are asked first. */
  #fillSoon(): void {
    if (this.#filling) return;
    this.#filling = true;
    this.#self.world.soon(() => {
      this.#filling = false;
      this.#fill();
      // A line runs low, so there is something to claim that was left out.
      if (this.#lines.enough().length < this.#enoughAtClaim) this.#wake?.();
    });
  }

  /** Starts attempts as far as there is room at their providers. */
  #fill(): void {
    const { hosts, paces } = this.#self;
    if (this.#stopping.signal.aborted) return;
    for (const host of this.#lines.hosts()) {
      let closedForMs = 0;
      while (this.#running.size < MAX_RUNNING && this.#landing < MAX_LANDING) {
        const next = this.#lines.next(host, this.#self.world.clock.monotonic(), (lease): Ticket | "tenant" | "line" => {
          if (!paces.hasSlot(lease, () => this.#fillSoon())) return "line";
          const entry = hosts.tryEnter(host, lease.tenantId);
          if (entry.kind === "open") closedForMs = entry.retryAfterMs;
          if (entry.kind !== "in") return "tenant";
          paces.spend(lease);
          return entry.ticket;
        });
        if (!next) break;
        this.#start(next.lease, next.given);
      }
      if (closedForMs > 0) this.#giveBack(this.#lines.leave({ host }), Math.min(closedForMs, 5_000));
    }
  }

  #start(lease: Lease, ticket: Ticket | null): void {
    let result: TicketResult = "unused";
    let heard = 0;
    const onHeard = () => {
      // The provider has done its part; what is left is between us and the database.
      ticket?.leave("answered");
      heard = 1;
      this.#landing += heard;
      this.#fillSoon();
    };
    const work = detached(() => runAttempt(lease, null, onHeard, this.#self))
      .then(
        (outcome) => {
          result = ticketResult(outcome);
        },
        (error) => log.error("refresh attempt failed", { secretId: lease.secretId, ...errorFields(error) }),
      )
      .finally(() => {
        ticket?.leave(result);
        this.#landing -= heard;
        this.#running.delete(work);
        this.#fillSoon();
      });
    this.#running.add(work);
  }

  /** Who waited too long. Where others were served meanwhile the next claim may bring some again, or room would stay empty. */
  #giveBackInVain(since: number): void {
    for (const lease of this.#lines.leave({ waitedSince: since }))
      this.#giveBack([lease], this.#lines.isServed(pairOf(lease), since) ? 0 : PASS_OVER_MS);
  }

  #giveBack(leases: Lease[], restMs: number): void {
    const until = this.#self.world.clock.monotonic() + restMs;
    for (const lease of leases) {
      if (restMs > 0) this.#passedOver.set(pairOf(lease), until);
      const work = this.#self.world.rows
        .release(lease)
        // It lapses by itself.
        .catch((error) => log.warn("a lease was not given back", { secretId: lease.secretId, ...errorFields(error) }))
        .finally(() => this.#running.delete(work));
      this.#running.add(work);
    }
  }
}
