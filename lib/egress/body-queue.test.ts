import { expect, test, vi } from "vitest";
import { BodyQueue } from "@/lib/egress/body-queue";
import { EgressError } from "@/lib/egress/egress-error";

const flow = () => ({ pause: vi.fn(), resume: vi.fn(), abort: vi.fn() });
const bytes = (text: string) => Buffer.from(text);

test("a body that has come whole is taken at once, and is over then", async () => {
  const body = new BodyQueue(flow());
  body.add(bytes("ab"));
  body.add(bytes("cd"));
  expect(body.whole()).toBeNull();
  body.end();
  expect(body.whole()?.toString()).toBe("abcd");
  expect(await body.next()).toEqual({ done: true, value: undefined });
});

test("an empty one is whole, too", () => {
  const body = new BodyQueue(flow());
  body.end();
  expect(body.whole()?.length).toBe(0);
});

test("one that broke off, or of which a piece was taken, is never whole", async () => {
  const broken = new BodyQueue(flow());
  broken.add(bytes("half"));
  broken.fail(new EgressError("unknown", "gone"));
  expect(broken.whole()).toBeNull();
  await expect(broken.next()).rejects.toMatchObject({ kind: "unknown" });
  const begun = new BodyQueue(flow());
  begun.add(bytes("a"));
  begun.add(bytes("b"));
  begun.end();
  expect((await begun.next()).value?.toString()).toBe("a");
  expect(begun.whole()).toBeNull();
  expect((await begun.next()).value?.toString()).toBe("b");
});
