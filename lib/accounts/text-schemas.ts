import { z } from "zod";
import { isPermission, type Permission } from "@/lib/access/permissions";
import { MAX_ADDRESSES, readAllowedAddress } from "@/lib/accounts/allowed-addresses";
import { MAX_PASSWORD_CHARS } from "@/lib/accounts/prove-password";

import { hasUnseen } from "@/lib/secret-types/names";

const MIN_PASSWORD_CHARS = 12;
const MAX_WORKSPACES = 100;
const UNSEEN = "must not contain characters that cannot be seen or that turn the direction of writing";

/** A name of ours on the wire: trimmed, 1 to 200 characters. */
export const nameText = z
  .string("must be text")
  .transform((text) => text.trim())
  .refine((text) => text.length > 0, "must not be empty")
  .refine((text) => text.length <= 200, "must have 200 characters or fewer")
  .refine((text) => !hasUnseen(text), UNSEEN);

/** A person's first or last name: as `nameText`, or empty. */
export const personNameText = z
  .string("must be text")
  .transform((text) => text.trim())
  .refine((text) => text.length <= 100, "must have 100 characters or fewer")
  .refine((text) => !hasUnseen(text), UNSEEN);

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

/** A list that narrows a key: null or absent is no limit, so an empty one is a mistake and not "nothing". */
function limitList<Item>(item: z.ZodType<Item>, max: number) {
  return z
    .array(item, "must be a list, or null for no limit")
    .min(1, "must name at least one; leave it out for no limit")
    .max(max, `must name ${max} at most`)
    .transform((list) => [...new Set(list)])
    .nullish();
}

/** `permissions` of a key. */
export const permissionsLimit = limitList(
  z.string("must be text").transform((text, context): Permission => {
    if (isPermission(text)) return text;
    context.issues.push({ code: "custom", message: "is no permission; GET /v2/permissions lists them", input: text });
    return z.NEVER;
  }),
  200,
);

/** `workspaces` of a key. */
export const workspacesLimit = limitList(z.string("must be text").max(64, "is no id of a workspace"), MAX_WORKSPACES);

/** `allowed_addresses` of a key or task identity, each in one spelling. */
export const addressesLimit = limitList(
  z.string("must be text").transform((text, context) => {
    const read = readAllowedAddress(text);
    if ("entry" in read) return read.entry;
    context.issues.push({ code: "custom", message: `must ${read.complaint}`, input: text });
    return z.NEVER;
  }),
  MAX_ADDRESSES,
);
