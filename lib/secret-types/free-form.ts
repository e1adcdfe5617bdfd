import { z } from "zod";
import { MAX_VALUE } from "./secret-type";

/**
 * Types other than oauth2 are free-form on the wire (CONTRACT section 3): known members are checked, others are kept. The
 * mask of our own screens is refused as a value, so that nobody saves eight bullets over a password (VAL-3).
 */
export const secretText = z
  .string()
  .max(MAX_VALUE, "must be 64 KB at most")
  .refine(
    (text) => !/^[•*●]{4,}$/u.test(text),
    "is the mask that stands for a stored value; send the value itself, or leave the member out",
  );

export const requiredText = secretText.min(1, "must not be empty");

export const freeForm = z
  .record(z.string().max(200), z.unknown())
  .refine((value) => JSON.stringify(value).length <= MAX_VALUE, "must be 64 KB at most");
