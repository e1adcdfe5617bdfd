import { expect, test } from "vitest";
import { SqlError } from "./failure";
import { SQL_LIMITS, type SqlConnection } from "./messages";
import { SqlPool } from "./pool";

/** The pool of one secret with connections that do what they are told. */

function connection(): SqlConnection & { usable: boolean } {
  const one = {
    usable: true,
    begin: () => {},
    run: () => Promise.reject(new Error("not asked for")),
    server: () => Promise.reject(new Error("not asked for")),
    reset: () => Promise.resolve(),
    close: () => {
      one.usable = false;
    },
  };
  return one;
}

/** A promise with its ends in hand. */
function deferred<T>() {
  let [resolve, reject]: [(value: T) => void, (error: unknown) => void] = [() => {}, () => {}];
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** After every promise that can be settled now. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A pool of two whose openings end when they are told to. */
function poolOfTwo(connectMs = 60_000) {
  const openings: ReturnType<typeof deferred<SqlConnection>>[] = [];
  const open = () => {
    const opening = deferred<SqlConnection>();
    openings.push(opening);
    return opening.promise;
  };
  const pool = new SqlPool(open, { ...SQL_LIMITS, connections: 2, connectMs });
  /** Borrows a connection until told to give it back. */
  const borrow = () => {
    const over = deferred<void>();
    let got: SqlConnection | null = null;
    const done = pool.lend((lent) => {
      got = lent;
      return over.promise;
    });
    done.catch(() => {});
    return { done, end: () => over.resolve(), got: () => got };
  };
  return { openings, borrow };
}

/** The pool when both are lent: `a` to the first, `b` to the second. */
async function bothInUse(connectMs?: number) {
  const { openings, borrow } = poolOfTwo(connectMs);
  const [first, second] = [borrow(), borrow()];
  const [a, b] = [connection(), connection()];
  openings[0]?.resolve(a);
  openings[1]?.resolve(b);
  await settled();
  return { openings, borrow, first, second, a, b };
}

test("who waits gets one connection, and none is lost when two come free for the same one", async () => {
  const { openings, borrow, first, second, a, b } = await bothInUse();
  const third = borrow();
  await settled();
  // The first comes back broken, so that another is opened for who waits; before that one is there, the second comes back whole.
  a.usable = false;
  first.end();
  await settled();
  expect(openings).toHaveLength(3);
  second.end();
  await settled();
  expect(third.got()).toBe(b);
  const c = connection();
  openings[2]?.resolve(c);
  await settled();
  // The one opened in vain is there for the next.
  const fourth = borrow();
  await settled();
  expect(fourth.got()).toBe(c);
  expect(openings).toHaveLength(3);
  third.end();
  fourth.end();
});

test("a connection that is there too late for who waited is kept for the next", async () => {
  const { openings, borrow, first, second, a } = await bothInUse(30);
  const third = borrow();
  a.usable = false;
  first.end();
  await expect(third.done).rejects.toMatchObject({ failure: { kind: "busy" } });
  const c = connection();
  openings[2]?.resolve(c);
  await settled();
  const fourth = borrow();
  await settled();
  expect(fourth.got()).toBe(c);
  second.end();
  fourth.end();
});

test("where none can be opened, who waits longest is told", async () => {
  const { openings, borrow, first, second, a, b } = await bothInUse();
  const [third, fourth] = [borrow(), borrow()];
  a.usable = false;
  first.end();
  await settled();
  openings[2]?.reject(new SqlError("refused"));
  await expect(third.done).rejects.toMatchObject({ failure: { kind: "refused" } });
  second.end();
  await settled();
  expect(fourth.got()).toBe(b);
  fourth.end();
});
