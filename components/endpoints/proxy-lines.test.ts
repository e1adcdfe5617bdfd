import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { proxyLinesOf } from "./proxy-lines";

/** nginx and Caddy run them in app/inbound. */
const ID = "6b01f8f99a23184327b7d089";
const lines = proxyLinesOf(`https://latchkey.example.com/inbound/${ID}/check`);

test("README shows what the page gives to copy", () => {
  const readme = readFileSync("README.md", "utf8");
  for (const text of Object.values(lines)) expect(readme).toContain(`\n${text}\n`);
});

test("each names the endpoint, and takes from the caller what only Latchkey says", () => {
  for (const text of Object.values(lines)) {
    expect(text).toContain(ID);
    for (const name of ["Subject", "Secret", "Scopes"]) expect(text).toContain(`X-Latchkey-${name}`);
  }
  expect(lines.caddy).toMatch(/request_header -\*Latchkey\*[\s\S]+forward_auth/);
});

test("over TLS nginx knows whom it asks; without there is nothing to say about it", () => {
  expect(lines.nginx).toContain("proxy_ssl_verify on;");
  expect(proxyLinesOf(`http://127.0.0.1:3000/inbound/${ID}/check`).nginx).not.toContain("ssl");
});
