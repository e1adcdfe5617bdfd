import { AppError } from "@/lib/errors";
import { scopesOf, type VerifiedJwt } from "./jwt";

/** What the guard answers a proxy: who it is, in headers for the program behind it, or why not (RFC 6750 section 3, RFC 7617). */

/** Whoever passed. */
export interface Identity {
  secretId: string;
  /** Of a token its `sub`, of a password its user name, of a key the secret's name; null: a token says nobody. */
  subject: string | null;
  /** Of a token. */
  scopes: readonly string[];
}

const MOST_SUBJECT = 500;
const MOST_SCOPES = 2_000;

/** All three are always there, empty where there is nothing to say: of what is left out, some proxies pass on what the caller said of itself. */
const told = (secretId: string, subject: string, scopes: string) => ({
  "x-latchkey-secret": secretId,
  "x-latchkey-subject": subject,
  "x-latchkey-scopes": scopes,
});

/** Open access: whoever it is. */
export const NOBODY_TOLD: Record<string, string> = told("", "", "");

/** Null for a subject that is too long: cut, it might be somebody else's. */
export function identityHeaders({ secretId, subject, scopes }: Identity): Record<string, string> | null {
  const who = headerText(subject ?? "");
  return who.length > MOST_SUBJECT ? null : told(secretId, who, someScopes(scopes));
}

/** Printable ASCII as it is, everything else and the percent sign percent-encoded: no text can end a header or begin another. */
export function headerText(text: string): string {
  return text.toWellFormed().replace(/[^\x21-\x24\x26-\x7e ]|^ | $/gu, encodeURIComponent);
}

/** Left out is what is no scope, and what would make the header too long for proxies: fewer scopes open less. */
function someScopes(scopes: readonly string[]): string {
  let words = "";
  for (const scope of scopes) {
    const next = words === "" ? scope : `${words} ${scope}`;
    if (next.length > MOST_SCOPES) break;
    words = next;
  }
  return words;
}

/** The token's scopes that are ones by RFC 6749 section 3.3, each once. */
export function goodScopes(claims: VerifiedJwt["claims"]): string[] {
  const words = scopesOf(claims).filter(
    (word): word is string => typeof word === "string" && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(word),
  );
  return [...new Set(words)];
}

export type Scheme = "Bearer" | "Basic" | "ApiKey";

/** Why a caller does not pass, for the caller. */
export interface Refusal {
  error?: "invalid_request" | "invalid_token" | "insufficient_scope" | "nobody";
  detail: string;
  /** All that are asked for, of a token without one of them. */
  scope?: readonly string[];
}

/**
 * 401; 403 of a good token without a scope, and where no credentials would do.
 *
 * @param schemes what the endpoint takes
 */
export function refusal(endpointId: string, schemes: readonly Scheme[], { error, detail, scope }: Refusal): AppError {
  if (error === "nobody") return new AppError("forbidden", detail);
  const realm = `realm="${endpointId}"`;
  const challenges = schemes.map((scheme) => {
    if (scheme === "Basic") return `Basic ${realm}, charset="UTF-8"`;
    if (scheme !== "Bearer" || error === undefined) return `${scheme} ${realm}`;
    const why = `error="${error}", error_description="${detail.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "?")}"`;
    return `Bearer ${realm}, ${why}${scope ? `, scope="${scope.join(" ")}"` : ""}`;
  });
  return new AppError(error === "insufficient_scope" ? "forbidden" : "unauthenticated", detail, {
    headers: { "www-authenticate": challenges.join(", ") },
  });
}
