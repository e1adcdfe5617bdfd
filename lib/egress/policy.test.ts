import { describe, expect, test } from "vitest";
import { type Address, parseAddress } from "@/lib/egress/addresses";
import { AllowListError, parseAllowList } from "@/lib/egress/allow-list";
import { EgressPolicy } from "@/lib/egress/policy";
import { checkLiteral, Egress } from "@/lib/egress/safe-fetch";

function judge(allow: string[], url: string, ...addresses: string[]): string | null {
  const parsed = new URL(url);
  return new EgressPolicy({ allow, ownAddresses: () => ["185.199.108.1"] }).complaintAboutAddresses(
    {
      protocol: parsed.protocol as "https:",
      host: parsed.hostname.replace(/^\[|\]$/g, ""),
      port: Number(parsed.port || (parsed.protocol === "https:" ? 443 : 80)),
    },
    addresses.map((text) => parseAddress(text) as Address),
  );
}

describe("without a list", () => {
  test("https to public addresses on usual ports", () => {
    expect(judge([], "https://idp.example/", "8.8.8.8", "2606:4700::1")).toBeNull();
    expect(judge([], "https://idp.example:8443/", "8.8.8.8")).toBeNull();
    expect(judge([], "https://idp.example:22/", "8.8.8.8")).toMatch(/port 22/);
    expect(judge([], "http://idp.example/", "8.8.8.8")).toMatch(/plain http/);
  });

  test("one bad address among good ones blocks the name", () => {
    expect(judge([], "https://idp.example/", "8.8.8.8", "10.0.0.1")).toMatch(/private/);
    expect(judge([], "https://idp.example/", "8.8.8.8", "::ffff:127.0.0.1")).toMatch(/private/);
    expect(judge([], "https://idp.example/")).toMatch(/no address/);
  });

  test("this machine's own public address", () => {
    expect(judge([], "https://idp.example/", "185.199.108.1")).toMatch(/this machine/);
    expect(judge(["185.199.108.1"], "https://idp.example/", "185.199.108.1")).toBeNull();
  });
});

test.each([
  "ftp://idp.example/",
  "file:///etc/passwd",
  "ws://idp.example/",
  "https://u@idp.example/",
  "https://:p@idp.example/",
])("%s is refused by its form, before any name is asked for", (url) => {
  expect(new EgressPolicy({ allow: ["idp.example"] }).complaintAboutUrl(new URL(url))).toMatch(/not allowed/);
});

describe("with a list", () => {
  test.each([
    ["10.0.0.0/8", "http://idp/", "10.2.3.4", true],
    ["10.0.0.0/8", "http://idp:9/", "10.2.3.4", true],
    ["10.0.0.0/8", "http://idp/", "11.2.3.4", false],
    ["10.0.0.0/8:8080", "http://idp:8080/", "10.2.3.4", true],
    ["10.0.0.0/8:8080", "https://idp/", "10.2.3.4", false],
    ["127.0.0.1", "http://127.0.0.1:5000/", "127.0.0.1", true],
    ["127.0.0.1:5000", "http://127.0.0.1:5001/", "127.0.0.1", false],
    ["localhost", "http://localhost:5000/", "127.8.9.1", true],
    ["localhost", "http://localhost:5000/", "::1", true],
    ["localhost:5000", "http://localhost:5001/", "::1", false],
    ["localhost", "http://localhost/", "10.0.0.1", false],
    ["[::1]:5000", "http://[::1]:5000/", "::1", true],
    ["[fd00::]", "http://[fd00::]/", "fd00::", true],
    ["fd00::/8", "http://idp:1/", "fd12::1", true],
    ["fd00::/8:443", "https://idp/", "fd12::1", true],
    ["fd00::/8:443", "https://idp:8443/", "fd12::1", false],
    ["[fd00::/8]:443", "https://idp/", "fd12::1", true],
    ["idp.corp", "http://idp.corp:81/", "10.0.0.1", true],
    ["IDP.corp.", "http://idp.corp:81/", "10.0.0.1", true],
    ["idp.corp:81", "http://idp.corp:82/", "10.0.0.1", false],
    ["idp.corp", "http://x.idp.corp/", "10.0.0.1", false],
    ["10.0.0.0/8", "http://idp/", "64:ff9b::10.0.0.1", true],
  ])("%s for %s at %s: %s", (entry, url, address, allowed) => {
    expect(judge([entry], url, address) === null).toBe(allowed);
  });

  test("metadata services stay blocked, whatever is listed", () => {
    const all = ["0.0.0.0/0", "::/0", "169.254.169.254", "metadata.google.internal", "idp.corp", "fd00:ec2::254"];
    for (const address of [
      "169.254.169.254",
      "::ffff:169.254.170.2",
      "100.100.100.200",
      "fd00:ec2::254",
      "2002:a9fe:a9fe::",
    ])
      expect(judge(all, "https://idp.corp/", address)).toMatch(/metadata/);
    expect(judge(all, "http://metadata.google.internal/", "10.0.0.1")).toMatch(/metadata/);
  });

  test.each([
    "10.0.0.1/8",
    "10.0.0.0/40",
    "1.2.3",
    "0x7f.1",
    "2130706433",
    "[::1",
    "::1]:5",
    "a b",
    "a:0",
    "a:65536",
    "a:x",
    "-a",
    "a..b",
    "",
  ])("%j is refused", (entry) => expect(() => parseAllowList([entry])).toThrow(AllowListError));
});

test("checkLiteral: what can be said of a URL before it is used", () => {
  const open = new Egress({ allow: ["10.0.0.0/8:9000"] });
  const fine = [
    "https://idp.example/token",
    "http://idp.example:81/token",
    "https://localhost/token",
    "http://10.1.1.1:9000/x",
    "https://8.8.8.8:99/",
  ];
  const wrong = [
    "",
    "idp.example",
    "ftp://idp.example/",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "https://user@idp.example/",
    "https://:pw@idp.example/",
    "https://idp.example/\r\nX: y",
    "https://idp\t.example/",
    " https://idp.example/",
    "https://127.0.0.1/",
    "http://127.0.0.1:81/",
    "https://0x7f.1/",
    "https://[::ffff:127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://169.254.169.254/",
    "https://metadata.google.internal/",
    "https://METADATA.google.internal./",
    "http://10.1.1.1:9001/x",
    "https://[fe80::1]/",
  ];
  for (const url of fine) expect([url, checkLiteral(url, open)]).toEqual([url, null]);
  for (const url of wrong) expect([url, typeof checkLiteral(url, open)]).toEqual([url, "string"]);
});
