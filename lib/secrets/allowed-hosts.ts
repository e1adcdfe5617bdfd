import { getPublicSuffix } from "tldts";
import { z } from "zod";

/**
 * Where a secret may be sent (SECURITY PX-1): `host`, `host:port` or `*.domain`, each `*` exactly one label. Without a port the usual one of
 * the scheme is meant. Pure; what an address behind a name is allowed to be, lib/egress judges when a connection is made.
 */

const MAX_ENTRIES = 50;
const MAX_LENGTH = 260;

/** `attributes.allowed_hosts`: entries in their one spelling, each once. */
export const allowedHosts = z
  .array(
    z
      .string("must be a host such as api.example.com")
      .max(MAX_LENGTH, "must be a host such as api.example.com")
      .transform((text, context) => {
        const read = readEntry(text);
        if ("entry" in read) return read.entry;
        context.addIssue({ code: "custom", message: `${JSON.stringify(text.slice(0, 80))} ${read.complaint}` });
        return z.NEVER;
      }),
    "must be a list of hosts",
  )
  .max(MAX_ENTRIES, `must have ${MAX_ENTRIES} hosts at most`)
  .transform((entries) => [...new Set(entries)]);

/**
 * The entries that allow this URL, whichever of them a secret has; its host and port decide.
 *
 * @param url http or https
 */
export function entriesFor(url: URL): string[] {
  const host = url.hostname.replace(/\.$/, "");
  const at = (name: string): string[] => {
    // `URL` leaves a port out when it is the scheme's own.
    const usual = url.protocol === "https:" ? 443 : 80;
    return url.port === "" ? [name, `${name}:${usual}`] : [`${name}:${url.port}`];
  };
  const dot = host.indexOf(".");
  const wild = dot > 0 && !isAddress(host) ? at(`*${host.slice(dot)}`) : [];
  return [...at(host), ...wild];
}

/** Whether one of a secret's entries allows this URL. */
export function isAllowed(url: URL, entries: readonly string[]): boolean {
  return entriesFor(url).some((entry) => entries.includes(entry));
}

const MOST_DECODINGS = 5;

/**
 * Whether a path leads upwards for anybody who reads it generously: decoded as often as it can be, `\\` taken for `/`, and what follows a
 * `;` in a segment left out.
 */
export function climbs(path: string): boolean {
  let text = path;
  for (let i = 0; i < MOST_DECODINGS; i++) {
    if (text.split(/[/\\]/).some((segment) => /^\.{1,2}(;|$)/.test(segment))) return true;
    const next = text.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    if (next === text) return false;
    text = next;
  }
  return true;
}

function readEntry(text: string): { entry: string } | { complaint: string } {
  const given = text.trim();
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(given) || /[/?#@\\]/.test(given))
    return { complaint: "must be a host such as api.example.com, without https://, user or path" };
  const wild = given.startsWith("*.");
  const bare = wild ? given.slice(2) : given;
  if (bare.includes("*")) return { complaint: "may have one * only, for the first label, as in *.example.com" };
  // https: its own port is kept apart from no port at all, which for http means another one.
  const port = /:(\d{1,5})$/.exec(bare)?.[1];
  const url = `https://${bare}`;
  if (bare === "" || /\s/.test(bare) || bare.endsWith(":") || !URL.canParse(url))
    return { complaint: "must be a host such as api.example.com or api.example.com:8443" };
  const host = new URL(url).hostname.replace(/\.$/, "");
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535))
    return { complaint: "must have a port from 1 to 65535" };
  if (!isAddress(host) && !/^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/.test(host))
    return { complaint: "must be a host such as api.example.com or api.example.com:8443" };
  if (wild) {
    const complaint = wildcardComplaint(host);
    if (complaint) return { complaint };
  }
  return { entry: `${wild ? "*." : ""}${host}${port === undefined ? "" : `:${Number(port)}`}` };
}

/** `*.co.uk` or `*.github.io` would be everybody's: names under a public suffix belong to different owners. */
function wildcardComplaint(domain: string): string | null {
  if (isAddress(domain)) return "must not have * before an address";
  return getPublicSuffix(domain, { allowPrivateDomains: true, validateHostname: false }) === domain
    ? `must not have * before ${domain}, under which anybody can have a name; write the whole host`
    : null;
}

/** Of what `URL` makes of a host: brackets around IPv6, four numbers for any spelling of IPv4. */
function isAddress(host: string): boolean {
  return host.startsWith("[") || /^\d+\.\d+\.\d+\.\d+$/.test(host);
}
