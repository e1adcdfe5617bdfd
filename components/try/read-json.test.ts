import { expect, it } from "vitest";
import { readList, readObject } from "./read-json";

it("takes nothing typed as nothing said", () => {
  expect(readList(" \n")).toEqual({ value: [] });
  expect(readObject("")).toEqual({ value: {} });
});

it("reads what is JSON of the right shape, and says what is wrong with all else", () => {
  expect(readList('[7, "a", null]')).toEqual({ value: [7, "a", null] });
  expect(readObject('{"sub": "42"}')).toEqual({ value: { sub: "42" } });
  expect(readList('{"a": 1}')).toEqual({ complaint: expect.stringContaining("a list in JSON") });
  for (const text of ["[]", "null", "7"])
    expect(readObject(text)).toEqual({ complaint: expect.stringContaining("an object in JSON") });
  expect(readObject("{sub: 42}")).toEqual({ complaint: expect.stringContaining("is no JSON") });
});
