import { expect, test } from "vitest";
import { readSettings, SettingsError } from "./config";

function violations(env: Record<string, string>): string[] {
  try {
    readSettings(env);
  } catch (error) {
    if (error instanceof SettingsError) return error.violations.map((line) => line.split(":")[0] ?? "").sort();
    throw error;
  }
  return [];
}

test("nothing set is a laptop: the embedded database, one address, port 3000", () => {
  expect(readSettings({})).toMatchObject({
    port: 3000,
    host: "127.0.0.1",
    url: "http://localhost:3000",
    role: "all",
    refreshLeadS: 60,
    secure: false,
  });
});

test("every violation is told at once, also what settings demand of each other", () => {
  expect(
    violations({
      PORT: "99999",
      LATCHKEY_URL: "https://latchkey.example.com/path",
      LATCHKEY_ROLE: "boss",
      LATCHKEY_TRUSTED_PROXIES: "10.0.0.0/99",
      LATCHKEY_EGRESS_ALLOW: "10.0.0.0/8, bad host!, 10.0.0.1/8",
      DATABASE_URL: "postgres://localhost/latchkey",
      LATCHKEY_BOOTSTRAP_EMAIL: "ada@example.com",
    }),
  ).toEqual([
    "LATCHKEY_BOOTSTRAP_PASSWORD",
    "LATCHKEY_EGRESS_ALLOW",
    "LATCHKEY_EGRESS_ALLOW",
    "LATCHKEY_MASTER_KEY",
    "LATCHKEY_ROLE",
    "LATCHKEY_TRUSTED_PROXIES",
    "LATCHKEY_URL",
    "PORT",
  ]);
});

test("a violation names the setting and never its value", () => {
  try {
    readSettings({ LATCHKEY_BOOTSTRAP_EMAIL: "ada@example.com", LATCHKEY_BOOTSTRAP_PASSWORD: "hunter2" });
    expect.unreachable();
  } catch (error) {
    expect(String(error)).toContain("LATCHKEY_BOOTSTRAP_PASSWORD");
    expect(String(error)).not.toContain("hunter2");
  }
});

test("an empty variable counts as not set, and the public URL decides whether cookies are secure", () => {
  expect(readSettings({ PORT: "", LATCHKEY_URL: "https://latchkey.example.com" })).toMatchObject({
    port: 3000,
    secure: true,
  });
});
