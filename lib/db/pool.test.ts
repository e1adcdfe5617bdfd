import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { sql as q } from "drizzle-orm";
import { afterEach, describe, expect, it } from "vitest";
import { useDatabase } from "@/lib/testing/database";
import { Pool } from "./pool";

/** Connections that die at any moment cost at most the statements that were running on them. */
const database = useDatabase();
let pool: Pool;
const open = (max = 8) => {
  pool = new Pool(database.url, {
    max,
    connectTimeoutS: 5,
    connection: { application_name: "pool-test", role: "latchkey_app" },
  });
  return pool;
};
afterEach(() => pool.end({ timeout: 1 }));

const kill = () => database.owner`select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and application_name = 'pool-test'`;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** drizzle wraps what the driver throws. */
const codeOf = (error: { code?: string; cause?: { code?: string } }) => error.cause?.code ?? error.code;

function mixed(count: number): Promise<unknown>[] {
  return Array.from({ length: count }, (_, n) =>
    n % 2
      ? pool.sql`select pg_sleep(0.01), ${n}::int as n`
      : pool.transaction(async (tx) => {
          await tx.execute(q`select set_config('a.b', 'x', true)`);
          await pause(n % 7);
          await tx.execute(q`select pg_sleep(0.005)`);
        }),
  );
}

describe("the pool", () => {
  it("survives being cut off again and again, in the middle of everything, at once", async () => {
    open();
    await Promise.all(mixed(40));
    for (let round = 0; round < 8; round++) {
      const running = Promise.allSettled(mixed(60));
      await pause(round * 4);
      await kill();
      const lost = (await running).filter((one) => one.status === "rejected");
      for (const one of lost) expect(["57P01", "CONNECTION_CLOSED", "ECONNRESET"]).toContain(codeOf(one.reason));
      // Whatever comes after finds working connections.
      await Promise.all(mixed(40));
    }
  }, 60_000);

  it("undoes a transaction that fails, and keeps the connection", async () => {
    open(1);
    const [first] = await pool.sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
    await expect(
      pool.transaction(async (tx) => {
        await tx.execute(q`select set_config('latchkey.tenant', 'leaked', false)`);
        throw new Error("no");
      }),
    ).rejects.toThrow("no");
    const [after] = await pool.sql<{ pid: number; tenant: string | null }[]>`
      select pg_backend_pid() as pid, nullif(current_setting('latchkey.tenant', true), '') as tenant`;
    expect(after).toEqual({ pid: first?.pid, tenant: null });
  });

  it("never lets a finished or dead transaction's handle reach anybody else's", async () => {
    open(1);
    let leaked: ((text: string) => Promise<unknown>) | undefined;
    await pool.transaction(async (tx) => {
      leaked = async () => tx.execute(q`select 1`);
    });
    await expect(leaked?.("")).rejects.toMatchObject({ cause: { code: "CONNECTION_CLOSED" } });

    let answered: unknown;
    const dying = pool.transaction(async (tx) => {
      await kill();
      await pause(100);
      answered = await tx.execute(q`select 1`).catch((error: { cause?: { code?: string } }) => error.cause?.code);
      await pause(100);
      await tx.execute(q`select 2`);
    });
    const next = pool.sql<{ n: number }[]>`select 3 as n`;
    await expect(dying).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
    expect((await next)[0]?.n).toBe(3);
    await pause(200);
    expect(answered).toBe("CONNECTION_CLOSED");
  });

  it("runs at most so many at once, and everybody in the end", async () => {
    open(3);
    let running = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 50 }, () =>
        pool.transaction(async (tx) => {
          most = Math.max(most, ++running);
          await tx.execute(q`select pg_sleep(0.002)`);
          running -= 1;
        }),
      ),
    );
    expect(most).toBe(3);
  });

  it("reads timestamps as text, whether or not there was a transaction before", async () => {
    open(1);
    const read = async () => typeof (await pool.sql<{ t: unknown }[]>`select now() as t`)[0]?.t;
    expect(await read()).toBe("string");
    await pool.transaction(async (tx) => tx.execute(q`select 1`));
    expect(await read()).toBe("string");
  });

  it("says at once that there is no server, to everybody who waits", async () => {
    pool = new Pool("postgres://nobody@127.0.0.1:9/none", { max: 2, connectTimeoutS: 5, connection: {} });
    const settled = await Promise.allSettled(Array.from({ length: 20 }, () => pool.sql`select 1`));
    expect(settled.every((one) => one.status === "rejected")).toBe(true);
  });

  it("hears notifications again after its connection was cut", async () => {
    open(2);
    const heard: string[] = [];
    await pool.listen("pool_test", (payload) => heard.push(payload));
    await pool.sql`select pg_notify('pool_test', 'one')`;
    await pause(100);
    await kill();
    await pause(500);
    for (let n = 0; n < 50 && !heard.includes("two"); n++) {
      await pool.sql`select pg_notify('pool_test', 'two')`;
      await pause(100);
    }
    expect(heard).toEqual(expect.arrayContaining(["one", "two"]));
  });

  it("ends: waits for what runs, refuses what comes", async () => {
    open(1);
    const running = pool.sql`select pg_sleep(0.1), 1 as n`;
    await pause(20);
    const waiting = pool.sql`select 2`;
    const refusal = expect(waiting).rejects.toMatchObject({ code: "CONNECTION_ENDED" });
    await pool.end({ timeout: 5 });
    expect((await running)[0]?.n).toBe(1);
    await refusal;
    await expect(pool.sql`select 3`).rejects.toMatchObject({ code: "CONNECTION_ENDED" });
  });

  it("keeps no answer in memory for as long as the connection lives", async () => {
    open(2);
    setFlagsFromString("--expose_gc");
    const collect = runInNewContext("gc") as () => void;
    const held = () => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    await pool.sql`select repeat('x', 20000) as t`;
    const before = held();
    for (let i = 0; i < 2000; i++) await pool.sql`select repeat('x', 20000) as t`;
    expect(held() - before).toBeLessThan(20_000 * 2000 * 0.5);
  });
});
