import { z } from "zod";
import { MAX_CREDENTIALS, MAX_VALUE, sizeOf } from "./secret-type";

/**
 * Types other than oauth2 are free-form on the wire (CONTRACT section 3): known members are checked, others are kept. The
 * mask of our own screens is refused as a value, so that nobody saves eight bullets over a password (VAL-3).
 */
export const secretText = z
  .string()
  .refine((text) => sizeOf(text) <= MAX_VALUE, "must be 64 KB at most")
  .refine(
    (text) => !/^[•*●]{4,}$/u.test(text),
    "is the mask that stands for a stored value; send the value itself, or leave the member out",
  );

export const requiredText = secretText.min(1, "must not be empty");

export const freeForm = z
  .record(z.string().max(200), z.unknown())
  .refine((value) => sizeOf(value) <= MAX_VALUE, "must be 64 KB at most");

/**
 * What holds for the credentials of a secret of any type, members included that its type does not know (DO-1): each at most
 * 64 KB, all together 256 KB.
 */
export const limitedCredentials = z.unknown().superRefine((given, context) => {
  if (typeof given !== "object" || given === null) return;
  let total = 0;
  for (const [name, value] of Object.entries(given)) {
    const size = sizeOf(value);
    total += name.length + size;
    if (size > MAX_VALUE) context.addIssue({ code: "custom", path: [name], message: "must be 64 KB at most" });
  }
  if (total > MAX_CREDENTIALS)
    context.addIssue({ code: "custom", path: [], message: "must be 256 KB at most, all members together" });
});
