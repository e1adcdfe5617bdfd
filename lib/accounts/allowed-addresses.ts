import {
  type Address,
  type AddressRange,
  inRange,
  parseAddress,
  parseRange,
  sameAddress,
} from "@/lib/egress/addresses";

/** Where a key may be used from (KEY-3): addresses and ranges, as text in the table. Pure. */

/** The longest list a key may carry. */
export const MAX_ADDRESSES = 50;

/**
 * An address or range in one spelling, or why it is none.
 *
 * @returns `{ entry }`, or `{ complaint }` to follow "must"
 */
export function readAllowedAddress(text: string): { entry: string } | { complaint: string } {
  const [address = "", bits, ...rest] = text.trim().toLowerCase().split("/");
  const parsed = address.includes("%") ? null : parseAddress(address);
  if (!parsed || rest.length > 0) return { complaint: "be an IP address or a range such as 192.0.2.0/24" };
  if (parsed.length === 4 && address.includes(":")) return { complaint: "write an IPv4 address as IPv4" };
  if (bits === undefined) return { entry: address };
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > parsed.length * 8)
    return { complaint: `end in /0 to /${parsed.length * 8}` };
  if (!parseRange(`${address}/${bits}`)) return { complaint: "be the first address of its range" };
  return { entry: `${address}/${Number(bits)}` };
}

/** Whether a request from `ip` may use the key. An address nobody knows is in no list. */
export function addressAllowed(allowed: readonly string[] | null, ip: string | null): boolean {
  if (allowed === null) return true;
  const address = ip === null ? null : parseAddress(ip);
  return address !== null && allowed.some((entry) => holdsAddress(entry, address));
}

/** Whether `entry` lies wholly in one entry of `allowed`. */
export function addressWithin(allowed: readonly string[] | null, entry: string): boolean {
  if (allowed === null) return true;
  const asked = rangeOf(entry);
  return (
    asked !== null &&
    allowed.some((outer) => {
      const range = rangeOf(outer);
      return range !== null && range.bits <= asked.bits && inRange(asked.base, range);
    })
  );
}

function holdsAddress(entry: string, address: Address): boolean {
  const range = parseRange(entry);
  if (range) return inRange(address, range);
  const one = parseAddress(entry);
  return one !== null && sameAddress(one, address);
}

function rangeOf(entry: string): AddressRange | null {
  const one = entry.includes("/") ? null : parseAddress(entry);
  return one ? { base: one, bits: one.length * 8 } : parseRange(entry);
}
