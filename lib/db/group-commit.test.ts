import { describe, expect, it } from "vitest";
import { groupCommit } from "./group-commit";

/** A batcher whose flushes end when they are told to. */
function batcher(options: Parameters<typeof groupCommit>[1]) {
  const flights: { items: number[]; land(): void; fail(error: unknown): void }[] = [];
  const commits = groupCommit<number, string>(
    (items) =>
      new Promise((resolve, reject) => {
        flights.push({ items, land: () => resolve(items.map((item) => `done ${item}`)), fail: reject });
      }),
    options,
  );
  const add = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, i) => commits.add(from + i).catch((error: Error) => error.message));
  return { commits, add, flights, sizes: () => flights.map(({ items }) => items.length) };
}

const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

describe("group commit", () => {
  it("flushes what came in one turn together, and tells each its own", async () => {
    const { add, flights, sizes } = batcher({ max: 100 });
    const all = add(1, 3);
    await turn();
    expect(sizes()).toEqual([3]);
    flights[0]?.land();
    expect(await Promise.all(all)).toEqual(["done 1", "done 2", "done 3"]);
  });

  it("lets what comes meanwhile wait for the next flush, of no more than the maximum", async () => {
    const { commits, add, flights, sizes } = batcher({ max: 4 });
    add(1, 1);
    await turn();
    add(2, 7);
    await turn();
    expect(sizes()).toEqual([1]);
    expect(commits.waiting().count).toBe(7);
    flights[0]?.land();
    await turn();
    expect(sizes()).toEqual([1, 4]);
    flights[1]?.land();
    await turn();
    expect(flights[2]?.items).toEqual([6, 7]);
    flights[2]?.land();
    await turn();
    expect(commits.waiting()).toEqual({ count: 0, since: null });
  });

  it("sends a share as soon as it is there, before the turn is over", () => {
    const { add, sizes } = batcher({ max: 100, parallel: 2, share: 8 });
    add(1, 7);
    expect(sizes()).toEqual([]);
    add(8, 20);
    expect(sizes()).toEqual([8, 8]);
  });

  it("sends what is less than a share when the turn is over", async () => {
    const { add, sizes } = batcher({ max: 100, parallel: 2, share: 8 });
    add(1, 11);
    await turn();
    expect(sizes()).toEqual([8, 3]);
  });

  it("gives a flush its share of a long queue, so that a slow database is not asked in small pieces", async () => {
    const { add, flights, sizes } = batcher({ max: 100, parallel: 2, share: 8 });
    add(1, 216);
    expect(sizes()).toEqual([8, 8]);
    flights[0]?.land();
    await turn();
    expect(sizes()).toEqual([8, 8, 100]);
    flights[1]?.land();
    await turn();
    flights[2]?.land();
    await turn();
    expect(flights.flatMap(({ items }) => items)).toEqual(Array.from({ length: 216 }, (_, i) => i + 1));
  });

  it("begins no flush beside another for a few", async () => {
    const { add, flights, sizes } = batcher({ max: 100, parallel: 2, alongside: 5 });
    add(1, 2);
    await turn();
    add(3, 6);
    await turn();
    expect(sizes()).toEqual([2]);
    add(7, 7);
    await turn();
    expect(sizes()).toEqual([2, 5]);
    add(8, 8);
    await turn();
    flights[0]?.land();
    await turn();
    expect(sizes()).toEqual([2, 5]);
    flights[1]?.land();
    await turn();
    expect(sizes()).toEqual([2, 5, 1]);
  });

  it("halves a batch that the database refuses for its data, until it fails one item alone", async () => {
    const asked: number[][] = [];
    const commits = groupCommit<number, number>(
      async (items) => {
        asked.push(items);
        if (items.includes(3)) throw Object.assign(new Error("refused"), { code: "22P05" });
        return items;
      },
      { max: 10 },
    );
    const all = await Promise.allSettled([1, 2, 3, 4].map((item) => commits.add(item)));
    expect(all.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
    expect(asked).toEqual([[1, 2, 3, 4], [1, 2], [3, 4], [3], [4]]);
  });

  it("fails everybody in a batch when the database is away, and goes on with the next", async () => {
    const { add, flights } = batcher({ max: 10 });
    const first = add(1, 2);
    await turn();
    const second = add(3, 3);
    flights[0]?.fail(new Error("away"));
    expect(await Promise.all(first)).toEqual(["away", "away"]);
    await turn();
    flights[1]?.land();
    expect(await Promise.all(second)).toEqual(["done 3"]);
  });
});
