import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { PEER_HEADER } from "./client-address";
import { overwriteForwarded } from "./forwarded";

/** Nothing that a client sends says where it comes from or what our address is (SECURITY SES-7). */
test.each([
  {},
  {
    host: "evil.example",
    "x-forwarded-host": "evil.example",
    "x-forwarded-proto": "http",
    [PEER_HEADER]: "10.0.0.1",
  },
])("%j is overwritten", (headers) => {
  const request = { headers: { ...headers }, socket: { remoteAddress: "203.0.113.9" } as Socket };
  overwriteForwarded(request, new URL("https://latchkey.test:8443"));
  expect(request.headers).toEqual({
    host: "latchkey.test:8443",
    "x-forwarded-host": "latchkey.test:8443",
    "x-forwarded-proto": "https",
    [PEER_HEADER]: "203.0.113.9",
  });
});

test("the server does so before Next is asked", () => {
  expect(readFileSync("lib/http/routers.ts", "utf8")).toMatch(
    /\boverwriteForwarded\(request, publicUrl\);[^}]*\btoNext\(request/,
  );
});
