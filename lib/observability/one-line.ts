/**
 * What forges a line or hides what it says: controls (CR, LF, ESC of terminal sequences), the separators of lines and paragraphs,
 * and what turns the direction of writing (Unicode TR36).
 */
const FORGING = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** The text with every such character as a space: one event stays one line and reads as it is written (AU-7). */
export function oneLine(text: string): string {
  return /[^\x20-\x7e]/.test(text) ? text.replace(FORGING, " ") : text;
}

/** The same for every text inside a value that goes into JSON; the value itself when there is nothing to change. */
export function oneLineInside<T>(value: T): T {
  if (typeof value === "string") return oneLine(value) as T;
  if (Array.isArray(value)) return value.map(oneLineInside) as T;
  if (value === null || typeof value !== "object" || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [oneLine(key), oneLineInside(item)])) as T;
}
