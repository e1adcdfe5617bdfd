import { type Address, type AddressRange, inRange, parseAddress, parseRange, withInner } from "@/lib/egress/addresses";

/**
 * What the operator allows beyond the public internet: `LATCHKEY_EGRESS_ALLOW` (SECURITY SS-4). An entry is an address, a CIDR range, a
 * host name or `[v6]`, each optionally with `:port`; without a port every port is meant. What is listed may also be plain http and
 * use any listed port. A name allows wherever it resolves to. Metadata services are never allowed; the policy sees to that.
 */
export interface AllowEntry {
  /** Null: every port. */
  port: number | null;
  /** Exactly one of the two. */
  ranges: readonly AddressRange[] | null;
  host: string | null;
}

/** An entry that cannot be read. The message quotes it: entries are no secrets. */
export class AllowListError extends Error {
  constructor(entry: string) {
    super(`LATCHKEY_EGRESS_ALLOW: "${entry}" is no address, CIDR range or host name with an optional :port.`);
    this.name = "AllowListError";
  }
}

/** Reads the entries. Throws `AllowListError` at the first that cannot be read. */
export function parseAllowList(entries: readonly string[]): AllowEntry[] {
  return entries.map(parseEntry);
}

/** Whether the list names this destination: its name, or the address it resolved to, with this port. */
export function isListed(list: readonly AllowEntry[], host: string, address: Address, port: number): boolean {
  return list.some(
    (entry) =>
      (entry.port === null || entry.port === port) &&
      (entry.host !== null
        ? entry.host === host
        : withInner(address).some((form) => entry.ranges?.some((range) => inRange(form, range)))),
  );
}

const LOCALHOST = ["127.0.0.0/8", "::1/128"];
const HOST_NAME = /^(?!.*\.\.)[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?$/;

function parseEntry(text: string): AllowEntry {
  const entry = text.trim().toLowerCase();
  const { target, port } = splitPort(entry);
  if (port !== null && !(port >= 1 && port <= 65_535)) throw new AllowListError(text);
  if (target === "localhost") return { port, host: null, ranges: LOCALHOST.map(mustBeRange) };
  if (target.includes("/")) {
    const range = parseRange(target);
    if (!range) throw new AllowListError(text);
    return { port, host: null, ranges: [range] };
  }
  const address = parseAddress(target);
  if (address && !target.includes("%"))
    return { port, host: null, ranges: [{ base: address, bits: address.length * 8 }] };
  const host = target.replace(/\.$/, "");
  // A name whose last label is a number would be read as an address by URL parsers.
  if (!HOST_NAME.test(host) || /(^|\.)(\d+|0x[0-9a-f]*)$/.test(host)) throw new AllowListError(text);
  return { port, host, ranges: null };
}

/** `[v6]:port`, `[v6/bits]:port`, `v6/bits:port`, bare v6 (no port), or anything else with an optional `:port`. */
function splitPort(entry: string): { target: string; port: number | null } {
  const match =
    /^\[([0-9a-f:.]+(?:\/\d{1,3})?)\](?::(\d{1,5}))?$/.exec(entry) ??
    /^([0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*\/\d{1,3})(?::(\d{1,5}))?$/.exec(entry) ??
    /^([^:[\]]+)(?::(\d{1,5}))?$/.exec(entry);
  if (!match) return { target: entry, port: null };
  return { target: match[1] as string, port: match[2] === undefined ? null : Number(match[2]) };
}

function mustBeRange(text: string): AddressRange {
  const range = parseRange(text);
  if (!range) throw new AllowListError(text);
  return range;
}
