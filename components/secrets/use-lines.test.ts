import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { AuthSecret, SecretType } from "@/lib/sdk/resources";
import { SECRET_TYPE_NAMES } from "@/lib/secret-types";
import { KEY_FILE_COMMAND, outboundLinesOf } from "./outbound-lines";
import { useLinesOf } from "./use-lines";

const lines = (type: SecretType, name: string) =>
  useLinesOf("https://keys.example.com", "w1", {
    id: "s1",
    type: "auth-secret",
    attributes: { name, type },
  } as AuthSecret);

test("a token is asked for, other values are read", () => {
  expect(lines("oauth2", "CRM").curl).toContain(
    "https://keys.example.com/v2/workspaces/w1/secrets/s1/token?minimum_validity=60",
  );
  expect(lines("oauth2", "CRM").commandLine).toBe("latchkey token CRM");
  expect(lines("basic", "CRM").curl).toMatch(/secrets\/s1$/);
  expect(lines("basic", "CRM").program).toContain('getBasicAuth("CRM")');
});

test("what is never handed out in a use is used where it lies: statements run, tokens signed, texts encrypted", () => {
  expect(lines("postgresql", "Orders").curl).toContain('-d \'{"statement":"select 1 as one"}\'');
  expect(lines("mysql", "Orders").commandLine).toBe("latchkey sql Orders 'select 1 as one'");
  expect(lines("hs256", "Hooks").curl).toMatch(/secrets\/s1\/jwt\/sign$/);
  expect(lines("rs256", "Keys").commandLine).toBe(`latchkey sign --claims '{"sub":"42"}' Keys`);
  const encrypting = { name: "Keys", type: "rs256", visible: { use: "encrypt" } };
  const found = useLinesOf("https://keys.example.com", "w1", { id: "s1", attributes: encrypting } as never);
  expect(found.curl).toMatch(/jwt\/encrypt$/);
  expect(found.commandLine).toBe("printf %s 'a text' | latchkey encrypt Keys");
  expect([found.through, found.outgoing, found.incoming]).toEqual([null, null, null]);
});

test.each([
  [[], '{"url":"https://api.example.com/"}'],
  [["*.example.org:8443"], '{"url":"https://www.example.org:8443/"}'],
  [["GET api.example.org/v1/"], '{"url":"https://api.example.org/v1/"}'],
  [["POST api.example.org/v1/", "x.example"], '{"method":"POST","url":"https://api.example.org/v1/"}'],
])("a request through Latchkey goes where the first entry of %j lets it", (allowed_hosts, body) => {
  const attributes = { name: "x", type: "api_key", allowed_hosts };
  const secret = { id: "s1", type: "auth-secret", attributes } as unknown as AuthSecret;
  const found = useLinesOf("https://keys.example.com", "w1", secret);
  expect(found.through).toContain(`-d '${body}'`);
  const { url } = JSON.parse(body);
  expect(found.program).toContain(`fetch("x", ${JSON.stringify(url)})`);
  expect(found.outgoing).toContain(`/outbound/s1/${url.slice("https://".length)};`);
});

test("every type has lines", () => {
  for (const type of SECRET_TYPE_NAMES) expect(lines(type, "x").program).toMatch(/await latchkey\.\w/);
});

test.each(["plain", "two words", "it's", "$(touch x)", "-rf", 'a"b`c\\', "ü"])(
  "a shell reads the name %s as it is",
  (name) => {
    const { commandLine } = lines("password", name);
    const out = execFileSync(
      "/bin/sh",
      ["-c", `latchkey() { for last; do :; done; printf %s "$last"; }; ${commandLine}`],
      { encoding: "utf8" },
    );
    expect(out).toBe(name);
    expect(lines("password", name).program).toContain(`(${JSON.stringify(name)})`);
  },
);

test("types that are put into requests have lines for nginx to do so, and none holds a value or a key", () => {
  const going = SECRET_TYPE_NAMES.filter((type) => lines(type, "x").outgoing !== null);
  expect(going).toEqual(["oauth2", "basic", "password", "api_key", "http_headers", "hs256", "rs256"]);
  expect(lines("oauth2", "x").outgoing).toContain("proxy_ssl_verify on;");
  expect(lines("oauth2", "x").outgoing).not.toContain("Authorization");
});

test("README shows what the drawer gives to copy for nginx", () => {
  const readme = readFileSync("README.md", "utf8");
  const shown = outboundLinesOf("https://latchkey.example.com", "6b014f05e7e458fc32e51514", "https://api.example.com/");
  for (const text of [shown, KEY_FILE_COMMAND]) expect(readme).toContain(`\n${text}\n`);
});

test("types that open endpoints have lines for nginx, of an endpoint that is there or of one to be named", () => {
  const opening = SECRET_TYPE_NAMES.filter((type) => lines(type, "x").incoming !== null);
  expect(opening.sort()).toEqual(["api_key", "basic", "hs256", "rs256"]);
  expect(lines("basic", "x").incoming).toContain("proxy_pass https://keys.example.com/inbound/ENDPOINT/check;");
  const secret = { id: "s1", type: "auth-secret", attributes: { name: "x", type: "basic" } } as AuthSecret;
  const url = "https://keys.example.com/inbound/6b01f8f99a23184327b7d089/check";
  expect(useLinesOf("https://keys.example.com", "w1", secret, url).incoming).toContain(`proxy_pass ${url};`);
});
