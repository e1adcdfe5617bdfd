import { z } from "zod";
import type { KeyValue } from "@/components/ui/parse-pairs";
import type { AuthClientChange } from "@/lib/sdk/auth-clients";
import type { AuthClient, AuthClientCredentials, Visibility } from "@/lib/sdk/resources";
import { GRANT_TYPES, type GrantType } from "@/lib/secret-types/grant-types";
import { displayName } from "@/lib/secret-types/names";
import { asksWithLogin, needsBrowser, RESERVED_PARAMETERS } from "@/lib/secret-types/oauth2";

export type AuthMethod = NonNullable<AuthClientCredentials["token_endpoint_auth_method"]>;

/** What the form for an OAuth2 client holds; everything as typed. */
export interface ClientForm {
  grant_type: GrantType;
  /** Of `grant_type: token_request` only, like the next two. */
  token_request_credentials: "username_password" | "client_id_secret";
  token_request_format: "form" | "json";
  token_request_grant_type: string;
  issuer: string;
  name: string;
  client_id: string;
  client_secret: string;
  auth_uri: string;
  token_uri: string;
  refresh_token_uri: string;
  revocation_uri: string;
  token_expires_in: string;
  token_endpoint_auth_method: AuthMethod;
  pkce: "S256" | "off";
  scope_separator: string;
  authorize_params: KeyValue[];
  token_params: KeyValue[];
  refresh_params: KeyValue[];
  resource: string;
  redirect_uri_per: "secret" | "client";
  visibility: Visibility;
}

export const EMPTY_CLIENT: ClientForm = {
  grant_type: "authorization_code",
  token_request_credentials: "username_password",
  token_request_format: "form",
  token_request_grant_type: "",
  issuer: "",
  name: "",
  client_id: "",
  client_secret: "",
  auth_uri: "",
  token_uri: "",
  refresh_token_uri: "",
  revocation_uri: "",
  token_expires_in: "",
  token_endpoint_auth_method: "auto",
  pkce: "S256",
  scope_separator: " ",
  authorize_params: [],
  token_params: [],
  refresh_params: [],
  resource: "",
  redirect_uri_per: "secret",
  visibility: "workspace",
};

/** Names under Advanced, so that it opens when one of them is wrong. */
export const ADVANCED = [
  "refresh_token_uri",
  "revocation_uri",
  "token_expires_in",
  "token_endpoint_auth_method",
  "pkce",
  "scope_separator",
  "authorize_params",
  "token_params",
  "refresh_params",
  "resource",
  "redirect_uri_per",
] as const satisfies readonly (keyof ClientForm)[];

const URIS = {
  issuer: "issuer URL",
  auth_uri: "authorization endpoint",
  token_uri: "token endpoint",
  refresh_token_uri: "refresh endpoint",
  revocation_uri: "revocation endpoint",
  resource: "resource",
} as const;

const pairs = z.array(z.object({ key: z.string(), value: z.string() }));

/** Why a parameter may not be set by hand; null when it may. */
export function refuseClientParameter(key: string): string | null {
  return RESERVED_PARAMETERS.has(key) ? `${key} is set by Latchkey itself.` : null;
}

/** Checks the form as the server will. `create`: endpoints, id and secret are wanted too. */
export function clientSchema(create: boolean) {
  return z
    .object({
      grant_type: z.enum(GRANT_TYPES),
      token_request_credentials: z.enum(["username_password", "client_id_secret"]),
      token_request_format: z.enum(["form", "json"]),
      token_request_grant_type: z.string(),
      issuer: z.string(),
      name: z.string(),
      client_id: z.string(),
      client_secret: z.string(),
      auth_uri: z.string(),
      token_uri: z.string(),
      refresh_token_uri: z.string(),
      revocation_uri: z.string(),
      token_expires_in: z.string(),
      token_endpoint_auth_method: z.enum(["auto", "client_secret_basic", "client_secret_post", "none"]),
      pkce: z.enum(["S256", "off"]),
      scope_separator: z.string(),
      authorize_params: pairs,
      token_params: pairs,
      refresh_params: pairs,
      resource: z.string(),
      redirect_uri_per: z.enum(["secret", "client"]),
      visibility: z.enum(["workspace", "contract", "tenant", "global"]),
    })
    .superRefine((form, context) => {
      const say = (path: keyof ClientForm, message: string) =>
        context.addIssue({ code: "custom", path: [path], message });
      if (form.name.trim() === "") say("name", "Give the client a name.");
      else {
        const name = displayName.safeParse(form.name);
        if (!name.success) say("name", `The name ${name.error.issues[0]?.message ?? "cannot be used"}.`);
      }
      for (const [key, words] of Object.entries(URIS) as [keyof typeof URIS, string][]) {
        const text = form[key].trim();
        if (text !== "" && !URL.canParse(text))
          say(key, `The ${words} must be a complete URL, such as https://provider.example.com/…`);
      }
      const life = form.token_expires_in.trim();
      if (life !== "" && !/^[1-9]\d{0,8}$/u.test(life)) say("token_expires_in", "Enter whole seconds, such as 3600.");
      if (form.scope_separator === "" || form.scope_separator.length > 3)
        say("scope_separator", "The separator has one to three characters.");
      for (const key of ["authorize_params", "token_params", "refresh_params"] as const) {
        const names = form[key].map((pair) => pair.key);
        if (names.some((name, at) => name === "" || names.indexOf(name) !== at || refuseClientParameter(name)))
          say(key, "Look at these parameters again.");
      }
      if (!create) return;
      const browser = needsBrowser(form.grant_type);
      const login = asksWithLogin(form);
      const named = form.client_id.trim() !== "";
      if (!named && !login) say("client_id", "Enter the client ID the provider gave you.");
      if (!named && login && form.client_secret !== "") say("client_id", "A client secret needs its client ID.");
      const open = (browser || login) && form.token_endpoint_auth_method === "none";
      if (form.client_secret === "" && !open && (named || !login))
        say(
          "client_secret",
          browser || login
            ? "Enter the client secret. For a public client, choose “none” as token endpoint authentication under Advanced."
            : "Enter the client secret: without a browser it is all the provider knows the client by.",
        );
      // With an issuer the server looks for what is missing; without one it has to be typed.
      if (form.issuer.trim() !== "") return;
      if (browser && form.auth_uri.trim() === "")
        say("auth_uri", "Enter the authorization endpoint, or an issuer URL above.");
      if (form.token_uri.trim() === "")
        say(
          "token_uri",
          form.grant_type === "token_request"
            ? "Enter the token endpoint."
            : "Enter the token endpoint, or an issuer URL above.",
        );
    });
}

const BROWSER_ONLY = [
  "auth_uri",
  "refresh_token_uri",
  "authorize_params",
  "refresh_params",
  "pkce",
  "redirect_uri_per",
] as const satisfies readonly (keyof ClientForm)[];

/** Whether a field is of no use where nobody goes through a browser. */
export function isBrowserOnly(key: keyof ClientForm): boolean {
  return BROWSER_ONLY.some((name) => name === key);
}

const object = (rows: readonly KeyValue[]) => Object.fromEntries(rows.map((pair) => [pair.key, pair.value]));
const rows = (given: Record<string, string> | undefined) =>
  Object.entries(given ?? {}).map(([key, value]) => ({ key, value }));

/** `credentials` of a new client: what was entered; defaults are the server's. */
export function newCredentials(form: ClientForm): AuthClientCredentials {
  const given: AuthClientCredentials = {};
  if (form.client_id.trim() !== "") given.client_id = form.client_id.trim();
  const browser = needsBrowser(form.grant_type);
  if (!browser) given.grant_type = form.grant_type;
  if (form.grant_type === "token_request") {
    given.token_request_credentials = form.token_request_credentials;
    given.token_request_format = form.token_request_format;
    if (form.token_request_grant_type !== "") given.token_request_grant_type = form.token_request_grant_type;
  }
  for (const key of ["issuer", "auth_uri", "token_uri", "refresh_token_uri", "revocation_uri", "resource"] as const)
    if (form[key].trim() !== "" && (browser || !isBrowserOnly(key))) given[key] = form[key].trim();
  if (form.client_secret !== "") given.client_secret = form.client_secret;
  if (form.token_expires_in.trim() !== "") given.token_expires_in = Number(form.token_expires_in);
  if (
    form.token_endpoint_auth_method !== "auto" &&
    (browser || asksWithLogin(form) || form.token_endpoint_auth_method !== "none")
  )
    given.token_endpoint_auth_method = form.token_endpoint_auth_method;
  if (browser && form.pkce !== "S256") given.pkce = form.pkce;
  if (form.scope_separator !== " ") given.scope_separator = form.scope_separator;
  for (const key of ["authorize_params", "token_params", "refresh_params"] as const)
    if (form[key].length > 0 && (browser || !isBrowserOnly(key))) given[key] = object(form[key]);
  if (browser && form.redirect_uri_per !== "secret") given.redirect_uri_per = form.redirect_uri_per;
  return given;
}

/** The form of an existing client. Its secret never comes here. */
export function formOf(client: AuthClient): ClientForm {
  const given = client.attributes.credentials ?? {};
  return {
    ...EMPTY_CLIENT,
    grant_type: given.grant_type ?? "authorization_code",
    token_request_credentials: given.token_request_credentials ?? "username_password",
    token_request_format: given.token_request_format ?? "form",
    token_request_grant_type: given.token_request_grant_type ?? "",
    name: client.attributes.name,
    issuer: given.issuer ?? "",
    client_id: given.client_id ?? "",
    auth_uri: given.auth_uri ?? "",
    token_uri: given.token_uri ?? "",
    refresh_token_uri: given.refresh_token_uri ?? "",
    revocation_uri: given.revocation_uri ?? "",
    token_expires_in: given.token_expires_in === undefined ? "" : String(given.token_expires_in),
    token_endpoint_auth_method: given.token_endpoint_auth_method ?? "auto",
    pkce: given.pkce ?? "S256",
    scope_separator: given.scope_separator ?? " ",
    authorize_params: rows(given.authorize_params),
    token_params: rows(given.token_params),
    refresh_params: rows(given.refresh_params),
    resource: given.resource ?? "",
    redirect_uri_per: given.redirect_uri_per ?? "secret",
  };
}

/** What a PATCH must carry: only what differs; what was emptied goes back to its default. */
export function changesOf(before: ClientForm, after: ClientForm): AuthClientChange {
  const credentials: NonNullable<AuthClientChange["credentials"]> = {};
  if (after.client_secret !== "") credentials.client_secret = after.client_secret;
  if (after.token_expires_in.trim() !== before.token_expires_in)
    credentials.token_expires_in = after.token_expires_in.trim() === "" ? null : Number(after.token_expires_in);
  if (after.token_endpoint_auth_method !== before.token_endpoint_auth_method)
    credentials.token_endpoint_auth_method = after.token_endpoint_auth_method;
  if (after.token_request_format !== before.token_request_format)
    credentials.token_request_format = after.token_request_format;
  if (after.token_request_grant_type !== before.token_request_grant_type)
    credentials.token_request_grant_type = after.token_request_grant_type || null;
  if (after.pkce !== before.pkce) credentials.pkce = after.pkce;
  if (after.scope_separator !== before.scope_separator) credentials.scope_separator = after.scope_separator;
  for (const key of ["authorize_params", "token_params", "refresh_params"] as const)
    if (JSON.stringify(after[key]) !== JSON.stringify(before[key]))
      credentials[key] = after[key].length === 0 ? null : object(after[key]);
  if (after.resource.trim() !== before.resource)
    credentials.resource = after.resource.trim() === "" ? null : after.resource.trim();
  return {
    ...(after.name.trim() === before.name ? {} : { name: after.name.trim() }),
    ...(Object.keys(credentials).length > 0 ? { credentials } : {}),
  };
}

const AT = "/data/attributes/credentials";

/** Where the server's complaints belong. */
export const CLIENT_POINTERS: Record<string, keyof ClientForm> = {
  "/data/attributes/name": "name",
  "/data/relationships/workspace": "visibility",
  "/data/relationships/contract": "visibility",
  "/data/relationships/tenant": "visibility",
  ...Object.fromEntries(
    (
      [
        "grant_type",
        "token_request_credentials",
        "token_request_format",
        "token_request_grant_type",
        "issuer",
        "client_id",
        "client_secret",
        "auth_uri",
        "token_uri",
        ...ADVANCED,
      ] as const
    ).map((key) => [`${AT}/${key}`, key]),
  ),
};

/** What lies under Advanced, in a few words. */
export function advancedSummary(
  form: Pick<ClientForm, (typeof ADVANCED)[number] | "token_uri" | "grant_type">,
): string {
  const refresh = form.refresh_token_uri.trim();
  const browser = needsBrowser(form.grant_type);
  return [
    !browser
      ? "Asked anew at the token endpoint"
      : refresh === "" || refresh === form.token_uri.trim()
        ? "Refresh at the token endpoint"
        : "Refresh at its own endpoint",
    form.token_expires_in.trim() === "" ? "lifetime from the provider" : `lifetime ${form.token_expires_in.trim()} s`,
    ...(browser ? [form.pkce === "S256" ? "PKCE S256" : "no PKCE"] : []),
  ].join(" · ");
}
