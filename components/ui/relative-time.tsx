"use client";

import { useNowText } from "./ticker";
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
  const time = Date.parse(at ?? "");
  const words = useNowText((now) => (Number.isNaN(time) ? "" : relativeWords(time, now)));
  if (!at || Number.isNaN(time)) return <span>{none}</span>;
  // The server does not know the reader's time zone or clock, so it says nothing and the browser fills it in.
  if (words === "") return <time dateTime={at} />;
  return (
    <time dateTime={at} title={exactWords(time)}>
      {prefix}
      {words}
    </time>
  );
}
