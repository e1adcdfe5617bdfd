import { expect, it } from "vitest";
import { Rooms } from "./rooms";

const HOST = "https://idp.example/token";

it("gives a tenant half of a host, the rest to others, and nothing more when it is full (SS-9)", () => {
  const rooms = new Rooms({ perHost: 4, perHolderAtHost: 2, perHolder: 3 });
  const held = [rooms.enter(HOST, "a"), rooms.enter(HOST, "a")];
  expect(rooms.enter(HOST, "a")).toBeNull();
  held.push(rooms.enter(HOST, "b"), rooms.enter(HOST, "c"));
  for (const leave of held) expect(leave).not.toBeNull();
  expect(rooms.enter(HOST, "d")).toBeNull();
  expect(rooms.enter("https://idp.example:8443/token", "d")).not.toBeNull();
  held[2]?.();
  held[2]?.();
  expect(rooms.enter(HOST, "d")).not.toBeNull();
  expect(rooms.enter(HOST, "d")).toBeNull();
});

it("takes one room for many stays of the same work, until the last of them ends", () => {
  const rooms = new Rooms({ perHost: 1, perHolderAtHost: 1, perHolder: 1 });
  const held = Array.from({ length: 5 }, () => rooms.enter(HOST, "a", "state"));
  expect(rooms.enter(HOST, "a", "another")).toBeNull();
  for (const leave of held.slice(1)) leave?.();
  held[1]?.();
  expect(rooms.enter(HOST, "a", "another")).toBeNull();
  held[0]?.();
  expect(rooms.enter(HOST, "a", "another")).not.toBeNull();
});

it("holds a tenant to a number over all hosts, and remembers nobody who left", () => {
  const rooms = new Rooms({ perHost: 4, perHolderAtHost: 2, perHolder: 3 });
  const held = [1, 2, 3].map((n) => rooms.enter(`https://${n}.example/`, "a"));
  expect(rooms.enter("https://4.example/", "a")).toBeNull();
  expect(rooms.enter("https://4.example/", "b")?.()).toBeUndefined();
  for (const leave of held) leave?.();
  expect(rooms.size).toBe(0);
});
