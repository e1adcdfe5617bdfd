import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { GENERATORS } from "./generators";
import { httpHeaders } from "./http-headers";
import { isSecretType, SECRET_TYPE_NAMES, SECRET_TYPES } from "./index";
import { type SecretType, visibleValues } from "./secret-type";

/** Every type as its file describes it: form, documentation, limits. */
const types: SecretType[] = SECRET_TYPE_NAMES.map((name) => SECRET_TYPES[name]);

const messages = (type: SecretType, credentials: unknown) => {
  const checked = type.credentials.safeParse(credentials);
  return checked.success ? [] : checked.error.issues.map((issue) => `${issue.path.join("/")}: ${issue.message}`);
};

describe("the registry", () => {
  it("knows its own names and nothing that every object has", () => {
    expect(SECRET_TYPE_NAMES.every((name) => SECRET_TYPES[name].name === name && isSecretType(name))).toBe(true);
    for (const name of ["__proto__", "constructor", "toString", ""]) expect(isSecretType(name)).toBe(false);
  });

  it("is what README says: every type with every member of its form", async () => {
    const readme = await readFile("README.md", "utf8");
    for (const type of types) {
      const row = readme.split("\n").find((line) => line.startsWith(`| \`${type.name}\` |`));
      expect(row, type.name).toBeDefined();
      for (const field of type.fields) expect(row, type.name).toContain(`\`${field.name}\``);
    }
  });

  it("shows no member whose field is entered masked", () => {
    for (const type of types)
      for (const field of type.fields)
        if (field.kind === "secret" || field.kind === "pairs") expect(type.visible).not.toContain(field.name);
  });
});

describe("http_headers", () => {
  const check = (headers: unknown) => messages(httpHeaders, { headers });

  it("takes what a header can carry", () => {
    expect(check({ "X-API-Key": "abc:def, ghi; ü", Authorization: "Token x", Cookie: "a=b" })).toEqual([]);
  });

  it.each([
    ["Host", "x", "connection itself"],
    ["connection", "close", "connection itself"],
    ["Content-Length", "5", "connection itself"],
    ["Transfer-Encoding", "chunked", "connection itself"],
    ["Proxy-Authorization", "Basic x", "connection itself"],
    ["Upgrade", "h2c", "connection itself"],
    ["TE", "trailers", "connection itself"],
    ["Bad Name", "x", "HTTP header name"],
    ["X-A\r\nX-B", "x", "HTTP header name"],
    ["X-A:", "x", "HTTP header name"],
    ["", "x", "must not be empty"],
    ["X-A", "a\r\nX-B: c", "one line"],
    ["X-A", "a\nb", "one line"],
    ["X-A", "a\0", "one line"],
    ["X-A", "\u0007", "control characters"],
    ["X-A", "日本", "Latin-1"],
    ["X-A", " a", "space"],
    ["X-A", "", "must not be empty"],
    ["X-A", "••••••••", "mask"],
  ])("refuses %j: %j", (name, value, words) => {
    const said = check({ [name]: value });
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(words);
    expect(said[0]).toMatch(/^headers\//);
    if (value !== "") expect(said[0]?.slice(said[0].indexOf(": "))).not.toContain(`"${value}"`);
  });

  it("has limits, and tells no capitals apart", () => {
    expect(check({})[0]).toContain("one header at least");
    expect(check({ "X-A": "1", "x-a": "2" })[0]).toContain("given twice");
    expect(check(Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`X-${n}`, "v"])))[0]).toContain("50 headers");
    expect(check({ "X-A": "v".repeat(16 * 1024) })[0]).toContain("16 KB");
    expect(check("X-A: 1")[0]).toContain("must be an object");
    expect(check({ "X-A": 1 })[0]).toContain("must be text");
    expect(messages(httpHeaders, {}).length).toBeGreaterThan(0);
  });

  it("shows names and keeps values", () => {
    expect(visibleValues(httpHeaders, { headers: { "X-A": "1", "X-B": "2" } })).toEqual({ headers: ["X-A", "X-B"] });
  });
});

describe("generators", () => {
  it("make text that its type takes, never twice", () => {
    const made = Array.from({ length: 200 }, () => GENERATORS.password.make());
    expect(new Set(made).size).toBe(200);
    for (const one of made) expect(one).toMatch(/^[\w-]{24}$/);
    expect(GENERATORS.hs256.make()).toMatch(/^[\w-]{64}$/);
  });
});
