import { expect, test } from "vitest";
import { HOST_WORDS } from "./host-words";

test.each([
  ["a.example b.example,c.example", ["a.example", "b.example", "c.example"]],
  ["GET,POST api.example.com/v1/, *.example.org", ["GET,POST api.example.com/v1/", "*.example.org"]],
  ["get api.example.com\npost api.example.com", ["GET api.example.com", "POST api.example.com"]],
  ["api.example.com GET, POST", ["api.example.com", "GET,POST"]],
  [" , ", []],
])("%j is read as %j", (text, words) => expect(HOST_WORDS.split(text)).toEqual(words));

test("after methods the host is still to come", () => {
  for (const text of ["GET", "get, POST", "PUT,"]) expect(HOST_WORDS.goesOn(text), text).toBe(true);
  for (const text of ["", " ", "api.example.com", "GET api.example.com", "GETS"])
    expect(HOST_WORDS.goesOn(text), text).toBe(false);
});
