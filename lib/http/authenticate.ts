import type { Caller, RequestFacts } from "@/lib/access/caller";
import { callerForKey } from "@/lib/accounts/callers";
import { callerForSession, sessionCookieName } from "@/lib/accounts/session-token";
import { AppError } from "@/lib/errors";

/**
 * HTTP Basic (e-mail or task user, API key) or the console's session -> Caller. Nothing else makes a Caller.
 *
 * @param fresh looked up anew and not taken from what is remembered for 5 s
 * @throws AppError unauthenticated
 */
export async function authenticate(request: Request, facts: RequestFacts, fresh = false): Promise<Caller> {
  const header = request.headers.get("authorization");
  if (header !== null) {
    const given = readBasic(header);
    const caller = given && (await callerForKey(given.user, given.key, facts, fresh));
    if (caller) return caller;
    throw new AppError(
      "unauthenticated",
      "No valid API key. Send HTTP Basic: your e-mail as user, an API key as password, from an address the key is for.",
    );
  }
  const cookie = readCookie(request.headers.get("cookie"), sessionCookieName());
  const caller = cookie === null ? null : await callerForSession(cookie, facts, fresh);
  if (caller) return caller;
  throw new AppError("unauthenticated", "Sign in, or send HTTP Basic: your e-mail as user, an API key as password.");
}

/** User and password of HTTP Basic (RFC 7617); the user is accepted percent-encoded too (CONTRACT section 1). */
export function readBasic(header: string): { user: string; key: string } | null {
  const encoded = /^basic\s+([A-Za-z0-9+/=_-]+)\s*$/i.exec(header)?.[1];
  if (!encoded) return null;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 0 || text.includes("\0")) return null;
  return { user: text.slice(0, colon), key: text.slice(colon + 1) };
}

/** One cookie's value; next-auth splits a long one into `name.0`, `name.1`. */
export function readCookie(header: string | null, name: string): string | null {
  if (!header) return null;
  const found = new Map<string, string>();
  for (const part of header.split(";")) {
    const at = part.indexOf("=");
    const key = part.slice(0, at).trim();
    if (at > 0 && (key === name || key.startsWith(`${name}.`))) found.set(key, part.slice(at + 1).trim());
  }
  const whole = found.get(name);
  if (whole !== undefined) return whole;
  let joined = "";
  for (let i = 0; found.has(`${name}.${i}`); i++) joined += found.get(`${name}.${i}`);
  return joined || null;
}
