import type { OAuthClient } from "@/lib/auth-clients/client";
import type { Problem } from "@/lib/errors";
import type { Failure } from "@/lib/oauth/failure";
import { type Attempt, superseded, tell } from "./attempt";
import { givenUpDelayMs, HARD_DEADLINE_MS, HOLD_OFF_MS, holdOffMs, isGivenUp, PROBE_MS, retryDelayMs } from "./policy";
import type { FailureOutcome, Outcome, World } from "./world";

/** What a failed attempt means for its secret and its client (REFRESH section 6), and the words people read about it. */

/**
 * Nothing else is left to ask with. The first refusal only makes it suspect; a second one after the hold-off is believed (I7).
 *
 * @param spent a refresh token was presented, so that an answer that was lost explains the refusal
 */
export async function refused(
  attempt: Attempt,
  client: OAuthClient,
  failure: Failure,
  spent: boolean,
): Promise<Outcome> {
  const { world, lease } = attempt;
  const since = lease.suspectForMs;
  if (since !== null && since >= HOLD_OFF_MS.min) {
    const lost = spent && lease.lostGeneration === lease.generation;
    const problem = lost ? LOST : refusedProblem(failure, world.provider.refusal(client));
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
    problem: {
      ...refusedProblem(failure, world.provider.refusal(client)),
      who: "provider",
      title: "The provider refused once",
    },
    event: "refresh_failed",
  });
}

export async function fail(
  attempt: Attempt,
  failure: Failure,
  outcome: FailureOutcome = failure.kind,
): Promise<Outcome> {
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
  const failures = lease.failures + Math.max(1, attempt.calls);
  const givenUp = isGivenUp(failures, lease.validForMs);
  const { retryAfterMs } = failure;
  return record(attempt, failure, outcome, {
    status: givenUp ? "suspect" : lease.status,
    delayMs: givenUp
      ? givenUpDelayMs(retryAfterMs, world.random())
      : retryDelayMs(failure.kind, failures, retryAfterMs, world.random()),
    counts: true,
    unknown: failure.kind === "unknown",
    suspect: false,
    ...(failure.kind === "throttled" ? { throttle: { retryAfterMs, askedAt: attempt.askedAt } } : {}),
    problem: {
      code: failure.code,
      title: TITLES[failure.code] ?? "Refreshing failed",
      detail: givenUp ? `${told(failure)} ${GIVEN_UP}` : told(failure),
      who: failure.code === "egress_blocked" ? "admin" : "provider",
    },
    event: "refresh_failed",
  });
}

type Consequence = Pick<
  Parameters<World["rows"]["fail"]>[0],
  "status" | "delayMs" | "counts" | "unknown" | "suspect" | "throttle" | "problem" | "event"
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
    calls: attempt.calls,
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

export async function pause(
  attempt: Attempt,
  outcome: FailureOutcome,
  problem: Omit<Problem, "since">,
): Promise<Outcome> {
  const { world, lease, actor, started } = attempt;
  await world.rows.fail({
    lease,
    status: "paused",
    delayMs: null,
    counts: true,
    calls: attempt.calls,
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

/** Ours first, the provider's own words after it. */
function told(failure: Failure): string {
  return failure.said ? `${failure.detail} The provider said: “${failure.said}”` : failure.detail;
}

const GIVEN_UP =
  "This has gone on for more than a day after the access token expired, so it is tried once an hour only. Check that the provider and its token endpoint still exist.";

const TITLES: Partial<Record<Problem["code"], string>> = {
  provider_unreachable: "The provider cannot be reached",
  provider_failing: "The provider is failing",
  throttled: "The provider asked us to slow down",
  egress_blocked: "The provider's address is not allowed",
};

const refusedProblem = (failure: Failure, words: { title: string; cure: string }): Omit<Problem, "since"> => ({
  code: "grant_refused",
  title: words.title,
  detail: `${told(failure)} ${words.cure}`,
  who: "you",
});

const clientProblem = (failure: Failure): Omit<Problem, "since"> => ({
  code: failure.kind === "client" ? "client_rejected" : "request_rejected",
  title:
    failure.title ??
    (failure.kind === "client" ? "The provider rejects the auth client" : "The provider rejects the request"),
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

export const DEADLINE: Failure = {
  kind: "unknown",
  code: "provider_failing",
  detail: `The provider did not answer within ${HARD_DEADLINE_MS / 1000} seconds.`,
  oauthError: null,
  said: null,
  retryAfterMs: null,
  status: null,
};

export const DAMAGED: Omit<Problem, "since"> = {
  code: "integrity_failure",
  title: "The stored tokens cannot be opened",
  detail:
    "The stored tokens fail their integrity check: they were changed or moved outside Latchkey, or the master key is another one.",
  who: "admin",
};

export const GONE: Omit<Problem, "since"> = {
  code: "paused",
  title: "The auth client is gone",
  detail: "The auth client of this secret no longer exists. Add the secret again with another client.",
  who: "admin",
};
