/** Words for times. Pure; `now` and `at` in milliseconds. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A length in its two or one most telling units: "9 s", "42 min", "3 h", "5 days". */
export function spanWords(ms: number): string {
  const length = Math.max(0, ms);
  if (length < MINUTE) return `${Math.floor(length / 1000)} s`;
  if (length < 2 * HOUR) return `${Math.floor(length / MINUTE)} min`;
  if (length < 36 * HOUR) return `${Math.floor(length / HOUR)} h`;
  const days = Math.floor(length / DAY);
  if (days < 60) return days === 1 ? "1 day" : `${days} days`;
  if (days < 730) return `${Math.round(days / 30.44)} months`;
  return `${Math.floor(days / 365)} years`;
}

/** A length that counts down: seconds shown below ten minutes, "4:08 min", else as `spanWords`. */
export function countdownWords(ms: number): string {
  const length = Math.max(0, ms);
  if (length < MINUTE || length >= 10 * MINUTE) return spanWords(length);
  const seconds = Math.floor(length / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} min`;
}

/** The same length in full words for a sentence: "42 minutes", "1 hour 5 minutes". */
export function longSpanWords(ms: number): string {
  const length = Math.max(0, ms);
  const say = (count: number, unit: string) => `${count} ${unit}${count === 1 ? "" : "s"}`;
  if (length < MINUTE) return say(Math.floor(length / 1000), "second");
  if (length < HOUR) return say(Math.floor(length / MINUTE), "minute");
  if (length < DAY) {
    const hours = Math.floor(length / HOUR);
    const minutes = Math.floor((length % HOUR) / MINUTE);
    return hours < 3 && minutes > 0 ? `${say(hours, "hour")} ${say(minutes, "minute")}` : say(hours, "hour");
  }
  return say(Math.floor(length / DAY), "day");
}

/** "in 42 min", "9 s ago", "just now", "yesterday", "3 Nov", "3 Nov 2024". */
export function relativeWords(at: number, now: number): string {
  const gap = at - now;
  // The present is counted in whole seconds, so what happened this second can seem to lie ahead.
  if (gap >= 1000) return `in ${spanWords(gap)}`;
  const past = -gap;
  if (past < 2000) return "just now";
  if (past < 20 * DAY) return `${spanWords(past)} ago`;
  const date = new Date(at);
  const sameYear = date.getFullYear() === new Date(now).getFullYear();
  return date.toLocaleDateString("en-GB", { day: "numeric", month: "short", ...(sameYear ? {} : { year: "numeric" }) });
}

/** "21 Nov 2026, 14:06:30" in the reader's time zone. */
export function exactWords(at: number): string {
  const date = new Date(at);
  const day = date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
  return `${day}, ${date.toLocaleTimeString("en-GB")}`;
}

/** "14:05", or with the day when it is not today: "22 Nov, 14:05". */
export function clockWords(at: number, now: number): string {
  const date = new Date(at);
  const time = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  if (date.toDateString() === new Date(now).toDateString()) return time;
  return `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, ${time}`;
}
