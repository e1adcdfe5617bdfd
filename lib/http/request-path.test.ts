import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { withoutFinalSlashes } from "./request-path";

/** A path is read before anybody is asked who he is, so its price must not grow with the square of its length. */

/** A path that counts how often one of its characters is looked at; anything but looking, its length and cutting fails. */
function counted(text: string): { path: string; looks(): number } {
  let looks = 0;
  const path = new Proxy(Object(text) as object, {
    get(_target, name) {
      if (name === "length") return text.length;
      if (name === "slice") return (from: number, to: number) => text.slice(from, to);
      if (typeof name === "string" && /^\d+$/.test(name)) {
        looks += 1;
        return text[Number(name)];
      }
      throw new Error(`The path was asked for ${String(name)}.`);
    },
  });
  return { path: path as unknown as string, looks: () => looks };
}

test.each([
  ["/v2/users/me/", "/v2/users/me", 2],
  ["/v2///", "/v2", 4],
  ["/", "/", 0],
  ["//", "/", 1],
  [`/${"/".repeat(15_000)}x/`, `/${"/".repeat(15_000)}x`, 2],
  [`/${"a/".repeat(7_500)}`, `/${"a/".repeat(7_499)}a`, 2],
  ["/".repeat(15_000), "/", 14_999],
])("a path loses the slashes at its end for one look at each", (given, cut, looks) => {
  expect(withoutFinalSlashes(given)).toBe(cut);
  const path = counted(given);
  expect(withoutFinalSlashes(path.path)).toBe(cut);
  expect(path.looks()).toBe(looks);
});

test("no pattern of the ways in searches for a repetition at the end", () => {
  const files = ["server.ts", ...readdirSync("lib/http").map((name) => `lib/http/${name}`)];
  const source = files.filter((name) => !name.endsWith(".test.ts")).map((name) => readFileSync(name, "utf8"));
  expect(source.length).toBeGreaterThan(15);
  const literal = /(?<=[=(,:?&|!]\s*)\/(?!\^)(?:\[[^\]\n]*\]|[^/\n\\[]|\\.)*[+*]\)?\$\/[a-z]*/g;
  const patterns = source.flatMap((text) => text.match(literal) ?? []);
  expect(patterns).toEqual([]);
  expect(`path.replace(/\\/+$/, "")`.match(literal)).toHaveLength(1);
  expect(source.join("\n")).toContain("withoutFinalSlashes(path)");
});
