import { z } from "zod";
import { MAX_PASSWORD_CHARS } from "@/lib/accounts/prove-password";

const MIN_PASSWORD_CHARS = 12;

/** A name of ours on the wire: trimmed, 1 to 200 characters. */
export const nameText = z
  .string("must be text")
  .transform((text) => text.trim())
  .refine((text) => text.length > 0, "must not be empty")
  .refine((text) => text.length <= 200, "must have 200 characters or fewer");

/** A person's first or last name: as `nameText`, or empty. */
export const personNameText = z
  .string("must be text")
  .transform((text) => text.trim())
  .refine((text) => text.length <= 100, "must have 100 characters or fewer");

/** A new password. Length is what counts; nothing else is asked of it. */
export const newPasswordText = z
  .string("must be text")
  .min(MIN_PASSWORD_CHARS, `must have ${MIN_PASSWORD_CHARS} characters or more`)
  .max(MAX_PASSWORD_CHARS, `must have ${MAX_PASSWORD_CHARS} characters or fewer`);

export const emailText = z
  .string("must be text")
  .max(254, "must have 254 characters or fewer")
  .transform((text) => text.trim())
  .pipe(z.email("must be an e-mail address"));

/** An ISO time in the future, at most `maxDays` from now. */
export function expiryText(maxDays: number) {
  return z
    .string("must be an ISO time, such as 2030-01-31T00:00:00Z")
    .pipe(z.iso.datetime({ offset: true, error: "must be an ISO time, such as 2030-01-31T00:00:00Z" }))
    .transform((text) => new Date(text))
    .refine((at) => at.getTime() > Date.now(), "must be in the future")
    .refine((at) => at.getTime() <= Date.now() + maxDays * 86_400_000, `must be at most ${maxDays} days from now`);
}
