import type { ProblemCode } from "@/lib/errors";

/**
 * What a failed token request means. The only place that reads OAuth error codes (REFRESH section 6).
 *
 * - not_sent: the provider saw nothing; the same refresh token is safe.
 * - unknown: it may have consumed the refresh token; try again quickly, inside the smallest known grace.
 * - throttled: wait.
 * - refused: the token is dead or superseded; look again before believing it.
 * - client: the auth client is wrong; its secrets are not harmed and wait.
 * - config: the request is wrong for everybody (client) or for this secret (scope).
 */
export type FailureKind = "not_sent" | "unknown" | "throttled" | "refused" | "client" | "config";

export interface Failure {
  kind: FailureKind;
  code: ProblemCode;
  /** In place of the usual title of a problem of this kind. */
  title?: string;
  /** Ours, for the timeline and the problem: what happened, in words. */
  detail: string;
  /** The provider's `error` code when it has the form of one. */
  oauthError: string | null;
  /** The provider's own words with everything token-like taken out; untrusted text. */
  said: string | null;
  retryAfterMs: number | null;
  /** HTTP status, when an answer came. */
  status: number | null;
  /** config only: the fault is this secret's own (its scopes), not the client's. */
  ownFault?: boolean;
}

const REFUSED = new Set([
  "invalid_grant",
  "invalid_refresh_token",
  "token_expired",
  "token_revoked",
  "invalid_token",
  "expired_token",
  "bad_refresh_token",
  "refresh_token_expired",
  "invalid_code",
  "bad_verification_code",
]);
const CLIENT = new Set([
  "invalid_client",
  "unauthorized_client",
  "invalid_client_id",
  "invalid_client_secret",
  "incorrect_client_credentials",
]);
const THROTTLED = new Set(["slow_down", "ratelimited", "rate_limited", "too_many_requests", "temporarily_unavailable"]);
const CONFIG = new Set(["unsupported_grant_type", "invalid_target", "unsupported_response_type"]);

/** The `error` member of an answer when it looks like a code, wherever known providers put it. */
export function oauthErrorOf(answer: unknown): string | null {
  if (typeof answer !== "object" || answer === null) return null;
  const { error, code } = answer as { error?: unknown; code?: unknown };
  const text =
    typeof error === "string"
      ? error
      : typeof error === "object" && error !== null
        ? (error as { code?: unknown }).code
        : code;
  return typeof text === "string" && /^[A-Za-z0-9_.:-]{1,64}$/.test(text) ? text : null;
}

/**
 * The provider's description as a person may see it: one line, 200 characters, without anything that we sent or that looks
 * like a token.
 */
export function quotable(text: unknown, secrets: readonly string[]): string | null {
  if (typeof text !== "string") return null;
  let safe = text.replace(/[\p{Cc}\p{Cs}]+/gu, " ");
  for (const secret of secrets) if (secret.length >= 4) safe = safe.replaceAll(secret, "[…]");
  safe = safe.replace(/[A-Za-z0-9_\-+/=.~]{20,}/g, (run) => (/\d/.test(run) || run.length > 40 ? "[…]" : run)).trim();
  return safe === "" ? null : safe.slice(0, 200).replace(/\p{Cs}$/u, "");
}

export interface AnswerFacts {
  status: number;
  retryAfter: string | null;
  /** Parsed body, or undefined when it was not understood. */
  body: unknown;
  /** Values that must not be quoted. */
  secrets: readonly string[];
}

/** What an answer without usable tokens means. */
export function failureOfAnswer(facts: AnswerFacts): Failure {
  const { status } = facts;
  const oauthError = oauthErrorOf(facts.body);
  const code = oauthError?.toLowerCase() ?? null;
  const description =
    typeof facts.body === "object" && facts.body !== null
      ? (facts.body as { error_description?: unknown }).error_description
      : undefined;
  const retryAfterMs = readRetryAfter(facts.retryAfter);
  const base = { oauthError, said: quotable(description, facts.secrets), retryAfterMs, status };
  const named = oauthError ? ` (${oauthError})` : "";

  if (status === 429 || (status === 503 && retryAfterMs !== null) || (code !== null && THROTTLED.has(code)))
    return {
      ...base,
      kind: "throttled",
      code: "throttled",
      detail: `The provider asked us to slow down: it answered ${status}${named}.`,
    };
  if (status >= 500 || status === 408 || status === 425)
    return { ...base, kind: "unknown", code: "provider_failing", detail: `The provider answered ${status}.` };
  if (status >= 300 && status < 400)
    return {
      ...base,
      kind: "unknown",
      code: "provider_failing",
      detail: `The token endpoint answered with a redirect (${status}), which is never followed. Check its address.`,
    };
  if (code !== null && REFUSED.has(code))
    return { ...base, kind: "refused", code: "grant_refused", detail: `The provider refused the grant${named}.` };
  if (code !== null && CLIENT.has(code))
    return {
      ...base,
      kind: "client",
      code: "client_rejected",
      detail: `The provider rejected the client${named}. Its client ID, client secret or authentication method is wrong.`,
    };
  if (code === "invalid_scope")
    return {
      ...base,
      kind: "config",
      code: "request_rejected",
      ownFault: true,
      detail: "The provider does not accept the scopes of this secret (invalid_scope).",
    };
  if (code !== null && CONFIG.has(code))
    return {
      ...base,
      kind: "config",
      code: "request_rejected",
      detail: `The provider does not accept this kind of request${named}.`,
    };
  if (status === 404 || status === 405)
    return {
      ...base,
      kind: "config",
      code: "request_rejected",
      detail: `The token endpoint answered ${status}. Its address is wrong.`,
    };
  if (status === 401 && code === null)
    return {
      ...base,
      kind: "client",
      code: "client_rejected",
      detail:
        "The provider answered 401 to the client. Its client ID, client secret or authentication method is wrong.",
    };
  if (status >= 200 && status < 300)
    return code === null
      ? {
          ...base,
          kind: "unknown",
          code: "provider_failing",
          detail: `The provider answered ${status} without an access token.`,
        }
      : {
          ...base,
          kind: "refused",
          code: "grant_refused",
          detail: `The provider refused the grant${named} in an answer ${status}.`,
        };
  // 400 invalid_request, 400 with an empty body, 403 with a code of the server's own: some servers say "dead" this way and
  // some "wrong request". What was accepted before with the same client tells which (lib/refresher/policy).
  return {
    ...base,
    kind: "refused",
    code: "request_rejected",
    detail: `The provider rejected the request: ${status}${named}.`,
  };
}

/** Seconds or an HTTP date, as milliseconds from now; at most a day is believed. */
export function readRetryAfter(value: string | null, nowMs: number = Date.now()): number | null {
  if (value === null) return null;
  // Date.parse takes "-5" and "1.5" for dates of 2001; an HTTP date has words in it.
  const asDate = /[A-Za-z]{3}/.test(value) ? Date.parse(value) - nowMs : Number.NaN;
  const ms = /^\s*\d{1,9}\s*$/.test(value) ? Number(value) * 1000 : asDate;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), 86_400_000) : null;
}
