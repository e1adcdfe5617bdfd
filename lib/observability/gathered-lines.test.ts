import { expect, test } from "vitest";
import { gatheredLines } from "./gathered-lines";

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("lines of one turn leave in one write, in order, and the next turn's in the next", async () => {
  const written: string[] = [];
  const sink = gatheredLines((text) => void written.push(text));
  sink.write("one\n");
  sink.write("two\n");
  expect(written).toEqual([]);
  await turn();
  expect(written).toEqual(["one\ntwo\n"]);
  sink.write("three\n");
  await turn();
  await turn();
  expect(written).toEqual(["one\ntwo\n", "three\n"]);
});

test("a process that ends writes what it has", () => {
  const written: string[] = [];
  const before = new Set(process.listeners("exit"));
  const sink = gatheredLines((text) => void written.push(text));
  const [atExit, ...others] = process.listeners("exit").filter((listener) => !before.has(listener));
  expect(others).toEqual([]);
  sink.write("last words\n");
  atExit?.call(process, 0);
  expect(written).toEqual(["last words\n"]);
});
