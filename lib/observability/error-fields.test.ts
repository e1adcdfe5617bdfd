import { expect, test } from "vitest";
import { errorFields } from "./log";

/** A driver quotes the offending value in its message, so none reaches the log, not by the stack either (LG-2). */
test("an unexpected error is told by class, code and frames, never by its message", () => {
  const cause = Object.assign(new TypeError("a value\nof somebody"), { code: "22P02" });
  const fields = errorFields(new Error("a value of somebody", { cause }));
  expect(JSON.stringify(fields)).not.toContain("somebody");
  expect(fields).toMatchObject({ error: "Error < TypeError", code: "22P02" });
  expect(fields.stack).toMatch(/^at .*error-fields\.test\.ts/);
});
