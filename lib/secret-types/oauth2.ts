import { z } from "zod";
import { requiredText, secretText } from "./free-form";
import { GRANT_TYPES, type GrantType } from "./grant-types";
import { MAX_VALUE, type SecretType, sizeOf } from "./secret-type";

/** Keys of an oauth2 auth client's `credentials`: the contract's six, and those of API.md. */

const uri = z
  .string()
  .min(1, "must be a URL")
  .max(2048)
  .refine((text) => URL.canParse(text), "must be a complete URL, such as https://provider.example.com/token");

const parameters = z
  .record(z.string().min(1).max(200), z.string().max(2000))
  .refine((value) => Object.keys(value).length <= 50, "must have 50 entries at most")
  .refine((value) => sizeOf(value) <= MAX_VALUE, "must be 64 KB at most");

/** Whether somebody has to grant access in a browser before there are tokens. */
export function needsBrowser(grantType: string): boolean {
  return grantType === "authorization_code";
}

/** Whether a secret of such a client holds a user name and password to ask with. */
export function asksWithLogin(client: { grant_type?: string; token_request_credentials?: string }): boolean {
  return (
    client.grant_type === "password" ||
    (client.grant_type === "token_request" && client.token_request_credentials === "username_password")
  );
}

/** Whether a password is used as a grant, which RFC 9700 section 2.4 says must not be done: legacy, and the operator may forbid it. */
export function isPasswordGrant(client: {
  grant_type?: string;
  token_request_credentials?: string;
  token_request_grant_type?: string;
}): boolean {
  return asksWithLogin(client) || client.token_request_grant_type?.trim() === "password";
}

/** Set by the protocol itself; extra parameters cannot replace them. */
export const RESERVED_PARAMETERS: ReadonlySet<string> = new Set([
  "response_type",
  "client_id",
  "client_secret",
  "redirect_uri",
  "state",
  "code",
  "code_verifier",
  "code_challenge",
  "code_challenge_method",
  "grant_type",
  "refresh_token",
]);

const extraParameters = parameters.refine(
  (value) => Object.keys(value).every((name) => !RESERVED_PARAMETERS.has(name)),
  "must not set a parameter of the protocol itself (client_id, redirect_uri, state, code, grant_type, refresh_token, …)",
);

const seconds = z
  .union(
    [
      z.number(),
      z
        .string()
        .regex(/^\d{1,12}$/)
        .transform(Number),
    ],
    "must be a number of seconds",
  )
  .pipe(
    z
      .number()
      .int("must be whole seconds")
      .min(1, "must be 1 second or more")
      .max(10 * 365 * 86_400, "must be ten years at most"),
  );

/** What may be changed on an existing client (CONTRACT section 2 "Update body", API.md "PATCH of a client"). */
export const oauth2ClientEditable = z.strictObject({
  client_secret: secretText.optional(),
  token_expires_in: seconds.optional(),
  token_endpoint_auth_method: z
    .enum(
      ["auto", "client_secret_basic", "client_secret_post", "none"],
      "must be auto, client_secret_basic, client_secret_post or none",
    )
    .optional(),
  pkce: z.enum(["S256", "off"], "must be S256 or off").optional(),
  scope_separator: z.string().min(1).max(3).optional(),
  authorize_params: extraParameters.optional(),
  token_params: extraParameters.optional(),
  refresh_params: extraParameters.optional(),
  resource: uri.optional(),
  /** `grant_type: token_request` only: sent as typed; not sent when absent. */
  token_request_grant_type: z
    .string()
    .min(1, "must not be empty")
    .max(200, "must have 200 characters at most")
    .optional(),
  /** As a form unless said otherwise. */
  token_request_format: z.enum(["form", "json"], "must be form or json").optional(),
});

export const oauth2Client = oauth2ClientEditable.extend({
  /** May be absent where a user name and password are asked with. */
  client_id: requiredText.max(2000).optional(),
  /** May be empty or absent for a public client (token_endpoint_auth_method none). */
  client_secret: secretText.optional(),
  auth_uri: uri.optional(),
  token_uri: uri.optional(),
  refresh_token_uri: uri.optional(),
  revocation_uri: uri.optional(),
  issuer: uri.optional(),
  grant_type: z.enum(GRANT_TYPES, `must be ${GRANT_TYPES.slice(0, -1).join(", ")} or ${GRANT_TYPES.at(-1)}`).optional(),
  redirect_uri_per: z.enum(["secret", "client"], "must be secret or client").optional(),
  /** `grant_type: token_request`, and needed there: what the request proves itself with (seed 003's two conventions). */
  token_request_credentials: z
    .enum(["username_password", "client_id_secret"], "must be username_password or client_id_secret")
    .optional(),
  provider: z.string().max(100).optional(),
});

export type OAuth2ClientInput = z.infer<typeof oauth2Client>;

/** What a stored client's `options` hold: complete, defaults filled in, discovery done; no secret among them. */
export interface OAuth2Options {
  /** Empty where the request names no client. */
  client_id: string;
  auth_uri?: string;
  token_uri: string;
  refresh_token_uri: string;
  revocation_uri?: string;
  token_expires_in: number;
  issuer?: string;
  /** From the provider's metadata: the authorization response carries `iss` (RFC 9207). */
  iss_parameter?: boolean;
  /** From the provider's metadata. */
  auth_methods_supported?: string[];
  grant_type: GrantType;
  token_endpoint_auth_method: "auto" | "client_secret_basic" | "client_secret_post" | "none";
  pkce: "S256" | "off";
  scope_separator: string;
  authorize_params?: Record<string, string>;
  token_params?: Record<string, string>;
  refresh_params?: Record<string, string>;
  resource?: string;
  redirect_uri_per: "secret" | "client";
  token_request_grant_type?: string;
  token_request_format?: "form" | "json";
  token_request_credentials?: "username_password" | "client_id_secret";
  provider?: string;
}

const jsonObjectText = z
  .string()
  .max(8192)
  .refine((text) => {
    try {
      const value: unknown = JSON.parse(text);
      return typeof value === "object" && value !== null && !Array.isArray(value);
    } catch {
      return false;
    }
  }, 'must be the JSON text of an object, such as {"prompt":"consent"}');

/** `credentials` of an oauth2 secret: only the token members, nothing else (CONTRACT section 3). */
export const oauth2Credentials = z.strictObject({
  access_token: requiredText.optional(),
  refresh_token: requiredText.nullish(),
  expires_in: seconds.nullish(),
  expires_at: z
    .string()
    .max(40)
    .refine((text) => Number.isFinite(Date.parse(text)), "must be an ISO time")
    .nullish(),
  token_type: z.string().max(100).nullish(),
  scope: z
    .union([
      z.string().max(8192),
      z
        .array(z.string().max(500))
        .max(200)
        .transform((all) => all.join(" ")),
    ])
    .nullish(),
  /** The contract sends JSON text; an object is taken too. */
  additional_params: z.union([jsonObjectText, extraParameters]).nullish(),
  undefined_params: z.record(z.string().max(200), z.unknown()).nullish(),
  fields: z.record(z.string().max(200), z.unknown()).nullish(),
  /** Where the auth client asks with a user name and password; never answered. */
  username: requiredText.max(2000).optional(),
  password: secretText.refine((text) => text !== "", "must not be empty").optional(),
});

export type OAuth2CredentialsInput = z.infer<typeof oauth2Credentials>;

export const oauth2 = {
  name: "oauth2",
  label: "OAuth2",
  summary: "A person grants access, or a client asks for itself; tokens are renewed for you.",
  needsClient: true,
  client: oauth2Client,
  credentials: oauth2Credentials,
  visible: [],
  fields: [],
  injects: ({ access_token }) => [["authorization", `Bearer ${String(access_token)}`]],
} satisfies SecretType;
