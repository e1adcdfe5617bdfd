/** NUL and half a surrogate pair, as JSON.stringify writes them. A backslash before the `u` may also be text; then it is only looked at twice. */
const SUSPECT = /\\u(?:0000|d[89a-f])/;

/**
 * JSON text that PostgreSQL's jsonb takes: it knows neither NUL nor a surrogate without its other half, and a batch that
 * holds one such text would fail as a whole. Both become U+FFFD. A name cut at a fixed length can end in such a half.
 */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value);
  if (!SUSPECT.test(text)) return text;
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === "string" ? member.toWellFormed().replaceAll("\0", "\ufffd") : member,
  );
}
