"use client";

import { useNow } from "@/components/ui/ticker";
import { clockWords, countdownWords, longSpanWords } from "@/components/ui/time-words";
import type { AuthSecret } from "@/lib/sdk/resources";
import { asksByItself } from "./cure";

const TEN_MINUTES = 600_000;
const MINUTE = 60_000;

/** Full words; the last minutes count down by the second. */
function lengthWords(ms: number): string {
  return ms >= MINUTE && ms < TEN_MINUTES ? countdownWords(ms) : longSpanWords(ms);
}

/** The one sentence of the drawer: until when, and what happens by itself. Absent where a person must act, which is said elsewhere. */
export function TokenSay({ secret }: { secret: AuthSecret }) {
  const now = useNow();
  const { status, expires_at, refresh_due_at, next_attempt_at, problem, has_access_token } = secret.attributes;
  const renews = secret.attributes.has_refresh_token || asksByItself(secret);
  if (now === 0) return <p className="say">&nbsp;</p>;
  const end = expires_at === null ? null : Date.parse(expires_at);
  const left = end === null ? null : end - now;
  const valid = !has_access_token
    ? "There is no access token yet."
    : left === null
      ? "Access token valid, without an expiry."
      : left > 0
        ? `Access token valid for ${lengthWords(left)}.`
        : "The access token has expired.";
  if (status === "refreshing")
    return (
      <p className="say" role="timer">
        {has_access_token ? "Being renewed right now." : "Being asked for right now."} <span>{valid}</span>
      </p>
    );
  if (status === "retrying") {
    const next = next_attempt_at ? Date.parse(next_attempt_at) - now : 0;
    return (
      <>
        <p className="say" role="timer">
          {next > 0
            ? `${has_access_token ? "Renewal" : "Asking"} failed; next try in ${lengthWords(next)}.`
            : `${has_access_token ? "Renewal" : "Asking"} failed; trying again now.`}{" "}
          <span>{valid}</span>
        </p>
        {problem ? <p className="muted small">{problem.detail}</p> : null}
      </>
    );
  }
  const due = refresh_due_at ? Date.parse(refresh_due_at) : null;
  const then =
    end === null
      ? "Nothing needs renewing."
      : !renews
        ? `It cannot renew by itself: no refresh token came. Authorize again before ${clockWords(end, now)}.`
        : due === null
          ? "Renews by itself before that."
          : due <= now
            ? "Renews by itself at any moment."
            : `Renews by itself at ${clockWords(due, now)}.`;
  return (
    <p className="say" role="timer">
      {valid} <span>{then}</span>
    </p>
  );
}
