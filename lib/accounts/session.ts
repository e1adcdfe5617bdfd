import { headers } from "next/headers";
import type { AuthOptions } from "next-auth";
import { encode } from "next-auth/jwt";
import CredentialsProvider from "next-auth/providers/credentials";
import type { Caller, RequestFacts } from "@/lib/access/caller";
import {
  ABSOLUTE_MS,
  callerForSession,
  sessionCookieName,
  sessionIdIn,
  sessionSecret,
} from "@/lib/accounts/session-token";
import { signIn, signOut } from "@/lib/accounts/sign-in";
import { settings } from "@/lib/config";
import { AppError } from "@/lib/errors";
import { readCookie } from "@/lib/http/authenticate";
import { newRequestId } from "@/lib/ids";
import { errorFields, log } from "@/lib/observability/log";

/** The signed-in person of the request that is being rendered, or null. For server components. */
export async function currentCaller(): Promise<Caller | null> {
  const given = await headers();
  const cookie = readCookie(given.get("cookie"), sessionCookieName());
  if (cookie === null) return null;
  return callerForSession(cookie, {
    requestId: newRequestId(),
    ip: null,
    userAgent: given.get("user-agent"),
    purpose: null,
  });
}

/** What the sign-in page gets as `error` when too many were made: `throttled:<seconds to wait>`. */
export const THROTTLED = "throttled";

export interface SignInContext {
  facts: RequestFacts;
  /** The id of the browser's device cookie. */
  device: string;
  /** The session cookie the browser came with. */
  cookie: string | null;
}

/**
 * next-auth's options for one request: one credentials provider, and a cookie that carries nothing but a random session id;
 * whether that id stands for anybody is decided by our table on each request (SES-1, SES-2).
 */
export function authOptions({ facts, device, cookie }: SignInContext): AuthOptions {
  const { secure } = settings();
  const maxAge = ABSOLUTE_MS / 1000;
  const prefix = secure ? "__Host-" : "";
  const cookieOptions = { httpOnly: true, sameSite: "lax" as const, path: "/", secure };
  return {
    secret: sessionSecret(),
    useSecureCookies: secure,
    session: { strategy: "jwt", maxAge },
    pages: { signIn: "/sign-in", signOut: "/sign-in", error: "/sign-in" },
    cookies: {
      sessionToken: { name: sessionCookieName(), options: cookieOptions },
      csrfToken: { name: `${prefix}latchkey.csrf`, options: cookieOptions },
      callbackUrl: { name: `${prefix}latchkey.callback-url`, options: cookieOptions },
    },
    providers: [
      CredentialsProvider({
        id: "credentials",
        credentials: { email: { label: "Email", type: "email" }, password: { label: "Password", type: "password" } },
        async authorize(given) {
          const [email, password] = [given?.email, given?.password];
          if (typeof email !== "string" || typeof password !== "string") return null;
          // NUL cannot be stored and so is in no e-mail or password of ours.
          if (email.includes("\0") || password.includes("\0")) return null;
          const oldSessionId = cookie === null ? null : await sessionIdIn(cookie);
          const signedIn = await attempt(facts.requestId, () =>
            signIn({ email, password, device, oldSessionId, facts }),
          );
          return signedIn && { id: signedIn.userId, sid: signedIn.sessionId };
        },
      }),
    ],
    jwt: {
      maxAge,
      encode,
      /** A cookie whose session has ended is no session for next-auth either. */
      async decode({ token }) {
        const caller = token ? await callerForSession(token, facts) : null;
        const sid = caller && token ? await sessionIdIn(token) : null;
        return sid === null ? null : { sid };
      },
    },
    callbacks: {
      /** Our own pages only; text that is no address at all leads home, where next-auth's own rule would throw. */
      redirect({ url, baseUrl }) {
        const to = URL.canParse(url, baseUrl) ? new URL(url, baseUrl) : null;
        return to?.origin === baseUrl ? to.href : baseUrl;
      },
      jwt: ({ token, user }) => ({ sid: user ? (user as { sid?: string }).sid : token.sid }),
      session: async ({ session }) => {
        const caller = cookie === null ? null : await callerForSession(cookie, facts);
        return { ...session, user: { name: caller?.name, email: caller?.email } };
      },
    },
    events: {
      async signOut({ token }) {
        if (typeof token?.sid === "string") await signOut(token.sid, facts);
      },
    },
    // Their texts may hold what was typed; the code says enough.
    logger: {
      error: (code) => log.debug("next-auth", { code }),
      warn: (code) => log.debug("next-auth", { code }),
      debug: () => {},
    },
  };
}

/** next-auth passes an error's message to the page, so only ours may be thrown: nothing of the inside gets out. */
async function attempt<T>(requestId: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError && error.code === "throttled")
      throw new Error(`${THROTTLED}:${Math.max(1, Math.ceil(error.retryAfterS ?? 1))}`);
    log.error("sign_in_broken", { requestId, ...errorFields(error) });
    throw new Error("unavailable");
  }
}
