/** The shortest password the server takes, in characters. */
export const MIN_PASSWORD = 12;
/** The longest, in characters. */
export const MAX_PASSWORD = 200;

export interface Strength {
  /** 0 (empty) to 4. */
  level: 0 | 1 | 2 | 3 | 4;
  words: string;
}

/**
 * A hint, not a rule: length first, then variety. `known` are texts that make a password guessable, such as the name and e-mail address.
 */
export function strengthOf(password: string, known: string[] = []): Strength {
  const length = [...password].length;
  if (length === 0)
    return { level: 0, words: `At least ${MIN_PASSWORD} characters. Several words in a row are easy to remember.` };
  if (length < MIN_PASSWORD)
    return {
      level: 1,
      words: `${MIN_PASSWORD - length} more character${MIN_PASSWORD - length === 1 ? "" : "s"} needed.`,
    };
  const lower = password.toLowerCase();
  const parts = known.flatMap((text) => text.toLowerCase().split(/[^\p{L}\p{N}]+/u)).filter((part) => part.length >= 4);
  if (parts.some((part) => lower.includes(part)))
    return { level: 2, words: "Long enough, but it contains your name or address." };
  const distinct = new Set(lower).size;
  if (distinct < 6 || /^(.{1,4})\1+$/u.test(lower) || /^(?:0123456789|abcdefghij|qwertyuiop|password)/u.test(lower))
    return { level: 2, words: "Long enough, but easy to guess: it repeats or follows a pattern." };
  const kinds = [/\p{Ll}/u, /\p{Lu}/u, /\p{N}/u, /[^\p{L}\p{N}]/u].filter((kind) => kind.test(password)).length;
  if (length >= 18 || (length >= 14 && kinds >= 3)) return { level: 4, words: "Strong." };
  return { level: 3, words: "Good. A few characters more make it strong." };
}
