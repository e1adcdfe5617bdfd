import { z } from "zod";

/** Names of secrets and clients (API.md "Names"). Core. */

export const displayName = z
  .string("must be text")
  .transform((text) => text.trim())
  .refine((text) => text.length >= 1 && [...text].length <= 200, "must have 1 to 200 characters")
  .refine((text) => !/\p{Cc}/u.test(text), "must not contain control characters")
  .refine(
    (text) => !hasUnseen(text),
    "must not contain characters that cannot be seen or that turn the direction of writing",
  );

/**
 * Characters by which two different names look alike: controls, those that turn the direction of writing, of no width, and
 * fillers that show nothing (Unicode TR36, TR39).
 */
const UNSEEN =
  /\p{Cc}|\p{Bidi_Control}|\u034f|[\u00ad\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200d\u2028\u2029\u2060-\u206f\u3164\ufeff\uffa0]/u;

/** Whether the text has one of them. */
export function hasUnseen(text: string): boolean {
  return UNSEEN.test(text);
}

/** Two names are the same when these are. */
export function nameKey(name: string): string {
  return name.trim().normalize("NFKC").toLowerCase();
}

/** The URL-safe form: NFKD, lower case, runs outside [a-z0-9] become `-`, at most 64, never empty. */
export function urlSafe(name: string): string {
  const text = name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 64)
    .replace(/-+$/, "");
  return text || "secret";
}

/** Scopes as people paste them: split on commas and white space, each once, in order. */
export function splitScopes(text: string | null | undefined): string[] {
  return [...new Set((text ?? "").split(/[\s,]+/).filter(Boolean))];
}
