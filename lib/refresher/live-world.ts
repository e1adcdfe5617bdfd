import { noteClientOk, noteClientProblem, openOAuthClient } from "@/lib/auth-clients/service";
import { systemClock } from "@/lib/clock";
import { settings } from "@/lib/config";
import { openJson, sealJson } from "@/lib/crypto/envelope";
import { fingerprint, mac } from "@/lib/crypto/mac";
import { onPaceChange, onSecretChange } from "@/lib/db/notifications";
import { grantOf } from "@/lib/oauth/grants";
import { revoke } from "@/lib/oauth/revocation";
import { tokenHost } from "@/lib/oauth/server-for";
import { readStored, type SealedTokens } from "@/lib/oauth/token-set";
import { errorFields, log } from "@/lib/observability/log";
import { metrics } from "@/lib/observability/metrics";
import { currentTraceId } from "@/lib/observability/trace";
import { once } from "@/lib/process";
import { readOwnRequest } from "@/lib/secrets/own-request";
import { databaseRows, knownPaces, takeSlots } from "./claim";
import { type HostLimits, Hosts } from "./hosts";
import { Paces } from "./pace";
import { tokenPlace } from "./token-place";
import type { Lease, Outcome, RefreshEvent, World } from "./world";

/** The refresher of this process: the protocol's arguments, the rooms per provider, and what runs now. */
export interface Refresher {
  world: World;
  hosts: Hosts;
  /** Who was told to slow down, and when the next call is due there. */
  paces: Paces;
  /** Late landings under way; shutdown waits for them. */
  background: Set<Promise<void>>;
  /** Every refresh running in this process, by secret: sweep and readers share one (n8n PR 33092's in-process part). */
  running: Map<string, Promise<Outcome>>;
  /** When the sweep last came round, monotonic; null while none runs here. */
  sweptAt: number | null;
  /** Callers of this process who want the same of the same secret wait together. */
  waiters: Map<string, Promise<Freshened>>;
}

/** What became of a caller's wish for a fresher token. */
export type Freshened =
  | Outcome
  | { kind: "slow" }
  | { kind: "not_now" }
  | { kind: "closed"; retryAfterMs: number; throttled?: boolean };

/** The refresher of one process in the given world; unless given, with room for 32 calls a host and no pace of providers. */
export function refresherIn(
  world: World,
  background: Set<Promise<void>>,
  given: { limits?: HostLimits; paces?: Paces } = {},
): Refresher {
  return {
    world,
    hosts: new Hosts(world.clock, given.limits ?? { limit: 32, sharePercent: 50 }),
    paces: given.paces ?? new Paces(world.clock, noPace, world.reportStoreTrouble),
    background,
    running: new Map(),
    waiters: new Map(),
    sweptAt: null,
  };
}

const noPace: Paces["take"] = async (_who, max) => ({ granted: max, startMs: 0, everyMs: 0, blockedMs: 0 });

export function refresher(): Refresher {
  return once("refresher", () => {
    const background = new Set<Promise<void>>();
    const { refreshHostConcurrency: limit, refreshTenantShare: sharePercent } = settings();
    return refresherIn(liveWorld(background), background, { limits: { limit, sharePercent }, paces: livePaces() });
  });
}

function livePaces(): Paces {
  const trouble = (error: unknown) => log.warn("the pace of a provider is not known now", errorFields(error));
  const paces = new Paces(systemClock, takeSlots, trouble);
  onPaceChange(
    (tenantId, authClientId) => paces.note({ tenantId, authClientId }),
    () =>
      void knownPaces().then((all) => {
        for (const who of all) paces.note(who);
      }, trouble),
  );
  return paces;
}

function liveWorld(background: Set<Promise<void>>): World {
  return {
    clock: systemClock,
    random: Math.random,
    rows: databaseRows(),
    leadS: settings().refreshLeadS,
    provider: {
      renew: (client, held, mayStillSend) => grantOf(client).renew(client, held, mayStillSend),
      renewable: (client, tokens) => grantOf(client).renewable(tokens),
      host: tokenHost,
      refusal: (client) => grantOf(client).refusal(client),
      revoke: async (client, tokens, tenantId) => {
        const value = tokens.refresh_token ?? tokens.access_token;
        await revoke(client, { value, hint: tokens.refresh_token ? "refresh_token" : "access_token" }, tenantId);
      },
    },
    clients: {
      open: openOAuthClient,
      noteProblem: (client, problem, probeAfterMs) => noteClientProblem(client, problem, { probeAfterMs }),
      noteOk: (client, authMethod) => noteClientOk(client, authMethod),
    },
    vault: {
      own: async (lease, client) =>
        grantOf(client).asksWithOwn ? readOwnRequest(lease.tenantId, lease.secretId) : null,
      open: async (lease, generation, sealed) =>
        readStored(await openJson<SealedTokens>(tokenPlace(lease.tenantId, lease.secretId, generation), sealed)),
      seal: (lease, generation, tokens) => sealJson(tokenPlace(lease.tenantId, lease.secretId, generation), tokens),
      tokenMac: (refreshToken) => refreshToken.use((clear) => mac("refresh-token", clear)),
      fingerprint: (tenantId, token) => token.use((clear) => fingerprint(tenantId, clear)),
    },
    report,
    reportStoreTrouble: (error) => {
      metrics().storeTrouble.inc();
      log.error("an answer waits for the database", errorFields(error));
    },
    background: (work) => {
      const kept = work
        .catch((error) => log.error("late landing failed", errorFields(error)))
        .finally(() => background.delete(kept));
      background.add(kept);
    },
    soon: setImmediate,
    onChange: (secretId, changed) =>
      onSecretChange((_workspace, id) => {
        if (id === secretId) changed();
      }),
  };
}

/** Nothing to look after: it landed, or the row had moved on. */
const WELL = new Set<RefreshEvent["outcome"]>(["landed", "late", "superseded", "released"]);

/** Why an attempt is made, in a word for metrics, log and traces. */
export function causeOf(lease: Lease): "due" | "demand" | "probe" {
  return lease.probing ? "probe" : lease.demanded ? "demand" : "due";
}

function report(event: RefreshEvent): void {
  const cause = causeOf(event.lease);
  metrics().refreshes.inc({ cause, outcome: event.outcome });
  metrics().refreshSeconds.observe(event.durationMs / 1000);
  log[WELL.has(event.outcome) ? "info" : "warn"]("refresh", {
    secretId: event.lease.secretId,
    tenantId: event.lease.tenantId,
    authClientId: event.lease.authClientId,
    generation: event.lease.generation,
    cause,
    outcome: event.outcome,
    durationMs: event.durationMs,
    traceId: currentTraceId(),
    ...(event.host ? { host: event.host } : {}),
    ...(event.code ? { code: event.code } : {}),
  });
}
