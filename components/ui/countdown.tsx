"use client";

import { useNowText } from "./ticker";
import { countdownWords, exactWords } from "./time-words";

export interface CountdownProps {
  /** ISO time counted down to. */
  to: string;
  /** Before the length: "for ", "in ". */
  prefix?: string;
  /** Once the time has come. */
  over?: string;
  /** Hover text; the exact time when absent. */
  title?: string;
}

/** The time left until a moment, ticking, in tabular figures so the layout stays still. */
export function Countdown({ to, prefix = "", over = "now", title }: CountdownProps) {
  const end = Date.parse(to);
  const words = useNowText((now) =>
    Number.isNaN(end) ? "" : end <= now ? over : `${prefix}${countdownWords(end - now)}`,
  );
  if (words === "") return <time dateTime={to} />;
  return (
    <time dateTime={to} title={title ?? exactWords(end)}>
      {words}
    </time>
  );
}
