/** When messages are put together, sent again and given up. Pure. Core. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The first word about something waits so long for others of its kind. */
export const GATHER_MS = 10 * SECOND;
/** A group that goes on is told of at most so seldom. */
export const MOST_GATHER_MS = 10 * MINUTE;
/** Messages of the last hour say how much a group has been told of. */
export const GATHER_WINDOW_MS = HOUR;

/** Longer than an attempt can take, with what comes before it: who holds a lease and lives is done by then. */
export const LEASE_MS = 60 * SECOND;
/** An attempt, from the first look-up of the name to the receiver's status. */
export const ATTEMPT_MS = 20 * SECOND;

const FIRST_RETRY_MS = 5 * SECOND;
const MOST_RETRY_MS = 6 * HOUR;
/** 5 s, 20 s, 80 s, 5 min, 21 min, 85 min, 5.7 h and then every 6 h: about a day. */
const MOST_ATTEMPTS = 11;
/** However long a receiver asks us to wait. */
const MOST_AGE_MS = 36 * HOUR;

/** A webhook to which nothing has arrived for so long is switched off when the next message is given up. */
export const GIVE_UP_MS = 3 * DAY;
/** How long the signing secret before a rotation still signs. */
export const PREVIOUS_SIGNS_MS = DAY;

/**
 * When what was gathered of one group is told, ms. Each message of the last hour makes the next wait three times as long, so that a
 * wave of thousands is a handful of messages and the last of them has the whole count.
 *
 * @param firstMs when the oldest of what is not told happened
 * @param told messages about this group in the last hour
 * @param lastMs when the latest of them was made
 */
export function gatherUntil(firstMs: number, told: number, lastMs: number | null): number {
  const since = lastMs === null ? 0 : lastMs + Math.min(MOST_GATHER_MS, GATHER_MS * 3 ** told);
  return Math.max(firstMs + GATHER_MS, since);
}

/**
 * How long until the next attempt; null: there is none.
 *
 * @param attempts made so far
 * @param ageMs since the message was made, or asked for again
 * @param retryAfterMs what the receiver asked for
 * @param random from 0 to 1
 */
export function retryAfter(
  attempts: number,
  ageMs: number,
  retryAfterMs: number | null,
  random: number,
): number | null {
  if (attempts >= MOST_ATTEMPTS) return null;
  const backoff = Math.min(MOST_RETRY_MS, FIRST_RETRY_MS * 4 ** (attempts - 1)) * (0.8 + 0.4 * random);
  const wait = Math.max(backoff, Math.min(retryAfterMs ?? 0, DAY));
  return ageMs + wait > MOST_AGE_MS ? null : wait;
}

/**
 * Whether a message is given up unsent: it has had all its attempts and all its time, so the last ones ended with their process before they
 * could say so.
 *
 * @param attempts with the one that is about to be made
 */
export function isOver(attempts: number, ageMs: number): boolean {
  return attempts > MOST_ATTEMPTS && ageMs > MOST_AGE_MS;
}

/** `Retry-After` in ms: seconds or a date (RFC 9110). Null when absent or unreadable. */
export function readRetryAfter(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * SECOND;
  if (!/^[A-Z][a-z]+,? /.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - nowMs);
}
