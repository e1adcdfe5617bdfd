import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { allGuards, editsOf } from "./guards/all.mjs";

/** The list of `npm run test:guards` fits the code as it is now; that each removal is noticed is shown by the command itself. */

test.each(allGuards.map((guard) => [`${guard.row} ${guard.what}`, guard] as const))(
  "%s can be taken out",
  (_, guard) => {
    const texts = new Map<string, string>();
    for (const { file, find, replace } of editsOf(guard)) {
      const text = texts.get(file) ?? readFileSync(file, "utf8");
      expect(text.split(find).length - 1, `${file}: ${find}`).toBe(1);
      expect(replace).not.toBe(find);
      texts.set(
        file,
        text.replace(find, () => replace),
      );
    }
    expect(guard.tests.filter((file) => !existsSync(file))).toEqual([]);
    expect(guard.tests.length).toBeGreaterThan(0);
  },
);

test("no guard is listed twice", () => {
  const names = allGuards.map(({ row, what }) => `${row} ${what}`);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});

/** Rows without a guard to take out, and why. */
const SHOWN_OTHERWISE: Record<string, string> = {
  "CRY-13": "what must not be there: scripts/house.test.ts looks at what is imported",
  "SES-9":
    "pages hold no value because sessions are answered none: VAL-1's guards; e2e/pages.spec.ts looks at the pages",
  "AZ-1": "a table: a route without a rule does not compile, and app/access-matrix.test.ts compares it with the routes",
  "OA-12": "there is no way for a token to the browser but those of VAL-1; e2e/pages.spec.ts looks at what arrives",
  "SS-1": "what must not be there: scripts/house.test.ts looks at what is imported",
};

test("every row of the core in SECURITY.md has a guard to take out, or a reason for none", () => {
  const rows = [...readFileSync("SECURITY.md", "utf8").matchAll(/^\| ([A-Z]+-\d+) /gm)].map((match) => match[1] ?? "");
  const core = rows.filter((row) => /^(CRY|VAL|KEY|SES|LGN|AZ|OA|SS|PX|SQ|JW|AU|LG|DO)-/.test(row));
  expect(core.length).toBeGreaterThan(60);
  const listed = new Set(allGuards.map(({ row }) => row));
  expect(core.filter((row) => !listed.has(row) && !SHOWN_OTHERWISE[row])).toEqual([]);
  expect(Object.keys(SHOWN_OTHERWISE).filter((row) => listed.has(row) || !core.includes(row))).toEqual([]);
});
