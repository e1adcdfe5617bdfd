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
