import { z } from "zod";

/** Names of secrets and clients (API.md "Names"). Core. */

export const displayName = z
  .string("must be text")
  .transform((text) => text.trim())
  .refine((text) => text.length >= 1 && [...text].length <= 200, "must have 1 to 200 characters")
  .refine((text) => !/\p{Cc}/u.test(text), "must not contain control characters");

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
