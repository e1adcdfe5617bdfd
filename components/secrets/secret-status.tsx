"use client";

import { Countdown } from "@/components/ui/countdown";
import { RelativeTime } from "@/components/ui/relative-time";
import { Status } from "@/components/ui/status";
import { useNow } from "@/components/ui/ticker";
import { exactWords, spanWords } from "@/components/ui/time-words";
import type { AuthSecret } from "@/lib/sdk/resources";
import { asksByItself } from "./cure";

/** How long the token that is stored still serves, while renewing it has trouble. */
function StillValid({ expiresAt }: { expiresAt: string | null }) {
  const now = useNow();
  if (expiresAt === null || now === 0) return null;
  const left = Date.parse(expiresAt) - now;
  return <>{left > 0 ? ` Valid for ${spanWords(left)}.` : " The access token has expired."}</>;
}

/** A secret's state as a row shows it: shape, word, the time that matters, and in trouble the reason. */
export function SecretStatus({ secret }: { secret: AuthSecret }) {
  const { type, status, problem, expires_at, refresh_due_at, next_attempt_at, has_refresh_token, ...rest } =
    secret.attributes;
  const why = problem?.title ? `${problem.title.replace(/\.$/u, "")}.` : undefined;
  if (type === "noauth") return <Status kind="noauth" />;
  if (status === "static" || type !== "oauth2")
    return <Status kind="static" time={<RelativeTime at={rest.updated_at} prefix="changed " />} />;
  if (status === "unauthorized")
    return (
      <Status
        kind="unauthorized"
        time={<RelativeTime at={problem?.since ?? rest.created_at} />}
        why={why ?? "Nobody has granted access yet."}
      />
    );
  if (status === "reauthorization_needed")
    return (
      <Status
        kind="reauthorize"
        word={asksByItself(secret) ? "Refused" : undefined}
        time={problem ? <RelativeTime at={problem.since} /> : null}
        why={why}
      />
    );
  if (status === "paused")
    return (
      <Status kind="paused" time={problem ? <RelativeTime at={problem.since} prefix="since " /> : null} why={why} />
    );
  if (status === "refreshing") return <Status kind="refreshing" time="now" />;
  if (status === "retrying")
    return (
      <Status
        kind="retrying"
        time={next_attempt_at ? <Countdown to={next_attempt_at} prefix="in " over="now" /> : null}
        why={
          <>
            {why}
            <StillValid expiresAt={expires_at} />
          </>
        }
      />
    );
  if (expires_at === null) return <Status kind="noexpiry" />;
  const renews = refresh_due_at ? `. Renews ${exactWords(Date.parse(refresh_due_at))}` : "";
  return (
    <Status
      kind="fresh"
      time={
        <Countdown
          to={expires_at}
          prefix="for "
          over="until now"
          title={`Expires ${exactWords(Date.parse(expires_at))}${renews}`}
        />
      }
      why={has_refresh_token || asksByItself(secret) ? undefined : "No refresh token came."}
    />
  );
}
