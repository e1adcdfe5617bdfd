import type { NextApiRequest, NextApiResponse } from "next";
import { AppError } from "@/lib/errors";

/**
 * Runs a handler written for Next's older `(req, res)` API, as next-auth has one, on a plain Request. Its handler for route
 * files takes cookies and headers from Next's request context instead, which neither server.ts nor a test has.
 */
export async function runApiHandler(
  request: Request,
  query: Record<string, string | string[]>,
  handler: (req: NextApiRequest, res: NextApiResponse) => unknown,
): Promise<Response> {
  const url = new URL(request.url);
  const headers = new Headers();
  let status = 200;
  let body: string | null = null;

  const res = {
    status(code: number) {
      status = code;
      return res;
    },
    getHeader: (name: string) => (name.toLowerCase() === "set-cookie" ? headers.getSetCookie() : headers.get(name)),
    setHeader(name: string, value: string | string[]) {
      headers.delete(name);
      for (const one of Array.isArray(value) ? value : [value]) headers.append(name, one);
      return res;
    },
    json(value: unknown) {
      headers.set("content-type", "application/json");
      body = JSON.stringify(value);
    },
    send(value: unknown) {
      if (typeof value === "string") body = value;
      else if (value !== undefined) body = JSON.stringify(value);
    },
    end() {},
  };

  const req = {
    method: request.method,
    headers: Object.fromEntries(request.headers),
    cookies: parseCookies(request.headers.get("cookie")),
    query: { ...Object.fromEntries(url.searchParams), ...query },
    body: await readForm(request),
  };
  await handler(req as unknown as NextApiRequest, res as unknown as NextApiResponse);
  headers.set("cache-control", "no-store");
  return new Response(status === 204 ? null : body, { status, headers });
}

function parseCookies(header: string | null): Record<string, string> {
  const cookies: Record<string, string> = {};
  for (const part of (header ?? "").split(";")) {
    const at = part.indexOf("=");
    if (at < 1) continue;
    const name = part.slice(0, at).trim();
    // The first of a name counts, as in every other cookie reader.
    if (Object.hasOwn(cookies, name)) continue;
    const value = part.slice(at + 1).trim();
    try {
      cookies[name] = decodeURIComponent(value);
    } catch {
      cookies[name] = value; // Not encoded.
    }
  }
  return cookies;
}

const MAX_FORM_BYTES = 16 * 1024;

/** A form or a JSON object; anything else, or too much of it, is no body. */
async function readForm(request: Request): Promise<Record<string, unknown> | undefined> {
  if (request.method !== "POST") return undefined;
  const bytes = await request.arrayBuffer().catch((cause: unknown) => {
    throw new AppError("bad_request", "The body did not arrive whole.", { cause });
  });
  if (bytes.byteLength > MAX_FORM_BYTES) return undefined;
  const text = new TextDecoder().decode(bytes);
  const type = request.headers.get("content-type") ?? "";
  if (type.includes("application/x-www-form-urlencoded")) return Object.fromEntries(new URLSearchParams(text));
  if (!type.includes("application/json")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
