import { expect, test } from "vitest";
import { Cancelled } from "@/lib/cancel";

test("who listens is told once, who was taken off is not, and a listener counts once", () => {
  const cancelled = new Cancelled();
  const told: string[] = [];
  const [first, second] = [() => told.push("first"), () => told.push("second")];
  cancelled.addEventListener("abort", first);
  cancelled.addEventListener("abort", first);
  cancelled.addEventListener("abort", second);
  cancelled.removeEventListener("abort", second);
  expect(cancelled.aborted).toBe(false);
  cancelled.abort("gone");
  cancelled.abort("again");
  expect([told, cancelled.aborted, cancelled.reason]).toEqual([["first"], true, "gone"]);
});
