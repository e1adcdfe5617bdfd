import { expect, test } from "vitest";
import { isoTime } from "./iso-time";

test("every moment is written as Date writes it", () => {
  const edges = [0, 0.9, 999, 86_399_999, 86_399_999.9, 86_400_000, 1_582_934_400_000, 253_402_300_799_999];
  const beyond = [-1, -0.5, 253_402_300_800_000, 8.64e15];
  const random = Array.from({ length: 5_000 }, () => Math.random() * 253_402_300_799_999);
  for (const ms of [...edges, ...beyond, ...random]) expect(isoTime(ms)).toBe(new Date(ms).toISOString());
});

test("what is no moment is refused", () => {
  for (const ms of [Number.NaN, Number.POSITIVE_INFINITY, 8.65e15]) expect(() => isoTime(ms)).toThrow(RangeError);
});
