import { z } from "zod";
import { Sensitive } from "@/lib/crypto/sensitive";

/**
 * Any provider's token answer as one validated shape. Read by ourselves before any library judges it, because a rotated
 * refresh token inside an answer that some rule dislikes must still be kept (REFRESH I2, STACK). What is secret in it is wrapped from here on (LG-1).
 */
export interface TokenSet {
  accessToken: Sensitive<string>;
  refreshToken: Sensitive<string> | null;
  tokenType: string;
  /** Seconds from the moment of asking; null when the provider did not say anything usable. */
  expiresIn: number | null;
  /** As the provider returned it; null when it did not say. */
  scope: string | null;
  /** Every member that RFC 6749 does not name: `instance_url` and the like, which some steps read (CONTRACT section 3). Wrapped, because
   * `id_token` is one of them. */
  extra: Sensitive<Record<string, unknown>>;
}

/** What is sealed in token_state and the ledger, as it travels between the envelope and a door. `sealJson` unwraps it. */
export interface StoredTokens {
  access_token: Sensitive<string>;
  refresh_token: Sensitive<string> | null;
  token_type: string;
  expires_in: number | null;
  scope: string | null;
  undefined_params: Sensitive<Record<string, unknown>>;
}

/** `StoredTokens` as they lie in the envelope: the clear values are in nobody's hands but `readStored`'s. */
export type SealedTokens = {
  [Name in keyof StoredTokens]: StoredTokens[Name] extends Sensitive<infer Clear> | null
    ? Clear | Extract<StoredTokens[Name], null>
    : StoredTokens[Name];
};

/** What an envelope of tokens held, each secret in a wrapper of its own. */
export function readStored(opened: Sensitive<SealedTokens>): StoredTokens {
  return opened.use((clear) => ({
    access_token: new Sensitive(clear.access_token),
    refresh_token: clear.refresh_token === null ? null : new Sensitive(clear.refresh_token),
    token_type: clear.token_type,
    expires_in: clear.expires_in,
    scope: clear.scope,
    undefined_params: new Sensitive(clear.undefined_params),
  }));
}

/** Members nested deeper are left out: they could be read but, depending on the stack, not written again. */
const MAX_DEPTH = 32;

/** Longer than any provider means: ten years. */
const MAX_LIFETIME_S = 10 * 365 * 86_400;

const STANDARD = new Set(["access_token", "refresh_token", "token_type", "expires_in", "scope"]);

const token = z
  .string()
  .min(1)
  .max(64 * 1024);

/**
 * A lifetime as providers send it: a number or digits in a string. Zero, negative or unreadable counts as not said; what is
 * absurd is cut to ten years.
 */
export function readLifetime(value: unknown): number | null {
  const seconds = typeof value === "string" && /^\s*\d{1,15}(\.\d+)?\s*$/.test(value) ? Number(value) : value;
  if (typeof seconds !== "number" || !Number.isFinite(seconds) || seconds < 1) return null;
  return Math.min(Math.floor(seconds), MAX_LIFETIME_S);
}

/** The token set in a parsed answer, or null when it holds no usable access token. */
export function readTokenSet(answer: unknown): TokenSet | null {
  if (typeof answer !== "object" || answer === null || Array.isArray(answer)) return null;
  const members = answer as Record<string, unknown>;
  const access = token.safeParse(members.access_token);
  if (!access.success) return null;
  const refresh = token.safeParse(members.refresh_token);
  const scope = Array.isArray(members.scope)
    ? members.scope.filter((part) => typeof part === "string").join(" ")
    : members.scope;
  return {
    accessToken: new Sensitive(access.data),
    refreshToken: refresh.success ? new Sensitive(refresh.data) : null,
    tokenType:
      typeof members.token_type === "string" && members.token_type ? storable(members.token_type, 100) : "Bearer",
    expiresIn: readLifetime(members.expires_in),
    scope: typeof scope === "string" && scope !== "" ? storable(scope, 8192) : null,
    extra: new Sensitive(
      Object.fromEntries(
        Object.entries(members).filter(
          ([name, value]) => !STANDARD.has(name) && name !== "__proto__" && !nestsDeeper(value, MAX_DEPTH),
        ),
      ),
    ),
  };
}

/** As the database can hold it, so that no answer is lost for a character nobody needs: NUL and half surrogate pairs go. */
function storable(text: string, max: number): string {
  return text.slice(0, max).replace(/[\p{Cc}\p{Cs}]+/gu, " ");
}

function nestsDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => nestsDeeper(member, levels - 1));
}

/**
 * The next stored tokens after an answer: a missing refresh token means "keep the old one", a missing scope "as granted
 * before", and what the provider said once (`instance_url`) survives answers that leave it out.
 */
export function succeed(previous: StoredTokens | null, answer: TokenSet): StoredTokens {
  return {
    access_token: answer.accessToken,
    refresh_token: answer.refreshToken ?? previous?.refresh_token ?? null,
    token_type: answer.tokenType,
    expires_in: answer.expiresIn,
    scope: answer.scope ?? previous?.scope ?? null,
    undefined_params: answer.extra.use(
      (extra) => new Sensitive(previous ? { ...previous.undefined_params.reveal(), ...extra } : extra),
    ),
  };
}

/** When the provider made the token, in ms: its `Date` header or the token's own `iat`; null when it does not say. */
export function issuedAtMs(dateHeader: string | null, accessToken: Sensitive<string>): number | null {
  const date = dateHeader === null ? Number.NaN : Date.parse(dateHeader);
  if (date > 0) return date; // An earlier one is nobody's clock, and may be one that the database cannot hold.
  const parts = accessToken.use((token) => token.split("."));
  const payload = parts[1];
  if (!payload || parts.length !== 3) return null;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    const iat = typeof claims === "object" && claims !== null ? (claims as { iat?: unknown }).iat : undefined;
    return typeof iat === "number" && iat > 0 && iat < 1e11 ? iat * 1000 : null;
  } catch {
    return null; // not a JWT after all: an opaque token with two dots
  }
}
