import { getPublicSuffix } from "tldts";
import { z } from "zod";
import { isHttpMethod } from "@/lib/secret-types/http-methods";
import { beginningsOf, readPath } from "./request-path";

/**
 * Where a secret may be sent (SECURITY PX-1): `[METHOD,… ]host[:port][/path/]`. The host is whole or `*.domain`, where `*` is exactly one label;
 * without a port the usual one of the scheme is meant, without methods every method, and a path stands for itself and all under it.
 * What names several methods is kept as one entry each, so that an entry is compared as a text. Pure; what an address behind a name is
 * allowed to be, lib/egress judges when a connection is made.
 */

const EXAMPLE = "api.example.com";
const MAX_ENTRIES = 50;
const MAX_LENGTH = 260;

/** `attributes.allowed_hosts`: entries in their one spelling, each once. */
export const allowedHosts = z
  .array(
    z
      .string(`must be a host such as ${EXAMPLE}`)
      .max(MAX_LENGTH, `must be a host such as ${EXAMPLE}`)
      .transform((text, context): string[] => {
        const read = readEntry(text);
        if ("entries" in read) return read.entries;
        context.addIssue({ code: "custom", message: `${JSON.stringify(text.slice(0, 80))} ${read.complaint}` });
        return z.NEVER;
      }),
    "must be a list of hosts",
  )
  .max(MAX_ENTRIES, `must have ${MAX_ENTRIES} entries at most`)
  .transform((entries) => [...new Set(entries.flat())])
  .refine((entries) => entries.length <= MAX_ENTRIES, `must have ${MAX_ENTRIES} entries at most, one for each method`);

/** What is asked of an allow-list; the URL is http or https. */
export interface Asked {
  method: string;
  url: URL;
}

/** The entries that allow this request, whichever of them a secret has. */
export function entriesFor({ method, url }: Asked): string[] {
  const paths = beginningsOf(url.pathname);
  const anyMethod = hostsFor(url).flatMap((host) => paths.map((path) => host + path));
  return [...anyMethod, ...anyMethod.map((entry) => `${method} ${entry}`)];
}

/** The hosts of entries for this URL. */
function hostsFor(url: URL): string[] {
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

/**
 * Whether a secret with these entries may make a request.
 *
 * @param candidates of the request, by `entriesFor`
 */
export function isAllowed(candidates: readonly string[], entries: readonly string[]): boolean {
  return entries.some((entry) => candidates.includes(entry));
}

/** Whether an entry is for this URL's host, with whatever methods and paths. */
export function namesHost(url: URL, entry: string): boolean {
  const { host } = partsOf(entry);
  return hostsFor(url).includes(host);
}

/** Whether all that an entry allows is allowed by one of `entries` already. */
export function isWithin(entry: string, entries: readonly string[]): boolean {
  const { method, host, path } = partsOf(entry);
  return entries.map(partsOf).some((wide) => {
    const methods = wide.method === "" || wide.method === method;
    return methods && wide.host === host && path.startsWith(wide.path);
  });
}

/** Of an entry in its one spelling. */
function partsOf(entry: string): { method: string; host: string; path: string } {
  const [, method = "", host = "", path = ""] = /^(?:([A-Z]+) )?([^/]+)(\/.*)?$/.exec(entry) ?? [];
  return { method, host, path };
}

function readEntry(text: string): { entries: string[] } | { complaint: string } {
  const [, before, rest = ""] = /^(?:([A-Za-z, ]*[A-Za-z]) +)?(\S+)$/.exec(text.trim()) ?? [];
  const methods = before === undefined ? [] : before.split(/[, ]+/).map((word) => word.toUpperCase());
  if (rest === "") return { complaint: `must be a host such as ${EXAMPLE}` };
  const unknown = methods.find((method) => !isHttpMethod(method));
  if (unknown !== undefined || (methods.length === 0 && isHttpMethod(rest)))
    return { complaint: `must be a host such as ${EXAMPLE}, after methods such as GET,POST if it is for them alone` };
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(rest) || /[?#@\\]/.test(rest))
    return { complaint: `must be a host such as ${EXAMPLE}, without https://, user or query` };
  const slash = rest.indexOf("/");
  const read = readHost(slash < 0 ? rest : rest.slice(0, slash));
  if ("complaint" in read) return read;
  const path = readPath(slash < 0 ? "" : rest.slice(slash));
  if ("complaint" in path) return path;
  const place = read.host + path.path;
  return { entries: methods.length === 0 ? [place] : methods.map((method) => `${method} ${place}`) };
}

function readHost(given: string): { host: string } | { complaint: string } {
  const wild = given.startsWith("*.");
  const bare = wild ? given.slice(2) : given;
  if (bare.includes("*")) return { complaint: "may have one * only, for the first label, as in *.example.com" };
  // https: its own port is kept apart from no port at all, which for http means another one.
  const port = /:(\d{1,5})$/.exec(bare)?.[1];
  const url = `https://${bare}`;
  if (bare === "" || bare.endsWith(":") || !URL.canParse(url))
    return { complaint: `must be a host such as ${EXAMPLE} or ${EXAMPLE}:8443` };
  const host = new URL(url).hostname.replace(/\.$/, "");
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535))
    return { complaint: "must have a port from 1 to 65535" };
  if (!isAddress(host) && !/^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/.test(host))
    return { complaint: `must be a host such as ${EXAMPLE} or ${EXAMPLE}:8443` };
  const complaint = wild ? wildcardComplaint(host) : null;
  if (complaint) return { complaint };
  return { host: `${wild ? "*." : ""}${host}${port === undefined ? "" : `:${Number(port)}`}` };
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
