import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { allGuards } from "./guards/all.mjs";

/** The list of `npm run test:guards` fits the code as it is now; that each removal is noticed is shown by the command itself. */

test.each(allGuards.map((guard) => [`${guard.row} ${guard.what}`, guard] as const))(
  "%s can be taken out",
  (_, guard) => {
    expect(readFileSync(guard.file, "utf8").split(guard.find).length - 1).toBe(1);
    expect(guard.replace).not.toBe(guard.find);
    expect(guard.tests.filter((file) => !existsSync(file))).toEqual([]);
    expect(guard.tests.length).toBeGreaterThan(0);
  },
);
