import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/**
 * Which addresses are not on the public internet: numbers against ranges, after taking IPv4 out of its IPv6 disguises
 * (SECURITY SS-3, SS-4). Pure; no names, no network.
 */

/** 4 or 16 bytes. IPv4 in `::ffff:0:0/96` is always 4. */
export type Address = readonly number[];

export interface AddressRange {
  base: Address;
  /** Leading bits that count. */
  bits: number;
}

/** Reads an address in standard text (as `net.isIP` takes it, zone allowed), else null. */
export function parseAddress(text: string): Address | null {
  const bare = text.split("%", 1)[0] as string;
  if (isIP(bare) === 0) return null;
  return plain(ipaddr.parse(hexTail(bare)).toByteArray());
}

/** `::a.b.c.d` as `::aabb:ccdd`: ipaddr.js would read it as `::ffff:a.b.c.d`, which is another address. */
function hexTail(text: string): string {
  const cut = text.lastIndexOf(":") + 1;
  if (cut === 0 || !text.includes(".", cut)) return text;
  const [a = 0, b = 0, c = 0, d = 0] = text.slice(cut).split(".").map(Number);
  return `${text.slice(0, cut)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

/** Reads `address/bits`. Null for anything else, also when host bits are set that the range would ignore. */
export function parseRange(text: string): AddressRange | null {
  const [address, bitsText, ...rest] = text.split("/");
  if (!address || !bitsText || rest.length > 0 || !/^\d{1,3}$/.test(bitsText)) return null;
  const base = parseAddress(address);
  const bits = Number(bitsText);
  if (!base || (address.includes(":") && base.length === 4) || bits > base.length * 8) return null;
  const range = { base, bits };
  return base.every((byte, index) => (byte & maskByte(bits, index)) === byte) ? range : null;
}

/** Whether the range holds the address; never across families. */
export function inRange(address: Address, { base, bits }: AddressRange): boolean {
  if (address.length !== base.length) return false;
  for (let index = 0; index * 8 < bits; index += 1)
    if ((((address[index] as number) ^ (base[index] as number)) & maskByte(bits, index)) !== 0) return false;
  return true;
}

/** Whether two addresses are one. */
export function sameAddress(a: Address, b: Address): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** The address itself and, for NAT64, 6to4 and IPv4-compatible forms, the IPv4 address inside, which is where packets may end. */
export function withInner(address: Address): Address[] {
  if (address.length === 4) return [address];
  if (inRange(address, NAT64) || inRange(address, V4_COMPATIBLE)) return [address, address.slice(12)];
  if (inRange(address, SIX_TO_FOUR)) return [address, address.slice(2, 6)];
  return [address];
}

/** Cloud metadata services: blocked even when a listed range holds them. */
export function isMetadata(address: Address): boolean {
  return withInner(address).some((form) => METADATA.some((one) => sameAddress(form, one)));
}

/** Names of metadata services; `host` in lower case without a final dot. */
export function isMetadataName(host: string): boolean {
  return METADATA_NAMES.has(host);
}

/** Whether the address, or the IPv4 address inside it, is private, local, reserved or otherwise not a public destination. */
export function isBlocked(address: Address): boolean {
  return withInner(address).some((form) =>
    form.length === 4
      ? BLOCKED_V4.some((range) => inRange(form, range))
      : !PUBLIC_V6.some((range) => inRange(form, range)) || BLOCKED_V6.some((range) => inRange(form, range)),
  );
}

function plain(bytes: number[]): Address {
  const mapped =
    bytes.length === 16 && bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  return mapped ? bytes.slice(12) : bytes;
}

function maskByte(bits: number, index: number): number {
  const here = Math.min(8, Math.max(0, bits - index * 8));
  return (0xff << (8 - here)) & 0xff;
}

function range(text: string): AddressRange {
  const parsed = parseRange(text);
  if (!parsed) throw new Error(`${text} is no range`);
  return parsed;
}

const BLOCKED_V4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
].map(range);

const NAT64 = range("64:ff9b::/96");
const SIX_TO_FOUR = range("2002::/16");
const V4_COMPATIBLE = range("::/96");

/**
 * Only these can be public: global unicast, and NAT64, whose inner address is then judged. So `::/96`, `64:ff9b:1::/48`, `100::/64`,
 * `fc00::/7`, `fe80::/10`, `fec0::/10`, `ff00::/8` and everything not yet assigned stay out without being named.
 */
const PUBLIC_V6 = [range("2000::/3"), NAT64];
/** Parts of global unicast that are not public: protocol assignments with Teredo, documentation twice. */
const BLOCKED_V6 = [range("2001::/23"), range("2001:db8::/32"), range("3fff::/20")];

const METADATA = [
  "169.254.169.254",
  "169.254.170.2",
  "169.254.170.23",
  "169.254.0.23",
  "100.100.100.200",
  "fd00:ec2::254",
  "fd00:ec2::23",
].map((text) => parseAddress(text) as Address);

const METADATA_NAMES = new Set(["metadata.google.internal", "metadata.goog", "metadata"]);
