import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { ScopesCompared } from "@/components/secrets/scopes-compared";

/** OA-18 on the screen: what was asked for beside what was granted, every difference in words. */
const shown = (asked: string[], granted: string[], authorized = true) =>
  renderToStaticMarkup(createElement(ScopesCompared, { asked, granted, authorized }))
    .replace(/<[^>]+>/g, " ")
    .replace(/\s+/g, " ")
    .trim();

test.each([
  ["less", ["read", "write"], ["read"], "read granted write not granted"],
  ["more", ["read"], ["read", "admin"], "read granted admin not asked for"],
  ["others", ["read"], ["admin"], "read not granted admin not asked for"],
  ["the same", ["read"], ["read"], "read granted"],
])("%s than asked is said in words", (_what, asked, granted, words) => {
  expect(shown(asked, granted)).toBe(words);
});

test("a provider that names none is not taken to have refused them", () => {
  expect(shown(["read"], [])).toContain("has not said which of these it granted");
  expect(shown(["read"], [], false)).toContain("nothing is granted yet");
});
