import { describe, expect, test } from "vitest";
import { gatherUntil, readRetryAfter, retryAfter } from "./policy";

const S = 1_000;
const H = 3_600 * S;

describe("attempts", () => {
  const waits = (random: number) => {
    const found: number[] = [];
    for (let attempts = 1, age = 0; ; attempts++) {
      const wait = retryAfter(attempts, age, null, random);
      if (wait === null) return { found, age };
      found.push(wait);
      age += wait;
    }
  };

  test("grow fourfold up to six hours and end after about a day", () => {
    const { found, age } = waits(0.5);
    expect(found.map((ms) => Math.round(ms / S))).toEqual([
      5, 20, 80, 320, 1_280, 5_120, 20_480, 21_600, 21_600, 21_600,
    ]);
    expect(age / H).toBeGreaterThan(24);
    expect(age / H).toBeLessThan(27);
  });

  test("are spread by a fifth either way", () => {
    expect(retryAfter(3, 0, null, 0)).toBeCloseTo(64 * S);
    expect(retryAfter(3, 0, null, 1)).toBeCloseTo(96 * S);
    for (const random of [0, 1]) expect(waits(random).age / H).toBeLessThan(36);
  });

  test("wait as long as the receiver asks, but not for ever", () => {
    expect(retryAfter(1, 0, 3 * H, 0.5)).toBe(3 * H);
    expect(retryAfter(1, 0, 1, 0.5)).toBe(5 * S);
    expect(retryAfter(1, 0, 1_000 * H, 0.5)).toBe(24 * H);
    expect(retryAfter(2, 24 * H, 1_000 * H, 0.5)).toBeNull();
  });

  test("Retry-After is seconds or a date", () => {
    const now = Date.parse("2026-11-21T20:00:00Z");
    expect(readRetryAfter("120", now)).toBe(120 * S);
    expect(readRetryAfter("Sat, 21 Nov 2026 20:01:00 GMT", now)).toBe(60 * S);
    expect(readRetryAfter("Sat, 21 Nov 2026 19:00:00 GMT", now)).toBe(0);
    for (const bad of [null, "", "soon", "-5", "99999999999999"]) expect(readRetryAfter(bad, now)).toBeNull();
  });
});

test("the first word waits ten seconds, and each message of the hour makes the next wait three times as long", () => {
  expect(gatherUntil(0, 0, null)).toBe(10 * S);
  expect(gatherUntil(5 * S, 1, 0)).toBe(30 * S);
  expect(gatherUntil(0, 2, 0)).toBe(90 * S);
  expect(gatherUntil(0, 3, 0)).toBe(270 * S);
  expect(gatherUntil(0, 20, 0)).toBe(600 * S);
  expect(gatherUntil(700 * S, 20, 0)).toBe(710 * S);
});
