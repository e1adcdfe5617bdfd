import { decode } from "next-auth/jwt";
import type { Caller, RequestFacts } from "@/lib/access/caller";
import { callerCache } from "@/lib/accounts/caller-cache";
import { fullName } from "@/lib/accounts/callers";
import { loadHoldings } from "@/lib/accounts/holdings-store";
import { findSessionByMac, touchSession } from "@/lib/accounts/session-store";
import { settings } from "@/lib/config";
import { derivedSecret, mac } from "@/lib/crypto/mac";
import { errorFields, log } from "@/lib/observability/log";

/** SES-2. */
export const IDLE_MS = 30 * 60_000;
export const ABSOLUTE_MS = 12 * 60 * 60_000;
const TOUCH_EVERY_MS = 60_000;
const MAX_COOKIE_CHARS = 8_192;

interface KnownSession {
  caller: Omit<Caller, "request">;
  expiresAtMs: number;
  seenAtMs: number;
}

export function sessionCookieName(): string {
  return settings().secure ? "__Host-latchkey.session" : "latchkey.session";
}

/** next-auth's secret: the same in every process of this instance. */
export function sessionSecret(): string {
  return derivedSecret("next-auth");
}

/** The random session id inside next-auth's encrypted cookie, or null when the cookie is not ours or too old. */
export async function sessionIdIn(cookie: string): Promise<string | null> {
  if (cookie.length > MAX_COOKIE_CHARS) return null;
  try {
    const token = await decode({ token: cookie, secret: sessionSecret() });
    return typeof token?.sid === "string" ? token.sid : null;
  } catch {
    return null; // Tampered, expired, or of another instance: all the same to us.
  }
}

/**
 * The person behind the console's cookie, or null. The row in our table decides, not the cookie: 30 minutes idle, 12 hours
 * in all (SES-2). Remembered for 5 s.
 *
 * @param fresh looked up anew, whatever is remembered
 */
export async function callerForSession(cookie: string, facts: RequestFacts, fresh = false): Promise<Caller | null> {
  const found = fresh ? lookUp(cookie) : callerCache<KnownSession>("sessions").get(cookie, () => lookUp(cookie));
  const known = found instanceof Promise ? await found : found;
  if (!known) return null;
  const nowMs = Date.now();
  if (known.expiresAtMs <= nowMs || nowMs - known.seenAtMs >= IDLE_MS) return null;
  if (nowMs - known.seenAtMs >= TOUCH_EVERY_MS) {
    known.seenAtMs = nowMs;
    touchSession(known.caller.credentialId, new Date(nowMs)).catch((error: unknown) =>
      log.warn("session_use_not_noted", { callerId: known.caller.id, ...errorFields(error) }),
    );
  }
  return { ...known.caller, request: facts };
}

async function lookUp(cookie: string): Promise<KnownSession | null> {
  const sid = await sessionIdIn(cookie);
  if (sid === null) return null;
  const live = await findSessionByMac(mac("session", sid));
  if (!live) return null;
  const { session, user } = live;
  return {
    caller: {
      kind: "user",
      id: user.id,
      name: fullName(user.firstName, user.lastName) || user.email,
      email: user.email,
      userId: user.id,
      via: "session",
      credentialId: session.id,
      holdings: await loadHoldings(user.id, null),
      limits: null,
      authenticatedAt: session.authenticatedAt.getTime(),
    },
    expiresAtMs: session.expiresAt.getTime(),
    seenAtMs: session.seenAt.getTime(),
  };
}
