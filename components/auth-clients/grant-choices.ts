import type { Choice } from "@/components/ui/choice-cards";
import type { AuthClient } from "@/lib/sdk/resources";
import type { ClientForm } from "./client-form";

/** How the tokens of a client's secrets come about, as a person chooses it; the last three with the names of their conventions. */
export type Preset =
  | "authorization_code"
  | "client_credentials"
  | "username_password"
  | "client_id_secret"
  | "password";

type Filled = Pick<
  ClientForm,
  "grant_type" | "token_request_credentials" | "token_request_format" | "token_request_grant_type"
>;

const NO_REQUEST = {
  token_request_credentials: "username_password",
  token_request_format: "form",
  token_request_grant_type: "",
} as const;

/** What choosing one fills in. */
export const PRESETS: Record<Preset, Filled> = {
  authorization_code: { grant_type: "authorization_code", ...NO_REQUEST },
  client_credentials: { grant_type: "client_credentials", ...NO_REQUEST },
  username_password: {
    grant_type: "token_request",
    token_request_credentials: "username_password",
    token_request_format: "json",
    token_request_grant_type: "password",
  },
  // Microsoft's endpoint takes a form only.
  client_id_secret: {
    grant_type: "token_request",
    token_request_credentials: "client_id_secret",
    token_request_format: "form",
    token_request_grant_type: "client_credentials",
  },
  password: { grant_type: "password", ...NO_REQUEST },
};

export const PRESET_CHOICES: (Choice<Preset> & { title: string })[] = [
  { value: "authorization_code", title: "A person grants access", text: "Somebody signs in at the provider once." },
  { value: "client_credentials", title: "The client asks for itself", text: "Client credentials. Nobody signs in." },
  {
    value: "username_password",
    title: "General – username and password",
    text: "A token request with a user name and password.",
  },
  {
    value: "client_id_secret",
    title: "Microsoft Graph REST API",
    text: "A token request of the application itself.",
  },
  { value: "password", title: "Password grant (legacy)", text: "As RFC 6749 had it. Only where nothing else works." },
];

export function presetOf(form: { grant_type: Filled["grant_type"]; token_request_credentials?: string }): Preset {
  if (form.grant_type !== "token_request") return form.grant_type;
  return form.token_request_credentials === "client_id_secret" ? "client_id_secret" : "username_password";
}

/** The same in words for an existing client; without its details, a token request is just that. */
export function grantWords({ grant_type, credentials }: AuthClient["attributes"]): string | null {
  if (!grant_type) return null;
  if (grant_type === "token_request" && !credentials) return "A token request";
  const preset = presetOf({ grant_type, token_request_credentials: credentials?.token_request_credentials });
  return PRESET_CHOICES.find((choice) => choice.value === preset)?.title ?? grant_type;
}
