import { systemClock } from "@/lib/clock";
import { AppError } from "@/lib/errors";
import { complaint } from "@/lib/http/json-api";
import { SECRET_TYPES } from "@/lib/secret-types";
import { limitedCredentials } from "@/lib/secret-types/free-form";
import {
  asksWithLogin,
  needsBrowser,
  type OAuth2CredentialsInput,
  type OAuth2Options,
} from "@/lib/secret-types/oauth2";
import type { OAuth2Extras } from "./resource";

/** The `credentials` of a request, checked by their type. @throws AppError invalid_attribute, every complaint at once */
export function readCredentials(type: keyof typeof SECRET_TYPES, given: unknown): Record<string, unknown> {
  const limited = limitedCredentials.safeParse(given);
  if (!limited.success) throw complaint(limited.error, ["data", "attributes", "credentials"]);
  const parsed = SECRET_TYPES[type].credentials.safeParse(given);
  if (!parsed.success) throw complaint(parsed.error, ["data", "attributes", "credentials"]);
  return parsed.data as Record<string, unknown>;
}

const LOGIN = ["username", "password"] as const;

/**
 * Refuses members that a secret of this client has no use for.
 *
 * @param complete whether what it cannot do without must be there too
 * @throws AppError invalid_attribute, all complaints at once
 */
export function refuseUnfit(
  client: Pick<OAuth2Options, "grant_type" | "token_request_credentials">,
  given: OAuth2CredentialsInput,
  complete: boolean,
): void {
  const { grant_type: grantType } = client;
  const complaints: [member: string, detail: string][] = [];
  if (!needsBrowser(grantType) && given.refresh_token != null)
    complaints.push([
      "refresh_token",
      `Leave refresh_token out: with the grant type ${grantType} Latchkey asks for a new token when the old one runs out.`,
    ]);
  const login = asksWithLogin(client);
  for (const name of LOGIN)
    if (!login && given[name] !== undefined)
      complaints.push([name, `Leave ${name} out: the auth client of this secret does not ask with one.`]);
    else if (login && complete && given[name] === undefined)
      complaints.push([name, `${name} is needed: the auth client of this secret asks with it.`]);
  const [first, ...more] = complaints.map(([name, detail]) => ({
    code: "invalid_attribute" as const,
    detail,
    source: { pointer: `/data/attributes/credentials/${name}` },
  }));
  if (first) throw new AppError(first.code, first.detail, { source: first.source, more });
}

/** What an oauth2 secret keeps besides tokens; what a PATCH leaves out stays as it was. */
export function extrasOf(given: OAuth2CredentialsInput, before?: OAuth2Extras): OAuth2Extras {
  const params = given.additional_params;
  return {
    additional_params:
      params === undefined
        ? (before?.additional_params ?? {})
        : asParameters(params === null ? {} : typeof params === "string" ? JSON.parse(params) : params),
    fields: given.fields === undefined ? (before?.fields ?? {}) : (given.fields ?? {}),
    ...loginOf(given, before),
  };
}

function loginOf(given: OAuth2CredentialsInput, before?: OAuth2Extras): Pick<OAuth2Extras, "login"> {
  const username = given.username ?? before?.login?.username;
  const password = given.password ?? before?.login?.password;
  return username === undefined || password === undefined ? {} : { login: { username, password } };
}

/** Parameters of a URL are text. */
function asParameters(given: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(given)
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : String(value)]),
  );
}

/** Seconds, as `expires_in` says or, without one, `expires_at`; undefined when neither says anything usable. */
export function givenLifetime(given: OAuth2CredentialsInput): number | undefined {
  if (given.expires_in != null) return Number(given.expires_in);
  const left = given.expires_at == null ? Number.NaN : (Date.parse(given.expires_at) - systemClock.now()) / 1000;
  return left >= 1 ? Math.floor(left) : undefined;
}
