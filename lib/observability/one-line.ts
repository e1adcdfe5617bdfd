/**
 * What forges a line or hides what it says: controls (CR, LF, ESC of terminal sequences), the separators of lines and paragraphs,
 * and what turns the direction of writing (Unicode TR36).
 */
const FORGING = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

const isPlain = (text: string) => !/[^\x20-\x7e]/.test(text);

/** The text with every such character as a space: one event stays one line and reads as it is written (AU-7). */
export function oneLine(text: string): string {
  return isPlain(text) ? text : text.replace(FORGING, " ");
}

/** The same for every text inside a value that goes into JSON; the value itself when there is nothing to change. */
export function oneLineInside<T>(value: T): T {
  if (typeof value === "string") return oneLine(value) as T;
  if (value === null || typeof value !== "object" || value instanceof Date || isPlainInside(value)) return value;
  if (Array.isArray(value)) return value.map(oneLineInside) as T;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [oneLine(key), oneLineInside(item)])) as T;
}

/** Nearly every event is, and asking costs a fraction of writing it anew. */
function isPlainInside(value: object): boolean {
  for (const key of Object.keys(value)) {
    const item = (value as Record<string, unknown>)[key];
    if (typeof item === "object" && item !== null) return false;
    if (typeof item === "string" && !isPlain(item)) return false;
    if (!isPlain(key)) return false;
  }
  return true;
}
