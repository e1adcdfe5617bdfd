import { expect, test } from "vitest";
import { parseArray } from "./arrays";

const same = (text: string) => text;

test.each<[string, unknown]>([
  ["{}", []],
  ["{1,2}", ["1", "2"]],
  ['{a,NULL,"NULL","null",null}', ["a", null, "NULL", "null", "null"]],
  ['{"a\\"b","c\\\\d","{,}",""}', ['a"b', "c\\d", "{,}", ""]],
  ["{{1,2},{3,NULL}}", [["1", "2"], ["3", null]]],
  ['{{{"x"}}}', [[["x"]]]],
  ["[2:3]={7,8}", ["7", "8"]],
  ["[0:0][-1:0]={{7,8}}", [["7", "8"]]],
  // What only a broken server writes ends, too.
  ["", []],
  ["{", []],
  ['{"', [""]],
  ["{,,", ["", ""]],
  ["{1}}}", ["1"]],
])("%s", (text, read) => expect(parseArray(text, same)).toEqual(read)); // biome-ignore format: a table

test("elements go through their own reader, between the mark of their type", () => {
  expect(parseArray("{1,NULL,3}", Number)).toEqual([1, null, 3]);
  expect(parseArray("{(1,1),(0,0);(2,2),(1,1)}", same, ";")).toEqual(["(1,1),(0,0)", "(2,2),(1,1)"]);
});
