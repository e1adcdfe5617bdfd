import { randomBytes } from "node:crypto";
import { settings } from "@/lib/config";
import { readCookie } from "./authenticate";

/** The cookie that ties an authorization to the browser it was started in (OA-1). One per browser, so that tabs do not disturb each other. */

const LIFETIME_S = 600;

const name = () => (settings().secure ? "__Host-latchkey.connect" : "latchkey.connect");

/** The value this browser holds, or null. */
export function browserBinding(request: Request): string | null {
  const value = readCookie(request.headers.get("cookie"), name());
  return value !== null && /^[A-Za-z0-9_-]{43}$/.test(value) ? value : null;
}

export function newBrowserBinding(): string {
  return randomBytes(32).toString("base64url");
}

/** SameSite=Lax: the provider's redirect is a top-level navigation and must bring the cookie. */
export function bindingCookie(value: string): string {
  return `${name()}=${value}; Path=/; Max-Age=${LIFETIME_S}; HttpOnly; SameSite=Lax${settings().secure ? "; Secure" : ""}`;
}
