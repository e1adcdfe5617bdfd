import type { OAuthClient } from "@/lib/auth-clients/client";
import { AppError, type Problem } from "@/lib/errors";
import type { Failure } from "@/lib/oauth/failure";
import type { TokenAnswer } from "@/lib/oauth/token-endpoint";
import { type StoredTokens, succeed } from "@/lib/oauth/token-set";
import { GUARD_MS, HARD_DEADLINE_MS, HOLD_OFF_MS, holdOffMs, leadMs, PROBE_MS, retryDelayMs } from "./policy";
import type { FailureOutcome, Landing, Lease, Outcome, World } from "./world";

/*
 * The critical path, in the order it runs (REFRESH section 4):
 *
 *   1  the lease is held already (claim.ts); from here its heartbeat runs
 *   2  open the auth client and the stored tokens
 *   3  guard: write down that this refresh token is about to be presented
 *   4  send; the hard deadline ends the lease, never the request
 *   5  an answer with tokens: land it, again and again until the commit is known
 *   6  a refusal: another refresh token of the same grant, else a second look later, else dead
 *   7  any other failure: say when to try again; the stored access token goes on serving
 */

/**
 * Runs one attempt for a leased secret. Never rejects for the provider's fault.
 *
 * @param heard called when the provider has answered with tokens, before they are landed: its room is free again
 */
export async function refreshOne(
  world: World,
  lease: Lease,
  actor: string | null,
  heard?: () => void,
): Promise<Outcome> {
  const started = world.clock.monotonic();
  world.rows.hold(lease); // 1
  const attempt: Attempt = { world, lease, actor, started, client: null, heard };
  try {
    const client = await world.clients.open(lease.authClientTenantId, lease.authClientId); // 2
    if (!client) return await pause(attempt, "integrity", GONE);
    attempt.client = client;
    if (client.problem && !lease.probing) {
      await world.rows.release(lease);
      tell(attempt, "released");
      return { kind: "failed", code: "paused", detail: "The auth client waits for an administrator." };
    }
    let tokens: StoredTokens;
    try {
      tokens = await world.vault.open(lease, lease.generation, lease.sealed);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "integrity_failure") throw error;
      return await pause(attempt, "integrity", DAMAGED);
    }
    return await present(attempt, client, tokens);
  } finally {
    world.rows.drop(lease);
  }
}

interface Attempt {
  world: World;
  lease: Lease;
  actor: string | null;
  /** Monotonic. */
  started: number;
  client: OAuthClient | null;
  heard: (() => void) | undefined;
}

/** A lease that ends this soon is not one to begin sending on: connecting took too long, or the process stood still. */
const WRITE_MARGIN_MS = 1_000;

/** Presents the current refresh token and, after a refusal, what else the ledger holds. */
async function present(attempt: Attempt, client: OAuthClient, current: StoredTokens): Promise<Outcome> {
  const { world, lease } = attempt;
  const tried = new Set<string>();
  let tokens = current;
  for (;;) {
    const presented = tokens.refresh_token === null ? null : world.vault.tokenMac(tokens.refresh_token);
    if (presented) tried.add(presented);
    const guardedAt = world.clock.monotonic();
    if (!(await world.rows.guard(lease))) return superseded(attempt); // 3
    const askedAt = world.clock.monotonic();
    if (askedAt - guardedAt >= GUARD_MS) {
      await world.rows.release(lease);
      return superseded(attempt);
    }
    let tooLate = false;
    const sent = world.provider.renew(client, tokens, () => {
      tooLate = world.clock.monotonic() > lease.heldUntil - WRITE_MARGIN_MS;
      return !tooLate;
    }); // 4
    const answer = await untilDeadline(world, sent);
    if (tooLate) {
      await world.rows.release(lease);
      return superseded(attempt);
    }
    if (answer === "deadline") {
      landLate(attempt, client, tokens, sent, askedAt);
      return fail(attempt, DEADLINE, "deadline");
    }
    if (answer.kind === "tokens") {
      attempt.heard?.();
      return land(attempt, client, tokens, answer, askedAt); // 5
    }
    if (answer.failure.kind !== "refused" || isRequestFault(answer.failure, client))
      return fail(attempt, answer.failure);
    if (presented) await world.rows.markRefused(lease, presented); // 6
    const next = await nextAlternative(attempt, tried);
    if (!next) return refused(attempt, answer.failure);
    tokens = next;
  }
}

/**
 * A 400 that some servers mean as "dead" and others as "wrong request": when the provider never accepted this version of the
 * client, the request is at fault and no secret is blamed (REFRESH section 6, PROVIDERS "Seen on real servers").
 */
function isRequestFault(failure: Failure, client: OAuthClient): boolean {
  return failure.code === "request_rejected" && failure.kind === "refused" && !client.proven;
}

async function untilDeadline(world: World, sent: Promise<TokenAnswer>): Promise<TokenAnswer | "deadline"> {
  const over = new AbortController();
  const deadline = world.clock.sleep(HARD_DEADLINE_MS, over.signal).then(() => "deadline" as const);
  try {
    return await Promise.race([sent, deadline]);
  } finally {
    over.abort(ENDED);
  }
}

/** Given as a reason so that no DOMException with a stack is made: that took a thirtieth of an attempt's time. */
const ENDED = "ended";

/** The newest sibling; the predecessor only when one of its presentations may have made a child that we never saw. */
async function nextAlternative(attempt: Attempt, tried: Set<string>): Promise<StoredTokens | null> {
  const { world, lease } = attempt;
  const childUnseen = lease.lostGeneration === lease.generation - 1;
  for (const alternative of await world.rows.alternatives(lease, childUnseen)) {
    if (tried.has(alternative.tokenMac)) continue;
    return world.vault.open(lease, alternative.generation, alternative.sealed);
  }
  return null;
}

async function land(
  attempt: Attempt,
  client: OAuthClient,
  previous: StoredTokens,
  answer: Extract<TokenAnswer, { kind: "tokens" }>,
  askedAt: number,
  late = false,
): Promise<Outcome> {
  const { world, lease } = attempt;
  const tokens = succeed(previous, answer.tokens);
  const receivedWall = world.clock.now();
  const issuedAtMs = answer.issuedAtMs ?? receivedWall;
  const renewable = world.provider.renewable(client, tokens);
  const lifetimeS = answer.tokens.expiresIn ?? (renewable ? client.options.token_expires_in : null);
  const base: Omit<Landing, "parentGeneration" | "sealed" | "sibling"> = {
    lease,
    tokenMac: tokens.refresh_token === null ? null : world.vault.tokenMac(tokens.refresh_token),
    previousMac: previous.refresh_token === null ? null : world.vault.tokenMac(previous.refresh_token),
    issuedAtMs,
    askedAt,
    lifetimeS,
    leadMs: lifetimeS === null ? 0 : leadMs(lifetimeS, world.leadS, world.random()),
    renewable,
    hasRefreshToken: tokens.refresh_token !== null,
    tokenType: tokens.token_type,
    scope: answer.tokens.scope,
    fingerprint: world.vault.fingerprint(lease.tenantId, tokens.access_token),
    refreshFingerprint:
      tokens.refresh_token === null ? null : world.vault.fingerprint(lease.tenantId, tokens.refresh_token),
    durationMs: Math.round(world.clock.monotonic() - askedAt),
    actor: attempt.actor,
  };
  let parentGeneration = lease.generation;
  let sibling = false;
  for (;;) {
    const sealed = await untilDone(world, () => world.vault.seal(lease, parentGeneration + 1, tokens));
    const verdict = await untilDone(world, () => world.rows.land({ ...base, parentGeneration, sealed, sibling }));
    if (verdict.kind === "landed") {
      tell(attempt, late ? "late" : "landed");
      await world.clients.noteOk(client, answer.authMethod).catch(world.reportStoreTrouble);
      return { kind: "landed" };
    }
    if (verdict.kind === "foreign") {
      tell(attempt, "foreign");
      await world.provider.revoke(client, tokens);
      return { kind: "superseded" };
    }
    // The pointer moved while we waited. The later issued of the two is the one to go on with (I3); the other stays in the ledger.
    if (!verdict.successor && verdict.issuedAtMs !== null && issuedAtMs <= verdict.issuedAtMs) {
      tell(attempt, "moved");
      return { kind: "superseded" };
    }
    parentGeneration = verdict.generation;
    sibling = !verdict.successor;
  }
}

/** I2: a token that was received is kept in memory and tried again until it is known to be durable, however long that takes. */
async function untilDone<T>(world: World, work: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await work();
    } catch (error) {
      world.reportStoreTrouble(error);
      await world.clock.sleep(Math.min(5_000, 50 * 2 ** Math.min(tries, 7)));
    }
  }
}

/** After the hard deadline: the answer is still landed when it comes (REFRESH C12); its failure says nothing any more. */
function landLate(
  attempt: Attempt,
  client: OAuthClient,
  tokens: StoredTokens,
  sent: Promise<TokenAnswer>,
  askedAt: number,
): void {
  attempt.world.background(
    sent.then(async (answer) => {
      if (answer.kind === "tokens") await land(attempt, client, tokens, answer, askedAt, true);
    }),
  );
}

/** No other refresh token is left. The first refusal only makes it suspect; a second one after the hold-off is believed (I7). */
async function refused(attempt: Attempt, failure: Failure): Promise<Outcome> {
  const { world, lease } = attempt;
  const since = lease.suspectForMs;
  if (since !== null && since >= HOLD_OFF_MS.min) {
    const lost = lease.lostGeneration === lease.generation;
    const problem = lost ? LOST : refusedProblem(failure);
    return record(attempt, failure, "dead", {
      status: "dead",
      delayMs: null,
      counts: true,
      unknown: false,
      suspect: true,
      problem,
      event: "reauthorization_needed",
    });
  }
  return record(attempt, failure, "refused", {
    status: "suspect",
    delayMs: since === null ? holdOffMs(world.random()) : Math.max(1_000, HOLD_OFF_MS.min - since),
    counts: true,
    unknown: false,
    suspect: true,
    problem: { ...refusedProblem(failure), who: "provider", title: "The provider refused once" },
    event: "refresh_failed",
  });
}

async function fail(attempt: Attempt, failure: Failure, outcome: FailureOutcome = failure.kind): Promise<Outcome> {
  // 7
  const { world, lease, client } = attempt;
  if (failure.kind === "client" || ((failure.kind === "config" || failure.kind === "refused") && !failure.ownFault)) {
    const problem = { ...clientProblem(failure), since: new Date(world.clock.now()).toISOString() };
    if (client) await world.clients.noteProblem(client, problem, PROBE_MS);
    return record(attempt, failure, failure.kind === "client" ? "client" : "config", {
      status: lease.status,
      delayMs: "keep",
      counts: false,
      unknown: false,
      suspect: false,
      problem: null,
      event: "refresh_failed",
    });
  }
  if (failure.kind === "config")
    return record(attempt, failure, "config", {
      status: "paused",
      delayMs: null,
      counts: true,
      unknown: false,
      suspect: false,
      problem: { code: failure.code, title: "The provider rejects this request", detail: told(failure), who: "you" },
      event: "refresh_failed",
    });
  return record(attempt, failure, outcome, {
    status: lease.status,
    delayMs: retryDelayMs(failure.kind, lease.failures + 1, failure.retryAfterMs, world.random()),
    counts: true,
    unknown: failure.kind === "unknown",
    suspect: false,
    problem: {
      code: failure.code,
      title: TITLES[failure.code] ?? "Refreshing failed",
      detail: told(failure),
      who: failure.code === "egress_blocked" ? "admin" : "provider",
    },
    event: "refresh_failed",
  });
}

type Consequence = Pick<
  Parameters<World["rows"]["fail"]>[0],
  "status" | "delayMs" | "counts" | "unknown" | "suspect" | "problem" | "event"
>;

async function record(
  attempt: Attempt,
  failure: Failure,
  outcome: FailureOutcome,
  consequence: Consequence,
): Promise<Outcome> {
  const { world, lease, actor, started } = attempt;
  const durationMs = Math.round(world.clock.monotonic() - started);
  const mine = await world.rows.fail({
    lease,
    ...consequence,
    // The timeline names every failure, also the client's, which is no problem of the secret.
    eventCode: consequence.problem?.code ?? failure.code,
    eventDetail: told(failure),
    durationMs,
    actor,
  });
  if (!mine) return superseded(attempt);
  tell(attempt, outcome, failure.code);
  return { kind: "failed", code: consequence.problem?.code ?? failure.code, detail: told(failure) };
}

async function pause(attempt: Attempt, outcome: FailureOutcome, problem: Omit<Problem, "since">): Promise<Outcome> {
  const { world, lease, actor, started } = attempt;
  await world.rows.fail({
    lease,
    status: "paused",
    delayMs: null,
    counts: true,
    unknown: false,
    suspect: false,
    problem,
    event: "refresh_failed",
    eventCode: problem.code,
    eventDetail: problem.detail,
    durationMs: Math.round(world.clock.monotonic() - started),
    actor,
  });
  tell(attempt, outcome, problem.code);
  return { kind: "failed", code: problem.code, detail: problem.detail };
}

function superseded(attempt: Attempt): Outcome {
  tell(attempt, "superseded");
  return { kind: "superseded" };
}

function tell(attempt: Attempt, outcome: Parameters<World["report"]>[0]["outcome"], code?: string): void {
  const { world, lease, client, started } = attempt;
  world.report({
    lease,
    host: client ? world.provider.host(client) : null,
    outcome,
    durationMs: Math.round(world.clock.monotonic() - started),
    ...(code ? { code } : {}),
  });
}

/** Ours first, the provider's own words after it. */
function told(failure: Failure): string {
  return failure.said ? `${failure.detail} The provider said: “${failure.said}”` : failure.detail;
}

const TITLES: Partial<Record<Problem["code"], string>> = {
  provider_unreachable: "The provider cannot be reached",
  provider_failing: "The provider is failing",
  throttled: "The provider asked us to slow down",
  egress_blocked: "The provider's address is not allowed",
};

const refusedProblem = (failure: Failure): Omit<Problem, "since"> => ({
  code: "grant_refused",
  title: "The provider refuses to renew this",
  detail: `${told(failure)} Access was withdrawn or has lapsed; someone with an account there must grant it again.`,
  who: "you",
});

const clientProblem = (failure: Failure): Omit<Problem, "since"> => ({
  code: failure.kind === "client" ? "client_rejected" : "request_rejected",
  title: failure.kind === "client" ? "The provider rejects the auth client" : "The provider rejects the request",
  detail: `${told(failure)} No secret is harmed; refreshing goes on as soon as the auth client is corrected.`,
  who: "admin",
});

const LOST: Omit<Problem, "since"> = {
  code: "lost_answer",
  title: "The provider's answer was lost",
  detail:
    "The provider renewed the token, its answer never arrived, and it does not accept the old refresh token again. Nobody withdrew access, but someone must grant it again. A grace period for refresh token rotation at the provider avoids this.",
  who: "you",
};

const DEADLINE: Failure = {
  kind: "unknown",
  code: "provider_failing",
  detail: `The provider did not answer within ${HARD_DEADLINE_MS / 1000} seconds.`,
  oauthError: null,
  said: null,
  retryAfterMs: null,
  status: null,
};

const DAMAGED: Omit<Problem, "since"> = {
  code: "integrity_failure",
  title: "The stored tokens cannot be opened",
  detail:
    "The stored tokens fail their integrity check: they were changed or moved outside Latchkey, or the master key is another one.",
  who: "admin",
};

const GONE: Omit<Problem, "since"> = {
  code: "paused",
  title: "The auth client is gone",
  detail: "The auth client of this secret no longer exists. Add the secret again with another client.",
  who: "admin",
};
