import { AppError, type Problem } from "@/lib/errors";
import type { Freshened } from "@/lib/refresher/ensure-fresh";
import { refreshMeta } from "./resource";
import type { TokenRow } from "./rows";
import { isExpired, problemOf } from "./state";

/** What an answer says when a token is not as fresh as was asked, or not there at all. */

/** The `refresh` of an answer's `meta`: why the token is what it is, where something is the matter. */
export function trouble(row: TokenRow, came: Freshened | null, capped: boolean): Record<string, unknown> {
  const known = refreshMeta(row);
  if (known) return { refresh: known };
  if (came?.kind === "slow")
    return {
      refresh: {
        outcome: "slow",
        code: "provider_failing",
        detail: "The provider has not answered yet; the refresh goes on.",
        next_attempt_at: null,
      },
    };
  if (came?.kind === "failed")
    return { refresh: { outcome: "failed", code: came.code, detail: came.detail, next_attempt_at: null } };
  if (came?.kind === "closed")
    return {
      refresh: {
        outcome: "failed",
        ...closedBy(came),
        next_attempt_at: new Date(row.nowMs + came.retryAfterMs).toISOString(),
      },
    };
  if (capped)
    return {
      refresh: {
        outcome: "too_short",
        code: "too_short",
        detail: `This token lives ${row.lifetimeS} s; more than half of that cannot be asked for.`,
        next_attempt_at: null,
      },
    };
  return {};
}

/** No call was made: the provider gets a rest, or asked for one. */
export function closedBy(came: Extract<Freshened, { kind: "closed" }>): Pick<Problem, "code" | "detail"> {
  return came.throttled
    ? { code: "throttled", detail: "The provider asked this auth client to slow down, so this secret waits its turn." }
    : {
        code: "provider_unreachable",
        detail: "The provider has not been answering, so it is given a rest before it is asked again.",
      };
}

/** Refused by its API, and nothing to get another with. */
export const REFUSED_FOR_GOOD = (row: TokenRow): Problem => ({
  code: "unauthorized",
  title: "The access token was refused",
  detail: "The API refused it, and there is no refresh token to get another with. Request an access token.",
  who: "you",
  since: new Date(row.nowMs).toISOString(),
});

/** No token to give: 409 when a person must act, 424 when the provider is at fault. */
export function unserved(row: TokenRow, came: Freshened | null, given?: Problem): AppError {
  const problem = given ?? problemOf(row) ?? fallback(row, came);
  const retryAfterMs =
    came?.kind === "closed"
      ? came.retryAfterMs
      : (row.failures ?? 0) > 0 && row.dueMs !== null
        ? row.dueMs - row.nowMs
        : 1_000;
  const person = problem.who !== "provider" && problem.code !== "egress_blocked";
  const damaged = problem.code === "integrity_failure";
  if (person || damaged) return new AppError("needs_person", `${problem.title}. ${problem.detail}`, { problem });
  return new AppError("provider_fault", `${problem.title}. ${problem.detail}`, {
    problem,
    retryAfterS: Math.max(1, retryAfterMs / 1000),
  });
}

function fallback(row: TokenRow, came: Freshened | null): Problem {
  const since = new Date(row.nowMs).toISOString();
  if (came?.kind === "closed")
    return {
      ...closedBy(came),
      title: came.throttled ? "The provider asked us to slow down" : "The provider cannot be reached",
      who: "provider",
      since,
    };
  if (came?.kind === "failed")
    return { code: "provider_failing", title: "Refreshing failed", detail: came.detail, who: "provider", since };
  return {
    code: "provider_failing",
    title: isExpired(row)
      ? "The access token has expired and its refresh is still running"
      : "The refresh is still running",
    detail: "The provider has not answered yet. Ask again shortly.",
    who: "provider",
    since,
  };
}
