import { describe, expect, test } from "vitest";
import { allowedHosts, entriesFor, isAllowed, isWithin, namesHost } from "./allowed-hosts";

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
  ])("%s with %j: %s", (url, entries, allowed) =>
    expect(isAllowed(entriesFor({ method: "GET", url: new URL(url) }), entries)).toBe(allowed),
  );
});

describe("methods and paths", () => {
  const all = (entry: string) => {
    const parsed = allowedHosts.safeParse([entry]);
    return parsed.success ? parsed.data : parsed.error.issues[0]?.message;
  };

  test.each([
    ["api.example.com/", ["api.example.com"]],
    ["api.example.com/v1", ["api.example.com/v1/"]],
    ["API.example.com:8443/v1/Users/", ["api.example.com:8443/v1/Users/"]],
    ["*.example.com/v1/", ["*.example.com/v1/"]],
    ["[::1]:8080/a", ["[::1]:8080/a/"]],
    ["GET api.example.com", ["GET api.example.com"]],
    ["get,Post api.example.com/v1/", ["GET api.example.com/v1/", "POST api.example.com/v1/"]],
    ["GET, POST  api.example.com", ["GET api.example.com", "POST api.example.com"]],
    ["GET GET api.example.com", ["GET api.example.com"]],
    ["api.example.com/a:b=c/~f_g.h", ["api.example.com/a:b=c/~f_g.h/"]],
  ])("%s is kept as %j", (given, kept) => expect(all(given)).toEqual(kept));

  test.each([
    ["GET"],
    ["GET,"],
    ["GET,POST"],
    ["FETCH api.example.com"],
    ["GET /v1/"],
    [",GET api.example.com"],
    ["api.example.com GET"],
    ["api.example.com/v1/*"],
    ["api.example.com//v1"],
    ["api.example.com/v1//x"],
    ["api.example.com/../v1"],
    ["api.example.com/."],
    ["api.example.com/%76%31/"],
    ["api.example.com/v1%2fx"],
    ["api.example.com/{{ a.b }}"],
    ["api.example.com/%7B%7B%7D%7D/"],
    ["api.example.com/v1?x"],
    ["api.example.com/v1#x"],
    ["api.example.com/a\\b"],
    ["api.example.com/ü"],
    ["api.example.com/a;b"],
    ["api.example.com/a@b"],
    ["api.example.com/a'b"],
    ["api.example.com/1/2/3/4/5/6/7/8/9/10/11"],
    ["*.co.uk/v1/"],
    ["GET *.com/"],
  ])("%s is refused with the reason", (given) => expect(all(given)).toMatch(/^".*" (must|may) /));

  test("fifty entries, those of each method counted", () => {
    const hosts = Array.from({ length: 26 }, (_, i) => `GET,POST h${i}.example`);
    expect(allowedHosts.safeParse(hosts.slice(1)).success).toBe(true);
    expect(allowedHosts.safeParse(hosts).success).toBe(false);
  });

  const may = (method: string, url: string, entry: string) =>
    isAllowed(entriesFor({ method, url: new URL(url) }), allowedHosts.parse([entry]));

  test.each([
    ["GET", "https://api.example.com/anything?x", "GET api.example.com", true],
    ["POST", "https://api.example.com/", "GET api.example.com", false],
    ["HEAD", "https://api.example.com/", "GET api.example.com", false],
    ["POST", "https://api.example.com/v1/x", "GET,POST api.example.com/v1/", true],
    ["GET", "https://api.example.com/v1", "api.example.com/v1/", true],
    ["GET", "https://api.example.com/v1/", "api.example.com/v1", true],
    ["GET", "https://api.example.com/v1?next=/v2", "api.example.com/v1", true],
    ["GET", "https://api.example.com/v1/a/b/c/d/e/f/g/h/i/j/k", "api.example.com/v1", true],
    ["GET", "https://api.example.com/v1/a%20b/ü/{{", "api.example.com/v1", true],
    ["GET", "https://api.example.com:443/v1/x", "api.example.com:443/v1", true],
    ["GET", "https://a.example.com/v1/x", "*.example.com/v1", true],
    ["GET", "https://api.example.com/v1/x//y", "api.example.com/v1", true],
    ["GET", "https://api.example.com/", "api.example.com/v1/", false],
    ["GET", "https://api.example.com/v10", "api.example.com/v1/", false],
    ["GET", "https://api.example.com/V1/", "api.example.com/v1/", false],
    ["GET", "https://api.example.com//v1/x", "api.example.com/v1/", false],
    ["GET", "https://api.example.com/v2/v1/", "api.example.com/v1/", false],
    ["GET", "https://other.example.com/v1/", "api.example.com/v1/", false],
    ["GET", "https://api.example.com:8443/v1/", "api.example.com/v1/", false],
    // What is normalised before it is sent, and what somebody may read generously behind it.
    ["GET", "https://api.example.com/v1/../admin", "api.example.com/v1/", false],
    ["GET", "https://api.example.com/x/../v1/y", "api.example.com/v1/", true],
    ["GET", "https://api.example.com/v1/%2e%2e/admin", "api.example.com/v1/", false],
    ["GET", "https://api.example.com/v1/..%2fadmin", "api.example.com/v1/", false],
    ["GET", "https://api.example.com/v1/%252e%252e%252fadmin", "api.example.com/v1/", false],
    ["GET", "https://api.example.com/v1/..%5cadmin", "api.example.com/v1/", false],
    ["GET", "https://api.example.com/v1/x%2f..%2f..%2fadmin", "api.example.com/v1/", false],
    ["GET", "https://api.example.com/v1/..;/admin", "api.example.com/v1/", false],
    ["GET", "https://api.example.com/v1/.%3b/admin", "api.example.com/v1/", false],
    ["GET", "https://api.example.com/v1\\..\\admin", "api.example.com/v1/", false],
    ["GET", "https://api.example.com/%76%31/x", "api.example.com/v1/", false],
    ["GET", "https://api.example.com/v1%2fx", "api.example.com/v1/", false],
    // Without a path in the entry, a path is the destination's own affair.
    ["GET", "https://api.example.com/v1/..%2fadmin", "api.example.com", true],
  ])("%s %s with %s: %s", (method, url, entry, allowed) => expect(may(method, url, entry)).toBe(allowed));

  test("how often something is encoded does not matter", () => {
    let dots = "..";
    for (let i = 0; i < 20; i++) {
      expect(may("GET", `https://api.example.com/v1/${dots}/x`, "api.example.com/v1/"), dots).toBe(false);
      dots = encodeURIComponent(dots === ".." ? "%2e%2e" : dots);
    }
  });

  test("an entry is within a wider one", () => {
    expect(isWithin("GET api.example.com/v1/users/", ["api.example.com"])).toBe(true);
    expect(isWithin("GET api.example.com/v1/users/", ["GET api.example.com/v1/"])).toBe(true);
    expect(isWithin("api.example.com", ["api.example.com"])).toBe(true);
    for (const narrow of ["GET api.example.com", "api.example.com/v1/", "api.example.com:443", "*.example.com"])
      expect(isWithin("api.example.com", [narrow]), narrow).toBe(false);
    expect(isWithin("POST api.example.com/v1/", ["GET api.example.com/v1/"])).toBe(false);
    expect(isWithin("api.example.com/v10/", ["api.example.com/v1/"])).toBe(false);
    expect(isWithin("api.example.com", [])).toBe(false);
  });

  test("an entry names a host with whatever methods and paths", () => {
    const url = new URL("https://api.example.com/x");
    for (const entry of ["api.example.com", "GET api.example.com:443/v1/", "*.example.com/v1/"])
      expect(namesHost(url, entry), entry).toBe(true);
    for (const entry of ["api.example.com:8443", "GET example.com"]) expect(namesHost(url, entry), entry).toBe(false);
  });
});
