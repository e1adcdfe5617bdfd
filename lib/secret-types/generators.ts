/** Random values offered beside a field; they work in a browser and in Node. Core. */

/** The letters of base64url, 64 of them: they need no quoting in a URL, a header or a shell. */
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Evenly drawn: six bits of a random byte choose one of 64 letters. */
function letters(count: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(count)), (byte) => LETTERS[byte & 63]).join("");
}

export const GENERATORS = {
  /** 24 letters: 144 bits. */
  password: { label: "Generate", make: () => letters(24) },
  /** 64 letters: 48 random bytes when decoded as base64url, 64 when taken as they stand. SECURITY JW-4 asks for 32. */
  hs256: { label: "Generate", make: () => letters(64) },
} as const satisfies Record<string, { label: string; make(): string }>;

export type GeneratorName = keyof typeof GENERATORS;
