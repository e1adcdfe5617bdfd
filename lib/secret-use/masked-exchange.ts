import type { Exchange } from "@/lib/oauth/witness";
import { ReflectionGuard } from "./reflection-guard";

/**
 * A token request and its answer as a person may see them. Masked by default: a value is shown where its name is known to hold no secret,
 * so a parameter that nobody thought of hides. What was masked in the request is masked wherever it comes back.
 */
export interface MaskedExchange {
  request: { method: string; url: string; headers: Record<string, string>; body: string };
  /** Null: none came. */
  response: { status: number; headers: Record<string, string>; body: string } | null;
}

export const MASK = "••••••••";
/** Longer answers are pages for people. */
const MOST_TEXT = 4_000;
const MOST_DEPTH = 8;

const SENT_HEADERS = new Set(["accept", "content-type"]);
const SHOWN_HEADERS = new Set(["content-type", "date", "retry-after", "www-authenticate", "location", "x-request-id"]);
/** What the secret itself says, and what says what is asked for. */
const PLAIN_PARAMETERS = new Set(["grant_type", "scope"]);
/** Of the auth client: for who may read it. */
const CLIENT_PARAMETERS = new Set(["client_id", "resource", "audience"]);
const PLAIN_MEMBERS = new Set(["token_type", "expires_in", "scope", "error", "error_description", "error_uri"]);
const SECRET_NAME = /token|secret|passw|assertion|key|jwt|cookie|session|credential/i;

/** @param details the auth client's own values are shown too: its address in full, its client ID */
export function maskedExchange({ request, answer }: Exchange, details: boolean): MaskedExchange {
  const shown = (name: string) => PLAIN_PARAMETERS.has(name) || (details && CLIENT_PARAMETERS.has(name));
  const hidden: string[] = [];
  const hide = (value: string) => {
    hidden.push(value);
    return value === "" ? "" : MASK;
  };
  const sent = request.use(({ method, url, headers, body }) => ({
    method,
    url: maskedUrl(url, details, hide),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, maskedHeader(name, value, hide)]),
    ),
    body: maskedBody(body, headers["content-type"] ?? "", shown, hide),
  }));
  if (answer === null) return { request: sent, response: null };
  return {
    request: sent,
    response: answer.use(({ status, headers, body }) => {
      const unreflected = (text: string) => withoutReflections(text, hidden);
      const well = status >= 200 && status < 300;
      return {
        status,
        headers: Object.fromEntries(
          Object.entries(headers)
            .filter(([name]) => SHOWN_HEADERS.has(name))
            .map(([name, value]) => [name, withoutTokens(unreflected(name === "location" ? pathOf(value) : value))]),
        ),
        body: answerBody(unreflected(body), well),
      };
    }),
  };
}

function maskedUrl(url: string, details: boolean, hide: (value: string) => string): string {
  const { origin, pathname, searchParams } = new URL(url);
  const query = [...searchParams].map(([name, value]) => `${encodeURIComponent(name)}=${hide(value)}`).join("&");
  if (details) return `${origin}${pathname}${query === "" ? "" : `?${query}`}`;
  return `${origin}/…`;
}

function maskedHeader(name: string, value: string, hide: (value: string) => string): string {
  if (SENT_HEADERS.has(name)) return value;
  const [, scheme, credentials] = /^(\w+) (.+)$/.exec(value) ?? [];
  if (name !== "authorization" || !scheme || !credentials) return hide(value);
  hide(credentials);
  // What stands in it may come back taken apart.
  for (const part of Buffer.from(credentials, "base64").toString("utf8").split(":")) hide(part);
  return `${scheme} ${MASK}`;
}

/** A form as it is sent, or JSON with line breaks. */
function maskedBody(
  body: string,
  type: string,
  shown: (name: string) => boolean,
  hide: (value: string) => string,
): string {
  if (!type.includes("json"))
    return [...new URLSearchParams(body)]
      .map(([name, value]) => `${encodeURIComponent(name)}=${shown(name) ? encodeURIComponent(value) : hide(value)}`)
      .join("&");
  const members = Object.entries(JSON.parse(body) as Record<string, unknown>);
  return JSON.stringify(
    Object.fromEntries(members.map(([name, value]) => [name, shown(name) ? value : hide(String(value))])),
    null,
    2,
  );
}

function withoutReflections(text: string, hidden: readonly string[]): string {
  const guard = new ReflectionGuard(hidden);
  return Buffer.concat([guard.add(Buffer.from(text, "utf8")), guard.end()]).toString("utf8");
}

/** @param well the answer says that all went well, so whatever it holds may be a token */
function answerBody(body: string, well: boolean): string {
  try {
    return clipped(JSON.stringify(maskedMember(JSON.parse(body), "", well, MOST_DEPTH), null, 2));
  } catch {
    // No JSON: a form, a page, or half an answer.
  }
  if (well) return body === "" ? "" : MASK;
  return clipped(withoutTokens(body));
}

function maskedMember(value: unknown, name: string, well: boolean, levels: number): unknown {
  if (Array.isArray(value))
    return levels === 0 ? MASK : value.map((member) => maskedMember(member, name, well, levels - 1));
  if (typeof value === "object" && value !== null)
    return levels === 0
      ? MASK
      : Object.fromEntries(
          Object.entries(value).map(([inner, member]) => [
            withoutTokens(inner),
            maskedMember(member, inner, well, levels - 1),
          ]),
        );
  if (typeof value !== "string") return value;
  if (PLAIN_MEMBERS.has(name)) return withoutTokens(value);
  return well || SECRET_NAME.test(name) ? MASK : withoutTokens(value);
}

/** Runs of letters that look like a token are left out. */
function withoutTokens(text: string): string {
  return text.replace(/[A-Za-z0-9_\-+/=.~]{20,}/g, (run) => (/\d/.test(run) || run.length > 40 ? "[…]" : run));
}

function pathOf(location: string): string {
  if (!URL.canParse(location)) return MASK;
  const { origin, pathname } = new URL(location);
  return `${origin}${pathname}`;
}

function clipped(text: string): string {
  return text.length <= MOST_TEXT ? text : `${text.slice(0, MOST_TEXT)}…`;
}
