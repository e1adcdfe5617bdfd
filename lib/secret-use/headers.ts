import { AppError } from "@/lib/errors";
import type { ReflectionGuard } from "./reflection-guard";

/** Header fields of an outgoing call, in and out (SECURITY PX-2, PX-4; RFC 9110 section 7.6.1). Pure. */

const names = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Between two neighbours only, or Latchkey's own to say. */
const HOP_BY_HOP = names("connection keep-alive proxy-connection te trailer transfer-encoding upgrade http2-settings");
/**
 * Not the caller's: who asks, where and in what form. `Range` and its like are among them because an answer in slices chosen by the caller
 * would come past the reflection guard.
 */
const NOT_THE_CALLERS = new Set([
  ...HOP_BY_HOP,
  ...names("authorization cookie cookie2 host content-length expect range if-range"),
]);
/** Of the destination for the destination's own clients; lengths and encodings are said anew. */
const NOT_THE_READERS = new Set([
  ...HOP_BY_HOP,
  ...names("set-cookie set-cookie2 content-length content-encoding accept-ranges alt-svc"),
  // Meant for the destination's own origin, and here they would be said of Latchkey's.
  ...names(`strict-transport-security content-security-policy content-security-policy-report-only clear-site-data refresh link
    service-worker-allowed report-to reporting-endpoints nel sourcemap x-sourcemap`),
]);

const NONE: ReadonlySet<string> = new Set();

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** What is wrong with a header of the caller's, or null. `injected`: names the secret sets, in lower case. */
export function headerComplaint(name: string, value: string, injected: readonly string[]): string | null {
  const lower = name.toLowerCase();
  if (!NAME.test(name)) return "is no name of an HTTP header";
  if (injected.includes(lower)) return "is set by the secret; leave it out";
  if (NOT_THE_CALLERS.has(lower) || lower.startsWith("proxy-"))
    return "may not be set: Latchkey does that itself, or it is not for this call";
  if (!VALUE.test(value)) return "must be one line of characters that a header can hold";
  return null;
}

/** Of the caller's hop to Latchkey; they end here without a word, because clients and proxies send them by themselves. */
const ENDS_HERE = new Set([
  ...HOP_BY_HOP,
  ...names(`authorization host content-length expect accept-encoding forwarded via x-real-ip x-request-id x-latchkey-peer
    x-latchkey-scheme traceparent tracestate baggage`),
]);

/**
 * The header fields of a request that passes through.
 *
 * @throws AppError invalid_attribute for one that may not be set: a cookie, a range, credentials of a proxy
 */
export function passedHeaders(given: Headers): Record<string, string> {
  const named = namedByConnection(given.get("connection"));
  const headers: Record<string, string> = {};
  for (const [name, value] of given) {
    if (ENDS_HERE.has(name) || named.has(name) || name.startsWith("x-forwarded-")) continue;
    const complaint = headerComplaint(name, value, []);
    if (complaint) throw refused(name, complaint);
    headers[name] = value;
  }
  return headers;
}

/**
 * @param headers with names in lower case
 * @param injected names that the secret sets
 * @throws AppError invalid_attribute where both say the same
 */
export function refuseInjected(headers: Readonly<Record<string, string>>, injected: readonly string[]): void {
  for (const name of injected) {
    const complaint = Object.hasOwn(headers, name) ? headerComplaint(name, "", injected) : null;
    if (complaint) throw refused(name, complaint);
  }
}

const refused = (name: string, complaint: string) =>
  new AppError("invalid_attribute", `The header ${name} ${complaint}.`, { source: { header: name } });

/** Fields that a neighbour named as between the two of them. */
function namedByConnection(value: string | null): ReadonlySet<string> {
  // What nearly all say; it names itself alone, which ends at each hop anyway.
  if (value === null || value === "keep-alive") return NONE;
  return new Set((value ?? "").toLowerCase().split(/[\s,]+/));
}

/** The destination's header fields as the caller may see them, masked; repeated ones joined. Names in lower case. */
export function answerHeaders(
  given: Readonly<Record<string, string | string[] | undefined>>,
  guard: ReflectionGuard,
): Record<string, string> {
  const named = namedByConnection(given.connection === undefined ? null : String(given.connection));
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || NOT_THE_READERS.has(name) || /^(proxy|x-latchkey)-/.test(name) || named.has(name))
      continue;
    // A value that came back as a name is gone with it; Latchkey reads names in lower case.
    if (guard.textInAnyCase(name) !== name) continue;
    headers[name] = guard.text(Array.isArray(value) ? value.join(", ") : value);
  }
  return headers;
}
