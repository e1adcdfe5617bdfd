import { expect, it } from "vitest";
import { parseHeaderLines } from "./parse-pairs";

it("reads headers as they are copied: plain lines, curl's, with blank lines and line ends of every kind", () => {
  expect(
    parseHeaderLines(`X-API-Key: a:b, c;d\r\n\n  Accept:application/json\n-H 'Cookie: a="b"; c' \\\n--header "X-T: t"`),
  ).toEqual([
    { key: "X-API-Key", value: "a:b, c;d" },
    { key: "Accept", value: "application/json" },
    { key: "Cookie", value: 'a="b"; c' },
    { key: "X-T", value: "t" },
  ]);
});

it("leaves a plain name alone, and a text that is no list of headers", () => {
  for (const text of ["X-API-Key", "not a header: x", "{}", "", "GET / HTTP/1.1\nHost: x"])
    expect(parseHeaderLines(text), text).toEqual([]);
});
