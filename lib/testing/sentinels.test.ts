import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { formsOf, Sentinels } from "@/lib/testing/sentinels";

/** A scanner that finds nothing proves nothing: each form is hidden once and must be found. */
const planted = new Sentinels();
const text = planted.text("text");
const token = planted.token("token");

const HIDDEN: Record<string, (value: string) => string | Uint8Array> = {
  raw: (value) => `before ${value} after`,
  json: (value) => JSON.stringify({ deep: [{ value }] }),
  "json in json": (value) => JSON.stringify({ log: JSON.stringify({ value }) }),
  url: (value) => `https://x.example/?a=${encodeURIComponent(value)}&b`,
  form: (value) => new URLSearchParams({ a: "b", value }).toString(),
  html: (value) =>
    `<p>${value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")}</p>`,
  hex: (value) => `\\x${Buffer.from(`ab${value}cd`).toString("hex").toUpperCase()}`,
  gzip: (value) => Buffer.concat([Buffer.from("head"), gzipSync(`{"a":"${value}"}`)]),
  utf16: (value) => Buffer.from(`x${value}`, "utf16le"),
};
for (const n of [0, 1, 2, 3]) {
  HIDDEN[`base64 after ${n}`] = (value) => Buffer.from(`${"x".repeat(n)}${value}yz`).toString("base64");
  HIDDEN[`base64url after ${n}`] = (value) => Buffer.from(`${"x".repeat(n)}${value}yz`).toString("base64url");
}

test.each(Object.keys(HIDDEN))("finds a value hidden as %s", (form) => {
  for (const [name, value] of [
    ["text", text],
    ["token", token],
  ] as const) {
    const hidden = (HIDDEN[form] as (value: string) => string | Uint8Array)(value);
    expect(planted.find(hidden).map((hit) => hit.name)).toContain(name);
    expect(planted.find(hidden, [name])).toEqual([]);
  }
});

test("finds a key, in bytes and written down", () => {
  const key = randomBytes(32);
  const keys = new Sentinels();
  keys.addBytes("key", key);
  const shapes = [
    key,
    key.toString("hex"),
    key.toString("base64url"),
    `x${key.toString("base64")}`,
    JSON.stringify(key),
    gzipSync(key),
  ];
  for (const hidden of shapes)
    expect(keys.find(Buffer.concat([Buffer.from("..."), Buffer.from(hidden)]))).not.toEqual([]);
  expect(keys.find(randomBytes(100_000))).toEqual([]);
});

test("at the very beginning and end, and however many there are", () => {
  expect(planted.find(token)).toHaveLength(1);
  expect(planted.find(`${token} ${text}`).map((hit) => hit.name)).toEqual(expect.arrayContaining(["token", "text"]));
  expect(planted.find(token.slice(0, -1))).toEqual([]);
  for (const value of [text, token]) expect(Object.keys(formsOf(value)).length).toBeGreaterThanOrEqual(8);
});

test("finds nothing where nothing is", () => {
  expect(planted.find("an ordinary page with Zq and Qz in it")).toEqual([]);
});
