import { inspect } from "node:util";
import pino from "pino";
import { expect, test } from "vitest";
import { Sensitive } from "@/lib/crypto/sensitive";

const SENTINEL = "sentinel-8f1c";

test("every accidental way of printing a sensitive value gives [redacted]", () => {
  const value = new Sensitive(SENTINEL);
  const lines: string[] = [];
  pino({ level: "trace" }, { write: (line: string) => lines.push(line) }).info(
    { value, deep: { list: [value] } },
    `${value}`,
  );
  const printed = [
    `${value}`,
    String(value),
    `a${value}`.slice(1),
    [value].join(),
    JSON.stringify({ value }),
    inspect(value, { depth: 9, showHidden: true }),
    inspect({ deep: { value } }, { depth: 9, showHidden: true, getters: true }),
    JSON.stringify(Object.entries(value)),
    JSON.stringify({ ...value }),
    new Error(`${value}`).stack ?? "",
    ...lines,
  ];
  for (const text of printed) expect(text).not.toContain(SENTINEL);
  expect(printed.slice(0, 4)).toEqual(Array(4).fill("[redacted]"));
});

test("use and reveal are the ways out", () => {
  const value = new Sensitive(SENTINEL);
  expect(value.use((text) => text.length)).toBe(SENTINEL.length);
  expect(value.reveal()).toBe(SENTINEL);
});
