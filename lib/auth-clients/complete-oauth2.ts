import { settings } from "@/lib/config";
import { Sensitive } from "@/lib/crypto/sensitive";
import { checkLiteral } from "@/lib/egress/safe-fetch";
import { AppError, type ErrorItem } from "@/lib/errors";
import { discover, type ProviderMetadata } from "@/lib/oauth/discovery";
import { PASSWORD_GRANT_FORBIDDEN } from "@/lib/oauth/grants/forbidden";
import { errorFields, log } from "@/lib/observability/log";
import type { GrantType } from "@/lib/secret-types/grant-types";
import {
  asksWithLogin,
  isPasswordGrant,
  needsBrowser,
  type OAuth2ClientInput,
  type OAuth2Options,
} from "@/lib/secret-types/oauth2";

/** Where the keys of `credentials` are in a request. */
export const AT_CREDENTIALS = "/data/attributes/credentials";

const DEFAULT_TOKEN_LIFE_S = 3600;
/** A look at the issuer that is only for good measure does not keep a person waiting for long. */
const BRIEF_LOOK_MS = 3000;

const ADDRESSES = ["issuer", "auth_uri", "token_uri", "refresh_token_uri", "revocation_uri"] as const;

export interface CompleteOAuth2 {
  options: OAuth2Options;
  clientSecret: Sensitive<string> | undefined;
}

/**
 * Turns what was typed into a complete client: endpoints judged, missing ones filled from the issuer, defaults set. What is
 * found is pinned here and never looked up again (OA-15).
 *
 * @param holder who asks the issuer
 * @throws AppError invalid_attribute, all complaints at once
 */
export async function completeOAuth2(given: OAuth2ClientInput, holder: string): Promise<CompleteOAuth2> {
  const grantType = given.grant_type ?? "authorization_code";
  const browser = needsBrowser(grantType);
  const complaints = [...judgeAddresses(given), ...judgeKeys(given), ...judgeUnused(grantType, given)];
  throwAll(complaints);
  const missing = !given.token_uri || (browser && !given.auth_uri);
  const metadata = given.issuer ? await look(given.issuer, missing, holder) : null;

  const authUri = browser ? (given.auth_uri ?? metadata?.authUri ?? undefined) : undefined;
  const tokenUri = given.token_uri ?? metadata?.tokenUri ?? undefined;
  const absent: ErrorItem[] = [];
  const ask = given.issuer ? "the issuer does not publish it; enter it" : "is needed, or an issuer that publishes it";
  if (browser && !authUri) absent.push(complaint("auth_uri", `auth_uri: ${ask}.`));
  if (!tokenUri) absent.push(complaint("token_uri", `token_uri: ${ask}.`));
  throwAll(absent);

  return {
    clientSecret: given.client_secret ? new Sensitive(given.client_secret) : undefined,
    options: {
      client_id: given.client_id ?? "",
      ...(authUri ? { auth_uri: authUri } : {}),
      token_uri: tokenUri as string,
      refresh_token_uri: given.refresh_token_uri ?? (tokenUri as string),
      ...optional("revocation_uri", given.revocation_uri ?? metadata?.revocationUri ?? undefined),
      token_expires_in: given.token_expires_in ?? DEFAULT_TOKEN_LIFE_S,
      ...optional("issuer", given.issuer),
      ...(metadata ? { iss_parameter: metadata.issParameter } : {}),
      ...optional("auth_methods_supported", metadata?.tokenEndpointAuthMethods ?? undefined),
      grant_type: grantType,
      token_endpoint_auth_method: given.token_endpoint_auth_method ?? "auto",
      pkce: given.pkce ?? "S256",
      scope_separator: given.scope_separator ?? " ",
      ...optional("authorize_params", given.authorize_params),
      ...optional("token_params", given.token_params),
      ...optional("refresh_params", given.refresh_params),
      ...optional("resource", given.resource),
      redirect_uri_per: given.redirect_uri_per ?? "secret",
      ...optional("token_request_grant_type", given.token_request_grant_type),
      ...optional("token_request_format", given.token_request_format),
      ...optional("token_request_credentials", given.token_request_credentials),
      ...optional("provider", given.provider),
    },
  };
}

/** Defaults of the keys that PATCH may set back with null. */
export const EDITABLE_DEFAULTS = {
  token_expires_in: DEFAULT_TOKEN_LIFE_S,
  token_endpoint_auth_method: "auto",
  pkce: "S256",
  scope_separator: " ",
} as const satisfies Partial<OAuth2Options>;

function judgeAddresses(given: OAuth2ClientInput): ErrorItem[] {
  return ADDRESSES.flatMap((name) => {
    const address = given[name];
    if (address === undefined) return [];
    const wrong = checkLiteral(address) ?? (address.includes("#") ? "must not contain # (RFC 6749)" : null);
    return wrong ? [complaint(name, `${name} ${wrong}.`)] : [];
  });
}

function judgeKeys(given: OAuth2ClientInput): ErrorItem[] {
  const wrong: ErrorItem[] = [];
  if (given.grant_type === "token_request" && given.token_request_credentials === undefined)
    wrong.push(
      complaint(
        "token_request_credentials",
        "token_request_credentials is needed: username_password or client_id_secret.",
      ),
    );
  if (given.client_id === undefined && asksWithLogin(given)) return [...wrong, ...judgeNoClient(given)];
  if (given.client_id === undefined) wrong.push(complaint("client_id", "client_id is needed."));
  if (!given.client_secret && given.token_endpoint_auth_method !== "none")
    wrong.push(
      complaint(
        "client_secret",
        "client_secret is needed, unless the client is public: then set token_endpoint_auth_method to none.",
      ),
    );
  return wrong;
}

/** A request that names no client proves none. */
function judgeNoClient(given: OAuth2ClientInput): ErrorItem[] {
  const needsId = (name: string) => complaint("client_id", `client_id is needed with ${name}.`);
  if (given.client_secret) return [needsId("client_secret")];
  const method = given.token_endpoint_auth_method ?? "auto";
  return method === "auto" || method === "none" ? [] : [needsId(`token_endpoint_auth_method ${method}`)];
}

/** Of no use without a browser; refused rather than kept, so that nobody counts on them. */
const BROWSER_ONLY = ["auth_uri", "refresh_token_uri", "authorize_params", "refresh_params"] as const;

/** Of no use with any other grant type than token_request. */
const TOKEN_REQUEST_ONLY = ["token_request_grant_type", "token_request_format", "token_request_credentials"] as const;

type Judged =
  | (typeof BROWSER_ONLY)[number]
  | (typeof TOKEN_REQUEST_ONLY)[number]
  | "redirect_uri_per"
  | "token_endpoint_auth_method";
type Given = { [Name in Judged]?: unknown };

/**
 * Refuses what an existing client of this grant cannot be given.
 *
 * @throws AppError invalid_attribute, all complaints at once
 */
export function refuseUnused(options: OAuth2Options, given: Given): void {
  const { grant_type, token_request_credentials } = options;
  throwAll(judgeUnused(grant_type, { token_request_credentials, ...given }));
}

/** The members that say how a token request asks. */
function texts(given: Given): { token_request_credentials?: string; token_request_grant_type?: string } {
  const { token_request_credentials, token_request_grant_type } = given;
  return {
    ...(typeof token_request_credentials === "string" ? { token_request_credentials } : {}),
    ...(typeof token_request_grant_type === "string" ? { token_request_grant_type } : {}),
  };
}

const passwordMember = (given: Given) =>
  given.token_request_credentials === "username_password" ? "token_request_credentials" : "token_request_grant_type";

/** What a client of this grant cannot have. */
function judgeUnused(grantType: GrantType, given: Given): ErrorItem[] {
  const browser = needsBrowser(grantType);
  const useless = [...(browser ? [] : BROWSER_ONLY), ...(grantType === "token_request" ? [] : TOKEN_REQUEST_ONLY)];
  const unused = useless
    .filter((name) => given[name] != null)
    .map((name) => complaint(name, `${name} is not used with the grant type ${grantType}. Leave it out.`));
  if (settings().passwordGrant === "forbid" && isPasswordGrant({ grant_type: grantType, ...texts(given) }))
    unused.push(complaint(grantType === "password" ? "grant_type" : passwordMember(given), PASSWORD_GRANT_FORBIDDEN));
  if (browser) return unused;
  if (given.redirect_uri_per === "client")
    unused.push(
      complaint("redirect_uri_per", `With the grant type ${grantType} there is no redirect URI. Leave it out.`),
    );
  if (given.token_endpoint_auth_method === "none" && !asksWithLogin({ grant_type: grantType, ...texts(given) }))
    unused.push(
      complaint(
        "token_endpoint_auth_method",
        "The client has nothing but its secret to prove itself with. Choose another method than none.",
      ),
    );
  return unused;
}

/** With nothing missing the issuer is asked all the same, for what hardens the flow, but may be silent. */
async function look(issuer: string, missing: boolean, holder: string): Promise<ProviderMetadata | null> {
  const pointer = `${AT_CREDENTIALS}/issuer`;
  if (missing) return discover(issuer, { pointer, holder });
  try {
    return await discover(issuer, { pointer, holder, timeoutMs: BRIEF_LOOK_MS });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    log.info("issuer-without-metadata", errorFields(error));
    return null;
  }
}

function optional<K extends keyof OAuth2Options>(name: K, value: OAuth2Options[K]): Partial<OAuth2Options> {
  return value === undefined ? {} : ({ [name]: value } as Partial<OAuth2Options>);
}

function complaint(name: string, detail: string): ErrorItem {
  return { code: "invalid_attribute", detail, source: { pointer: `${AT_CREDENTIALS}/${name}` } };
}

function throwAll(complaints: ErrorItem[]): void {
  const [first, ...more] = complaints;
  if (first) throw new AppError(first.code, first.detail, { source: first.source, more });
}
