import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSettings } from "@/lib/config";
import { forget, install } from "@/lib/process";
import { secureAnswer } from "./security-headers";

/** The headers of SES-4 and SES-8 as they leave; that browsers heed them is seen by e2e/pages.spec.ts. */

/** What the page's server found in the request: Next reads its nonce there. */
let policyOnRequest: string | undefined;
const server = createServer((request, response) => {
  secureAnswer(request, response, request.url ?? "", false);
  policyOnRequest = request.headers["content-security-policy"] as string | undefined;
  response.setHeader("X-Powered-By", "somebody");
  response.end("x");
});
let origin: string;

beforeAll(async () => {
  install("settings", readSettings({ LATCHKEY_URL: "https://latchkey.test" }));
  forget("security-headers");
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  forget("settings");
  forget("security-headers");
  await new Promise((resolve) => server.close(resolve));
});

const headersOf = async (path: string) => (await fetch(origin + path)).headers;

test.each(["/", "/v2/tenants", "/_next/static/x.js", "/readyz"])("%s says what a browser may not do", async (path) => {
  const headers = await headersOf(path);
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
  expect(headers.get("strict-transport-security")).toBe("max-age=31536000");
  expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
  expect(headers.get("referrer-policy")).toBe("strict-origin");
  expect(headers.get("x-powered-by")).toBeNull();
});

test("an answer of the API may load nothing and is kept nowhere", async () => {
  const headers = await headersOf("/v2/tenants");
  expect(headers.get("content-security-policy")).toContain("default-src 'none'");
  expect(headers.get("cache-control")).toBe("no-store");
});

test("a page loads what is its own, and scripts by a nonce of this answer", async () => {
  const policies = [await headersOf("/"), await headersOf("/")].map((one) => one.get("content-security-policy") ?? "");
  const nonces = policies.map((policy) => /'nonce-([A-Za-z0-9+/=]{24})'/.exec(policy)?.[1]);
  expect(nonces[0]).toBeDefined();
  expect(nonces[0]).not.toBe(nonces[1]);
  expect(policyOnRequest).toBe(policies[1]);
  for (const directive of policies[0]?.split("; ") ?? [])
    if (directive !== "upgrade-insecure-requests")
      for (const source of directive.split(" ").slice(1))
        expect(["'self'", "'none'", "'strict-dynamic'", "'unsafe-inline'", "data:", `'nonce-${nonces[0]}'`]).toContain(
          source,
        );
  expect(policies[0]).toMatch(/script-src 'self' 'nonce-[^']+' 'strict-dynamic';/);
});

test("a nonce that the client sends is not taken for ours", async () => {
  await fetch(`${origin}/v2/tenants`, { headers: { "content-security-policy": "script-src 'nonce-theirs'" } });
  expect(policyOnRequest).toBeUndefined();
});

test.each(["/api/oauth/callback/x", "/workspaces/1/secrets/2/failed"])("nothing of %s travels on", async (path) => {
  expect((await headersOf(path)).get("referrer-policy")).toBe("no-referrer");
});
