import { describe, expect, test } from "vitest";
import { readJsonBody } from "./json-body";

/** Limits before business code (SECURITY DO-1, DO-2). */
const body = (text: string | Uint8Array, type = "application/json") =>
  readJsonBody(
    new Request("http://latchkey.test/", { method: "POST", headers: { "content-type": type }, body: text as BodyInit }),
  );

describe("a JSON body", () => {
  test("is read; an empty one is none", async () => {
    expect(await body('{"a":[1,"é"]}')).toEqual({ a: [1, "é"] });
    expect(await body("", "text/plain")).toBeUndefined();
    expect(await body("{}", "application/vnd.api+json; charset=utf-8")).toEqual({});
  });

  test.each([
    ["nested 33 deep", "[".repeat(33) + "]".repeat(33), "invalid_json"],
    ["nested 100,000 deep", "[".repeat(100_000), "invalid_json"],
    [
      "1,001 members",
      JSON.stringify(Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [i, 0]))),
      "invalid_json",
    ],
    ["cut off", '{"secret":"hunter2', "invalid_json"],
    ["__proto__", '{"data":{"__proto__":{"admin":true}}}', "invalid_attribute"],
    ["constructor", '{"constructor":1}', "invalid_attribute"],
    ["prototype", '[{"prototype":1}]', "invalid_attribute"],
    ["NUL in a text", '{"a":"x\\u0000"}', "invalid_attribute"],
  ])("%s is refused", async (_what, text, code) => {
    await expect(body(text)).rejects.toMatchObject({ code, status: 400 });
  });

  test("what is no JSON is not quoted", async () => {
    for (const text of ['{"secret": hunter2}', "hunter2", '{"a":1} hunter2'])
      await expect(body(text)).rejects.toMatchObject({ message: expect.not.stringContaining("hunter2") });
  });

  test("a body that is announced as too large is not read", async () => {
    const headers = { "content-type": "application/json", "content-length": String(2 * 1024 * 1024) };
    const request = new Request("http://latchkey.test/", { method: "POST", headers, body: "{}" });
    await expect(readJsonBody(request)).rejects.toMatchObject({ code: "too_large" });
    expect(request.bodyUsed).toBe(false);
  });

  test("more than 1 MB, whether announced or not, is 413", async () => {
    const big = `"${"x".repeat(1024 * 1024)}"`;
    await expect(body(big)).rejects.toMatchObject({ code: "too_large" });
    const stream = new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(64 * 1024).fill(32));
      },
    });
    const request = new Request("http://latchkey.test/", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: stream,
      duplex: "half",
    } as RequestInit);
    await expect(readJsonBody(request)).rejects.toMatchObject({ code: "too_large" });
  });

  test("another type and broken UTF-8 are refused, and no complaint quotes the body", async () => {
    await expect(body("a=b", "application/x-www-form-urlencoded")).rejects.toMatchObject({ status: 415 });
    await expect(body(new Uint8Array([0x22, 0xff, 0x22]))).rejects.toMatchObject({ code: "invalid_json" });
    await expect(body('{"password":"hunter2",}')).rejects.toSatisfy((error) => !String(error).includes("hunter2"));
  });

  test("braces inside texts do not count as nesting", async () => {
    expect(await body(JSON.stringify({ a: '[{"\\'.repeat(40) }))).toEqual({ a: '[{"\\'.repeat(40) });
  });
});
