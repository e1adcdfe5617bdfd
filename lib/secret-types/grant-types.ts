/** How tokens come about. The first needs a person in a browser; with the others Latchkey asks by itself, again whenever a token runs out. */
export const GRANT_TYPES = ["authorization_code", "client_credentials", "password", "token_request"] as const;

export type GrantType = (typeof GRANT_TYPES)[number];
