import { expect, test } from "vitest";
import { endpoint } from "./endpoint";

/** What Next hands to a route handler as parameters of its path. */
const seen: Record<string, string>[] = [];
const route = endpoint({
  route: "GET /healthz",
  access: { permission: "public", level: "none", ids: [] },
  handle: async ({ params }) => {
    seen.push(params);
    return { status: 204 };
  },
});

test.each([
  ["nothing at all, for a path without any", undefined, {}],
  ["one by its name", { id: "x" }, { id: "x" }],
  ["a catch-all in parts", { id: "x", rest: ["a", "b"] }, { id: "x", rest: "a/b" }],
])("%s", async (_what, given, expected) => {
  const answer = await route(new Request("http://127.0.0.1/healthz"), { params: Promise.resolve(given as never) });
  expect(answer.status).toBe(204);
  expect(seen.pop()).toEqual(expected);
});
