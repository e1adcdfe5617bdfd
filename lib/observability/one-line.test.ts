import pino from "pino";
import { beforeAll, expect, test } from "vitest";
import type { RequestFacts } from "@/lib/access/caller";
import { auditRow, recordNow, recordWith } from "@/lib/audit/record";
import { inTenant } from "@/lib/db/tx";
import { newId } from "@/lib/ids";
import { log } from "@/lib/observability/log";
import { install } from "@/lib/process";
import { useDatabase } from "@/lib/testing/database";

/** AU-7: whatever text comes from outside, an event is one line and shows as it is written. */

const database = useDatabase();
const FORGED = '{"level":30,"msg":"forged"}';
const CORPUS: [string, string][] = [
  ["CR LF", `a\r\n${FORGED}`],
  ["LF", `a\n${FORGED}`],
  ["CR", `a\r${FORGED}`],
  ["next line", `a\u0085${FORGED}`],
  ["line separator", `a\u2028${FORGED}`],
  ["paragraph separator", `a\u2029${FORGED}`],
  ["vertical tab and form feed", `a\v\f${FORGED}`],
  ["ANSI: clear the screen", "a\u001b[2Jall is well"],
  ["ANSI: title and bell", "a\u001b]0;owned\u0007"],
  ["C1 control sequence", "a\u009b31mred"],
  ["backspaces", "denied\b\b\b\b\b\ballowed"],
  ["delete", "a\u007fb"],
  ["right-to-left override", "a\u202edewolla"],
  ["isolates", "a\u2067b\u2069"],
  ["marks", "a\u200e\u200f\u061cb"],
];
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const FORGING = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

let printed = "";
beforeAll(() => {
  install(
    "logger",
    pino(
      { level: "trace" },
      {
        write: (text: string) => {
          printed += text;
        },
      },
    ),
  );
});

test.each(CORPUS)("a log line of %s", (_name, text) => {
  printed = "";
  log.warn("request", { path: text, host: text, outcome: text, code: text, error: text, stack: text, requestId: text });
  expect(printed.endsWith("\n")).toBe(true);
  const line = printed.slice(0, -1);
  expect(line).not.toMatch(FORGING);
  const event = JSON.parse(line);
  expect(event.msg).toBe("request");
  // Nothing hides behind an escape either: who prints the value unquoted sees one line.
  for (const value of Object.values(event)) expect(String(value)).not.toMatch(FORGING);
});

test.each(CORPUS)("an audit entry of %s, alone and with its change", async (_name, text) => {
  const tenantId = newId();
  const who = { kind: "system", name: text, via: "test", requestId: "r", ip: null, userAgent: text } as const;
  const fact = {
    tenantId,
    action: "x",
    host: text,
    target: { type: "t", id: text, name: text },
    detail: { [text]: text, list: [text, { deep: text }] },
  };
  await recordNow(who, fact);
  await inTenant(tenantId, (tx) => recordWith(tx, who, fact));
  const rows = await database.owner`select * from audit_entries where tenant_id = ${tenantId}`;
  expect(rows).toHaveLength(2);
  for (const row of rows) {
    const texts: string[] = [];
    JSON.stringify(row, (key, value) => {
      texts.push(key);
      if (typeof value === "string") texts.push(value);
      return value;
    });
    expect(texts.filter((one) => FORGING.test(one))).toEqual([]);
  }
});

test("what a caller sends along is cleaned", () => {
  const request: RequestFacts = { requestId: "r", ip: null, userAgent: "a\u202eb", purpose: "f:1\r\ns:2" };
  const row = auditRow(
    {
      kind: "user",
      id: "1",
      name: "n",
      email: null,
      userId: "1",
      via: "session",
      credentialId: "c",
      holdings: [],
      authenticatedAt: null,
      request,
      limits: null,
    },
    { tenantId: "t", action: "x" },
  );
  expect([row.purpose, row.userAgent]).toEqual(["f:1  s:2", "a b"]);
});
