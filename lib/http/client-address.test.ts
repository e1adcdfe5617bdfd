import { afterEach, expect, test } from "vitest";
import { readSettings } from "@/lib/config";
import { forget, install } from "@/lib/process";
import { clientAddress, PEER_HEADER } from "./client-address";

/** The address a source counts as (SECURITY SES-7): only proxies the operator named may speak for others. */
function from(peer: string, forwarded: string | null, proxies = ""): string | null {
  install("settings", readSettings({ LATCHKEY_TRUSTED_PROXIES: proxies }));
  forget("trusted-proxies");
  const headers: Record<string, string> = { [PEER_HEADER]: peer };
  if (forwarded !== null) headers["x-forwarded-for"] = forwarded;
  return clientAddress(new Request("http://latchkey.test/", { headers }));
}

afterEach(() => {
  forget("settings");
  forget("trusted-proxies");
});

test("without a named proxy a forwarded address is a claim, and the peer counts", () => {
  expect(from("203.0.113.9", "198.51.100.1")).toBe("203.0.113.9");
  expect(from("::ffff:203.0.113.9", null)).toBe("203.0.113.9");
});

test("beside named proxies a peer that is none of them speaks for itself alone", () => {
  expect(from("203.0.113.9", "198.51.100.1", "10.0.0.0/8")).toBe("203.0.113.9");
  expect(from("203.0.113.9", "10.0.0.3", "10.0.0.0/8")).toBe("203.0.113.9");
  expect(from("2001:db8::9", "2001:db8::7", "fd00::/8")).toBe("2001:db8::9");
});

test("behind named proxies the last address that is no proxy counts, whatever a client put before it", () => {
  expect(from("10.0.0.2", "198.51.100.1", "10.0.0.0/8")).toBe("198.51.100.1");
  expect(from("10.0.0.2", "192.0.2.66, 198.51.100.1, 10.0.0.3", "10.0.0.0/8")).toBe("198.51.100.1");
  expect(from("fd00::2", "2001:db8::7", "fd00::/8")).toBe("2001:db8::7");
});

test("nonsense in the header falls back to the peer", () => {
  expect(from("10.0.0.2", "not-an-address", "10.0.0.0/8")).toBe("10.0.0.2");
  expect(from("", null)).toBeNull();
});
