/** Where no request of Latchkey may go (SECURITY SS-2, SS-3; FAULTS C11). */

const DIGITS = "０１２３４５６７８９";
const wide = (text: string) => text.replace(/\d/g, (digit) => DIGITS.charAt(Number(digit)));
const V4 = [
  "127.0.0.1",
  "127.0.0.2",
  "127.1.2.3",
  "127.255.255.254",
  "0.0.0.0",
  "10.0.0.1",
  "192.168.1.1",
  "172.16.0.1",
  "169.254.169.254",
];
const spellings = V4.flatMap((ip) => {
  const [a, b, c, d] = ip.split(".").map(Number) as [number, number, number, number];
  const number = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  const hex = (n: number) => n.toString(16).padStart(2, "0");
  const groups = `${hex(a)}${hex(b)}:${hex(c)}${hex(d)}`;
  return [
    ip,
    `${ip}.`,
    String(number),
    `0x${number.toString(16)}`,
    `0${number.toString(8)}`,
    `0x${hex(a)}.0x${hex(b)}.0x${hex(c)}.0x${hex(d)}`,
    `0${a.toString(8)}.0${b.toString(8)}.0${c.toString(8)}.0${d.toString(8)}`,
    `${a}.${(b << 16) | (c << 8) | d}`,
    `${a}.${b}.${(c << 8) | d}`,
    `0x${hex(a)}.${(b << 16) | (c << 8) | d}`,
    wide(ip),
    ip.replaceAll(".", "。"),
    encodeURIComponent(ip).replaceAll(".", "%2e"),
    `[::ffff:${ip}]`,
    `[::ffff:${groups}]`,
    `[0:0:0:0:0:ffff:${groups}]`,
    `[::${ip}]`,
    `[64:ff9b::${ip}]`,
    `[64:ff9b::${groups}]`,
    `[2002:${groups}::]`,
    `[2002:${groups}::1]`,
  ];
});
const more = [
  "[::]",
  "[::1]",
  "[0:0:0:0:0:0:0:1]",
  "[0000:0000:0000:0000:0000:0000:0000:0001]",
  "[::0001]",
  "[fe80::1]",
  "[fc00::1]",
  "[fd00:ec2::254]",
  "[ff02::1]",
  "127.1",
  "0",
  "0x0",
  "0177.1",
  "localhost",
  "LOCALHOST",
  "localhost.",
  "ⓛocalhost",
  "ip6-localhost",
  "private.test",
  "mixed.test",
  "mapped.test",
  "metadata.google.internal",
  "Metadata.Google.Internal.",
  "user@127.0.0.1",
  "user:pw@localhost",
  "8.8.8.8@127.0.0.1",
];
/** Spellings of this machine, of private places and of metadata services, as hosts of URLs: over 150. */
export const FORBIDDEN_HOSTS = [...new Set([...spellings, ...more])];
const names: Record<string, string[]> = {
  localhost: ["127.0.0.1", "::1"],
  "ip6-localhost": ["::1"],
  "private.test": ["127.0.0.1"],
  "mixed.test": ["8.8.8.8", "127.0.0.1"],
  "mapped.test": ["::ffff:127.0.0.1"],
};
/** The names among them, as a resolver that a tenant controls may answer. */
export const resolveForbidden = async (host: string) => {
  const found = names[host];
  if (!found) throw Object.assign(new Error("ENOTFOUND"), { code: "ENOTFOUND" });
  return found;
};
