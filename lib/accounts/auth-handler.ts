import { randomBytes } from "node:crypto";
import NextAuth from "next-auth";
import type { RequestFacts } from "@/lib/access/caller";
import { authOptions } from "@/lib/accounts/session";
import { sessionCookieName } from "@/lib/accounts/session-token";
import { KNOWN_MS } from "@/lib/accounts/throttle-store";
import { settings } from "@/lib/config";
import { notFound } from "@/lib/errors";
import { readCookie } from "@/lib/http/authenticate";
import { clientAddress } from "@/lib/http/client-address";
import { answerFailure } from "@/lib/http/endpoint";
import { loggablePath } from "@/lib/http/key-in-url";
import { runApiHandler } from "@/lib/http/next-auth-adapter";
import { requireSameOrigin } from "@/lib/http/same-origin";
import { newRequestId } from "@/lib/ids";
import { log } from "@/lib/observability/log";

/** What of next-auth is in use; its other actions do not exist here. */
const ACTIONS = new Set([
  "GET csrf",
  "GET session",
  "GET providers",
  "GET signin",
  "GET signout",
  "GET error",
  "POST callback/credentials",
  "POST signout",
]);

/**
 * next-auth behind our own checks: known actions only, Origin checked on every POST (SES-3; its forms are no JSON), and the
 * device cookie by which a browser that signed in before is known again (LGN-1).
 *
 * @param path the parts after /api/auth/
 */
export async function answerAuth(request: Request, path: readonly string[]): Promise<Response> {
  const facts: RequestFacts = {
    requestId: newRequestId(),
    ip: clientAddress(request),
    userAgent: request.headers.get("user-agent"),
    purpose: null,
  };
  let response: Response;
  try {
    const action = path.join("/");
    if (!ACTIONS.has(`${request.method} ${action}`)) throw notFound("address");
    if (request.method === "POST") requireOwnOrigin(request);
    const cookies = request.headers.get("cookie");
    const known = readCookie(cookies, deviceCookieName());
    const device = known && /^[0-9a-f]{32}$/.test(known) ? known : randomBytes(16).toString("hex");
    const options = authOptions({ facts, device, cookie: readCookie(cookies, sessionCookieName()) });
    response = await runApiHandler(request, { nextauth: [...path] }, (req, res) => NextAuth(req, res, options));
    response.headers.set("x-request-id", facts.requestId);
    if (action === "callback/credentials" && startsSession(response))
      response.headers.append("set-cookie", deviceCookie(device));
  } catch (error) {
    response = answerFailure(error, facts.requestId);
  }
  log.info("request", {
    requestId: facts.requestId,
    method: request.method,
    path: loggablePath(new URL(request.url)),
    status: response.status,
  });
  return response;
}

export function deviceCookieName(): string {
  return settings().secure ? "__Host-latchkey.device" : "latchkey.device";
}

function deviceCookie(device: string): string {
  const secure = settings().secure ? "; Secure" : "";
  return `${deviceCookieName()}=${device}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${KNOWN_MS / 1000}${secure}`;
}

const startsSession = (response: Response) =>
  response.headers.getSetCookie().some((cookie) => cookie.startsWith(`${sessionCookieName()}=ey`));

/** The Origin check alone, without its rule for the content type. */
function requireOwnOrigin(request: Request): void {
  const headers = new Headers();
  for (const name of ["origin", "sec-fetch-site"]) {
    const value = request.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  requireSameOrigin(new Request(request.url, { method: "POST", headers }));
}
