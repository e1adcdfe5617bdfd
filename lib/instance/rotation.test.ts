import { expect, test } from "vitest";
import { rotationOf } from "./rotation";

/** Where a rotation stands, for every step of one and for what goes wrong on the way. */

const holder = (...kekIds: string[]) => ({ id: kekIds.join(), host: "h", pid: 1, role: "all", source: "x", kekIds });
const at = (wraps: Record<string, number>, used: string[], ...lists: string[][]) => {
  const { next, keys } = rotationOf({
    wraps: new Map(Object.entries(wraps)),
    used: new Set(used),
    holders: lists.map((list) => holder(...list)),
  });
  return [next, ...keys.map((key) => `${key.id} ${key.state} ${key.tenantKeys} ${key.holders}`)];
};

test.each([
  ["at rest", at({ a: 3 }, ["a"], ["a"], ["a"]), ["none", "a current 3 2"]],
  ["given to one", at({ a: 3 }, ["a"], ["a", "b"], ["a"]), ["spread", "a current 3 2", "b prepared 0 1"]],
  ["given to all", at({ a: 3 }, ["a"], ["a", "b"], ["a", "b"]), ["promote", "a current 3 2", "b prepared 0 2"]],
  ["promoted in one", at({ a: 3 }, ["a"], ["b", "a"], ["a", "b"]), ["align", "a in_use 3 2", "b in_use 0 2"]],
  ["promoted in all", at({ a: 3 }, ["a"], ["b", "a"], ["b", "a"]), ["wait", "b current 0 2", "a in_use 3 2"]],
  ["half way", at({ a: 1, b: 2 }, ["a", "b"], ["b", "a"]), ["wait", "b current 2 1", "a in_use 1 1"]],
  ["all rewrapped", at({ b: 3 }, ["a", "b"], ["b", "a"]), ["remove", "b current 3 1", "a done 0 1"]],
  ["taken from one", at({ b: 3 }, ["a", "b"], ["b", "a"], ["b"]), ["spread", "b current 3 2", "a done 0 1"]],
  ["one started with the new alone", at({ a: 3 }, ["a"], ["b"], ["a"]), ["align", "a in_use 3 1", "b in_use 0 1"]],
  ["a wrap nobody opens", at({ a: 3, x: 1 }, ["a", "x"], ["a"]), ["spread", "a current 3 1", "x in_use 1 0"]],
])("%s", (_what, found, expected) => expect(found).toEqual(expected));
