"use client";

import { useNow } from "./ticker";
import { exactWords, relativeWords } from "./time-words";

/** "3 min ago" or "in 42 min", moving by itself, with the exact time on hover. `at` is an ISO time; null shows `none`. */
export function RelativeTime({
  at,
  none = "Never",
  prefix = "",
}: {
  at: string | null | undefined;
  none?: string;
  prefix?: string;
}) {
  const now = useNow();
  if (!at) return <span>{none}</span>;
  const time = Date.parse(at);
  if (Number.isNaN(time)) return <span>{none}</span>;
  // The server does not know the reader's time zone or clock, so it says nothing and the browser fills it in.
  if (now === 0) return <time dateTime={at} />;
  return (
    <time dateTime={at} title={exactWords(time)}>
      {prefix}
      {relativeWords(time, now)}
    </time>
  );
}
