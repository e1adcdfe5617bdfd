import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { formsOf } from "@/lib/testing/sentinels";
import { encodingsOf } from "./encodings";
import { ReflectionGuard } from "./reflection-guard";

/** The injected value never comes back (SECURITY PX-3), in the encodings of FAULTS C12, however the answer is cut into pieces. */
const VALUES = {
  "an opaque token": "ya29.a0AfH6SMBx-3kQ_7Zp~0",
  "a JWT": `eyJhbGciOiJSUzI1NiJ9.${randomBytes(60).toString("base64url")}.${randomBytes(64).toString("base64url")}`,
  "base64 with + and /": "Zq+3f/8A+b/c9==",
  "everything that encodings change": `p "w" <&> \\ / ' + % ü€😀 \`=`,
  "a short password": "hunt",
};

function piecewise(guard: ReflectionGuard, bytes: Buffer, sizes: () => number): Buffer {
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = sizes();
    out.push(Buffer.from(guard.add(Buffer.from(bytes.subarray(at, at + size)))));
    at += size;
  }
  return Buffer.concat([...out, guard.end()]);
}

describe.each(Object.entries(VALUES))("%s", (_what, value) => {
  // gzip within a body is no listed writing; base64 has a test of its own, with whole texts.
  const known = Object.entries(formsOf(value)).filter(([form]) => !/^(gzip|base64)/.test(form));

  test.each(known)("is masked as %s, in one piece, byte by byte and cut anywhere", (_form, text) => {
    const needle = Buffer.from(text, "latin1");
    const before = Buffer.from("{ before: ~~ ");
    const body = Buffer.concat([before, needle, Buffer.from(" ~~ and after }")]);
    const cuts = [() => body.length, () => 1, () => 3, () => before.length + Math.floor(needle.length / 2)];
    for (const sizes of cuts) {
      const guard = new ReflectionGuard([value]);
      const masked = piecewise(guard, body, sizes);
      expect(masked.includes(needle)).toBe(false);
      expect(masked.length).toBe(body.length);
      expect(masked.subarray(0, before.length - 1)).toEqual(before.subarray(0, before.length - 1));
      expect(guard.hits).toBeGreaterThan(0);
    }
  });

  test("is masked in every writing of its own list", () => {
    for (const form of encodingsOf(value)) {
      const guard = new ReflectionGuard([value]);
      const masked = piecewise(guard, Buffer.concat([Buffer.from("~"), form, form, Buffer.from("~")]), () => 5);
      expect(masked.toString("latin1")).toMatch(/^~\*+~$/);
    }
  });

  test("is masked in base64 of any text that holds it", () => {
    for (const [before, after] of [
      ["", ""],
      ["x", "y"],
      ["xy", "z"],
      ['{"a":"Bearer ', '"}'],
      ["user:", ""],
    ]) {
      const text = Buffer.from(`${before}${value}${after}`).toString("base64");
      for (const form of [text, text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")]) {
        if (Buffer.byteLength(value) < 6) continue;
        const masked = piecewise(new ReflectionGuard([value]), Buffer.from(form), () => 4).toString();
        const clear = Buffer.from(masked.replaceAll("*", "A"), "base64").toString("latin1");
        expect(clear).not.toContain(Buffer.from(value).subarray(2, -2).toString("latin1"));
      }
    }
  });
});

test("is masked wherever it stands in a whole body, also in the middle, where two searches meet", () => {
  const value = VALUES["an opaque token"];
  for (const length of [60, 61, 200])
    for (let at = 0; at + value.length <= length; at++) {
      const body = Buffer.alloc(length, ".");
      body.write(value, at);
      const guard = new ReflectionGuard([value]);
      expect(guard.whole(body).toString()).toBe(
        `${".".repeat(at)}${"*".repeat(value.length)}${".".repeat(length - at - value.length)}`,
      );
      expect(guard.hits).toBe(1);
    }
});

test("what is no value passes unchanged, at once, as the very same bytes", () => {
  const guard = new ReflectionGuard([VALUES["an opaque token"]]);
  const chunk = randomBytes(65_536);
  chunk[chunk.length - 1] = 1;
  expect(guard.add(chunk)).toBe(chunk);
  expect(guard.end()).toHaveLength(0);
  expect(guard.hits).toBe(0);
});

test("a beginning that does not go on is given out later, whole", () => {
  const guard = new ReflectionGuard(["abcabcabd-token"]);
  expect(guard.add(Buffer.from("x abcabc")).toString()).toBe("x ");
  expect(guard.add(Buffer.from("abcabd-tok")).toString()).toBe("abc");
  expect(guard.add(Buffer.from("abc")).toString()).toBe("abcabcabd-tok");
  expect(guard.end().toString()).toBe("abc");
});

test("values that overlap are masked together, also over the border of pieces", () => {
  for (const size of [1, 2, 3, 5, 8, 100]) {
    const guard = new ReflectionGuard(["secret-one-two", "two-three-four"]);
    expect(piecewise(guard, Buffer.from("<secret-one-two-three-four>"), () => size).toString()).toBe(
      `<${"*".repeat(25)}>`,
    );
  }
});

/** Without NUL: before UTF-16 of one byte order it begins the other's, which is masked rightly. */
const noise = (length: number) => Buffer.from(randomBytes(length).map((byte) => byte || 1));

test("random pieces of random text with values strewn in leave none, and change nothing else", () => {
  const value = VALUES["base64 with + and /"];
  const forms = encodingsOf(value);
  for (let round = 0; round < 200; round++) {
    const parts = Array.from({ length: 12 }, (_, i) =>
      i % 2 === 0 ? noise(round % 40) : (forms[Math.floor(Math.random() * forms.length)] as Buffer),
    );
    const body = Buffer.concat(parts);
    const masked = piecewise(new ReflectionGuard([value]), body, () => 1 + Math.floor(Math.random() * 30));
    expect(masked.length).toBe(body.length);
    for (const form of forms) expect(masked.includes(form)).toBe(false);
    let at = 0;
    for (const [i, part] of parts.entries()) {
      if (i % 2 === 0) expect(masked.subarray(at, at + part.length).equals(part)).toBe(true);
      at += part.length;
    }
  }
});

test("a header's value is masked; values too short to be told from chance are left", () => {
  expect(new ReflectionGuard(["hunter22"]).text("Basic hunter22, x")).toBe("Basic ********, x");
  expect(new ReflectionGuard(["abc", ""]).text("abc")).toBe("abc");
  expect(new ReflectionGuard([]).add(Buffer.from("abc")).toString()).toBe("abc");
});
