import { describe, expect, test } from "vitest";
import { allowedHosts, isAllowed } from "./allowed-hosts";

/** Where a secret may be sent (SECURITY PX-1). */
const read = (entry: string) => {
  const parsed = allowedHosts.safeParse([entry]);
  return parsed.success ? parsed.data[0] : parsed.error.issues[0]?.message;
};

describe("an entry", () => {
  test.each([
    ["api.example.com", "api.example.com"],
    ["  API.Example.COM ", "api.example.com"],
    ["api.example.com.", "api.example.com"],
    ["api.example.com:8443", "api.example.com:8443"],
    ["api.example.com:443", "api.example.com:443"],
    ["*.example.com", "*.example.com"],
    ["*.example.co.uk:8443", "*.example.co.uk:8443"],
    ["*.someone.github.io", "*.someone.github.io"],
    ["bücher.example", "xn--bcher-kva.example"],
    ["127.0.0.1:8080", "127.0.0.1:8080"],
    ["0x7f.1:80", "127.0.0.1:80"],
    ["[::1]:8080", "[::1]:8080"],
    ["localhost:3000", "localhost:3000"],
  ])("%s is kept as %s", (given, kept) => expect(read(given)).toBe(kept));

  test.each([
    "",
    " ",
    "https://api.example.com",
    "api.example.com/path",
    "user@api.example.com",
    "api.example.com?x",
    "a b.example.com",
    "*",
    "*.",
    "*.*.example.com",
    "a.*.example.com",
    "a*.example.com",
    "*example.com",
    "*.com",
    "*.co.uk",
    "*.github.io",
    "*.s3.amazonaws.com",
    "*.herokuapp.com",
    "*.127.0.0.1",
    "*.[::1]",
    "api.example.com:",
    "api.example.com:0",
    "api.example.com:65536",
    "api.example.com:x",
    "api.example.com\r\nx",
    "api..example.com:99999",
    "-a.example.com",
    "a\\b.example.com",
    "x".repeat(300),
  ])("%j is refused with the reason", (given) => expect(read(given)).toMatch(/^(".*" )?(must|may) /));

  test("each is kept once, fifty at most", () => {
    expect(allowedHosts.parse(["a.example", "A.example", "b.example"])).toEqual(["a.example", "b.example"]);
    expect(allowedHosts.safeParse(Array.from({ length: 51 }, (_, i) => `h${i}.example`)).success).toBe(false);
    expect(allowedHosts.safeParse("a.example").success).toBe(false);
  });
});

describe("a URL", () => {
  test.each([
    ["https://api.example.com/x?y", ["api.example.com"], true],
    ["https://API.example.com./x", ["api.example.com"], true],
    ["https://api.example.com:443/", ["api.example.com"], true],
    ["https://api.example.com/", ["api.example.com:443"], true],
    ["http://api.example.com/", ["api.example.com"], true],
    ["http://api.example.com/", ["api.example.com:443"], false],
    ["https://api.example.com:8443/", ["api.example.com"], false],
    ["https://api.example.com:8443/", ["api.example.com:8443"], true],
    ["https://api.example.com/", ["api.example.com:8443"], false],
    ["https://a.example.com/", ["*.example.com"], true],
    ["https://a.b.example.com/", ["*.example.com"], false],
    ["https://example.com/", ["*.example.com"], false],
    ["https://aexample.com/", ["*.example.com"], false],
    ["https://api.example.com.evil.test/", ["api.example.com"], false],
    ["https://evil.test/?api.example.com", ["api.example.com"], false],
    ["https://127.0.0.1/", ["*.0.0.1"], false],
    ["https://2130706433/", ["127.0.0.1"], true],
    ["https://[::1]/", ["[::1]"], true],
    ["https://api.example.com/", [], false],
  ])("%s with %j: %s", (url, entries, allowed) => expect(isAllowed(new URL(url), entries)).toBe(allowed));
});
