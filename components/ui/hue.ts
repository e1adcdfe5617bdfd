/** How many hues a tile can have; each has a rule in globals.css (`[data-hue]`), so no inline style is needed. */
const HUES = 12;

/** A steady hue number (0-11) for a text such as a client's host, so the same provider always looks the same. */
export function hueOf(text: string): number {
  let hash = 2166136261;
  for (const character of text.toLowerCase()) {
    hash ^= character.codePointAt(0) ?? 0;
    hash = Math.imul(hash, 16777619);
  }
  return (hash >>> 0) % HUES;
}
