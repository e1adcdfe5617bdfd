import { z } from "zod";
import { emailText, nameText, newPasswordText, personNameText } from "@/lib/accounts/text-schemas";

/** The set-up page's calls: plain JSON, no JSON:API. */

const code = z.string("must be text").max(200, "is too long");

export const checkBody = z.strictObject({ code });

export const redeemBody = z
  .strictObject({
    code,
    email: emailText.optional(),
    password: newPasswordText,
    first_name: personNameText.default(""),
    last_name: personNameText.default(""),
    tenant: z.preprocess((value) => (value === "" || value === null ? undefined : value), nameText.optional()),
  })
  .transform(({ first_name, last_name, ...rest }) => ({ ...rest, firstName: first_name, lastName: last_name }));
