import { z } from "zod";
import type { CredentialField } from "./secret-type";

/** Settings of the two types that sign tokens: what goes into a token, and what one that is verified must say. Core. */

const claim = z.string("must be text").min(1, "must not be empty").max(500, "must have 500 characters at most");

/** A token that is signed here lives this long unless its secret or the request says otherwise. */
export const DEFAULT_LIFETIME_S = 300;
/** A signed token cannot be taken back, so it lives a year at most. */
export const MAX_LIFETIME_S = 365 * 86_400;

/** Seconds from now until `exp`. */
export const lifetime = z
  .number("must be a number of seconds")
  .int("must be whole seconds")
  .min(1, "must be 1 second or more")
  .max(MAX_LIFETIME_S, "must be a year at most");

export const jwtClaims = {
  issuer: claim.optional(),
  audience: claim.optional(),
  subject: claim.optional(),
  lifetime: lifetime.optional(),
};

/** The members that no secret value is in. */
export const CLAIM_MEMBERS = ["issuer", "audience", "subject", "lifetime"] as const;

export const claimFields: readonly CredentialField[] = [
  {
    name: "issuer",
    label: "Issuer",
    kind: "text",
    placeholder: "https://latchkey.example.com",
    help: "Put into signed tokens as iss, and asked of tokens that are verified.",
    required: false,
  },
  { name: "audience", label: "Audience", kind: "text", help: "The same for aud.", required: false },
  { name: "subject", label: "Subject", kind: "text", help: "The same for sub.", required: false },
  {
    name: "lifetime",
    label: "Lifetime of signed tokens",
    kind: "number",
    unit: "seconds",
    placeholder: String(DEFAULT_LIFETIME_S),
    required: false,
  },
];
