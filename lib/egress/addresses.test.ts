import { describe, expect, test } from "vitest";
import { inRange, isBlocked, isMetadata, parseAddress, parseRange } from "@/lib/egress/addresses";

const read = (text: string) => {
  const address = parseAddress(text);
  if (!address) throw new Error(`${text} is no address`);
  return address;
};

// First and last of each range of SECURITY SS-3, and disguises of private IPv4.
const BLOCKED =
  `0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1 127.255.255.255 169.254.0.0
169.254.169.254 169.254.255.255 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.255 192.0.2.1 192.88.99.1 192.168.0.0 192.168.255.255
198.18.0.0 198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:10.1.2.3 0:0:0:0:0:ffff:c0a8:1 64:ff9b::127.0.0.1 64:ff9b::7f00:1
64:ff9b::a9fe:a9fe 64:ff9b::10.0.0.1 64:ff9b:1::1 64:ff9b:1::8.8.8.8 100::1 2001::1 2001:0:53aa:64c:0:0:80ff:fffe 2001:db8::1
2001:1ff:ffff::1 2002:7f00:1:: 2002:7f00:0001::1 2002:a00:1:: 2002:c0a8:101::5 2002:a9fe:a9fe:: fc00::1 fd00:ec2::254 fdff::1 fe80::1
fe80::1%eth0 febf::1 fec0::1 feff::1 ff00::1 ff02::1 3fff::1 4000::1 5f00::1 1::1 ::fffe:1.2.3.4`.split(/\s+/);

const PUBLIC =
  `1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1 169.253.255.255 169.255.0.0
172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0 192.88.98.255 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 203.0.112.255
223.255.255.255 ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::1 2606:4700:4700::1111 2001:4860:4860::8888 2001:200::1
2a00:1450:4001::1 3ffe::1`.split(/\s+/);

test.each(BLOCKED)("%s is blocked", (text) => expect(isBlocked(read(text))).toBe(true));
test.each(PUBLIC)("%s is public", (text) => expect(isBlocked(read(text))).toBe(false));

describe("metadata services", () => {
  test.each(
    `169.254.169.254 169.254.170.2 169.254.170.23 169.254.0.23 100.100.100.200 fd00:ec2::254 ::ffff:169.254.169.254 ::169.254.169.254
64:ff9b::a9fe:a9fe 2002:a9fe:a9fe:: ::ffff:6464:64c8`.split(/\s+/),
  )("%s", (text) => expect(isMetadata(read(text))).toBe(true));
  test.each(["169.254.169.253", "127.0.0.1", "fd00:ec2::255", "8.8.8.8"])("not %s", (text) =>
    expect(isMetadata(read(text))).toBe(false),
  );
});

test("only standard texts are addresses", () => {
  for (const text of [
    "",
    "localhost",
    "1.2.3",
    "0x7f.1",
    "2130706433",
    "0177.0.0.1",
    "1.2.3.4.5",
    "[::1]",
    ":::1",
    "1.2.3.4 ",
  ])
    expect(parseAddress(text)).toBeNull();
});

test("ranges", () => {
  const range = (text: string) => {
    const parsed = parseRange(text);
    if (!parsed) throw new Error(`${text} is no range`);
    return parsed;
  };
  expect(inRange(read("10.1.2.3"), range("10.0.0.0/8"))).toBe(true);
  expect(inRange(read("::ffff:10.1.2.3"), range("10.0.0.0/8"))).toBe(true);
  expect(inRange(read("11.0.0.0"), range("10.0.0.0/8"))).toBe(false);
  expect(inRange(read("10.0.0.127"), range("10.0.0.0/25"))).toBe(true);
  expect(inRange(read("10.0.0.128"), range("10.0.0.0/25"))).toBe(false);
  expect(inRange(read("1.2.3.4"), range("0.0.0.0/0"))).toBe(true);
  expect(inRange(read("::1"), range("0.0.0.0/0"))).toBe(false);
  for (const text of ["10.0.0.1/8", "10.0.0.0/33", "10.0.0.0", "10.0.0.0/", "/8", "10.0.0.0/8/8", "x/8", "fd00::/129"])
    expect(parseRange(text)).toBeNull();
});
