import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { settings } from "@/lib/config";
import { once } from "@/lib/process";

/**
 * The headers of SES-4, on every answer this process gives: pages, API, static files, errors, and what Node refuses before
 * there is a request. They are not in next.config.mjs, because HSTS depends on a setting and the nonce on the answer.
 */

const API = /^\/(v2|api|inbound|outbound|healthz|readyz|metrics)(\/|$)/;
const STATIC = /^\/_next\/(static|image)(\/|$)/;
/** Where a provider's code or an error stood in the URL: nothing of it may travel on. */
const NO_REFERRER = /^\/(api\/oauth(\/|$)|workspaces\/[^/]+\/secrets\/[^/]+\/failed(\/|$))/;

const NOTHING = "default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

/** Is this path answered by the JSON API rather than by a page or a file? */
export function isApiPath(path: string): boolean {
  return API.test(path);
}

/** A fresh CSP nonce: 128 random bits. */
export function newNonce(): string {
  return randomBytes(16).toString("base64");
}

/**
 * The policy of one page. Styles need 'unsafe-inline': React and radix-ui write `style` attributes for positions and
 * scroll locks, which no nonce can cover. `next dev` evaluates its modules and needs 'unsafe-eval' as well.
 */
export function pagePolicy(nonce: string, development: boolean): string {
  return [
    "default-src 'self'",
    `script-src 'self' 'nonce-${nonce}' 'strict-dynamic'${development ? " 'unsafe-eval'" : ""}`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self'",
    `connect-src 'self'${development ? " ws: wss:" : ""}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    ...(settings().secure ? ["upgrade-insecure-requests"] : []),
  ].join("; ");
}

/** What does not depend on the request. */
function common(): Readonly<Record<string, string>> {
  return once("security-headers", () =>
    Object.freeze({
      "X-Content-Type-Options": "nosniff",
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Resource-Policy": "same-origin",
      ...(settings().secure ? { "Strict-Transport-Security": "max-age=31536000" } : {}),
    }),
  );
}

/** Headers of an API answer to `path`, hot or not, and of whatever went wrong before a path was known (`""`). */
export function apiHeaders(path: string): Record<string, string> {
  return {
    ...common(),
    "Content-Security-Policy": NOTHING,
    "Referrer-Policy": NO_REFERRER.test(path) ? "no-referrer" : "strict-origin",
    "Cache-Control": "no-store",
  };
}

/**
 * Makes sure the answer to `request` carries its headers whoever writes it: they are set when the head is written, so
 * that nothing in between replaces or doubles them. A page's policy is put on the request too, where Next reads the nonce
 * for its own scripts; what a client sends under that name is dropped.
 */
export function secureAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  development: boolean,
): void {
  delete request.headers["content-security-policy"];
  delete request.headers["content-security-policy-report-only"];
  let headers: Record<string, string>;
  if (isApiPath(path)) headers = apiHeaders(path);
  else if (STATIC.test(path))
    headers = { ...common(), "Content-Security-Policy": NOTHING, "Referrer-Policy": "strict-origin" };
  else {
    const policy = pagePolicy(newNonce(), development);
    request.headers["content-security-policy"] = policy;
    headers = {
      ...common(),
      "Content-Security-Policy": policy,
      "Referrer-Policy": NO_REFERRER.test(path) ? "no-referrer" : "strict-origin",
    };
  }
  const writeHead = response.writeHead;
  response.writeHead = function patched(this: ServerResponse, ...args: unknown[]) {
    response.writeHead = writeHead;
    for (const name in headers) {
      // An event stream says no-cache, no-transform; that is stricter in its way and stays.
      if (name === "Cache-Control" && response.hasHeader(name)) continue;
      response.setHeader(name, headers[name] as string);
    }
    response.removeHeader("X-Powered-By");
    return (writeHead as (...rest: unknown[]) => ServerResponse).apply(response, args);
  } as typeof response.writeHead;
}
