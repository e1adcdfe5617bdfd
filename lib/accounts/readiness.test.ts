import { createServer, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { GET as READYZ } from "@/app/readyz/route";
import { closeDatabase } from "@/lib/db/client";
import { forget, install } from "@/lib/process";
import { refresher, refresherIn } from "@/lib/refresher/live-world";
import { startSweep } from "@/lib/refresher/sweep";
import { useDatabase } from "@/lib/testing/database";
import { HandClock } from "@/lib/testing/hand-clock";
import { call } from "@/lib/testing/http";
import { lockTable } from "@/lib/testing/lock-table";
import { checkReadiness } from "./readiness";

/** Each thing a process needs is taken away for real; /readyz names it, and it alone, with what to do. */
const database = useDatabase();

const named = async () => {
  const { status, body } = await call(READYZ);
  return {
    status,
    checks: body.checks,
    problems: (body.problems ?? []).map((one: { check: string }) => one.check),
    body,
  };
};

afterEach(async () => {
  expect((await named()).status).toBe(200);
});

test("nothing is wrong", async () => {
  expect((await call(READYZ)).body).toEqual({
    status: "ok",
    checks: { database: "ok", key: "ok", schema: "ok" },
  });
});

test("the database is away, or hangs", async () => {
  // The address first: who listens for changes opens a pool again as soon as the old one is gone.
  install("databaseUrl", "postgres://nobody:hidden-password@127.0.0.1:1/nothing");
  await closeDatabase();
  const away = await named();
  expect(away).toMatchObject({
    status: 503,
    checks: { database: "failing", key: "unknown", schema: "unknown" },
    problems: ["database"],
  });
  expect(away.body.problems[0].action).toContain("DATABASE_URL");
  expect(JSON.stringify(away.body)).not.toMatch(/hidden-password|127\.0\.0\.1|nobody/);

  const sockets: Socket[] = [];
  const silent = createServer((socket) => void sockets.push(socket));
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  install("databaseUrl", `postgres://nobody@127.0.0.1:${(silent.address() as { port: number }).port}/nothing`);
  await closeDatabase();
  expect((await named()).problems).toEqual(["database"]);
  silent.close();
  for (const socket of sockets) socket.destroy();
  for (const name of ["database", "key-database"]) forget(name);
  install("databaseUrl", database.url);
});

test("the key is another one, or its check value is damaged or gone", async () => {
  const [kept] = await database.owner`select * from instance_values where name = 'master-key-check'`;
  const wrong = { status: 503, checks: { database: "ok", key: "failing", schema: "ok" }, problems: ["key"] };
  await database.owner`update instance_values set sealed = set_byte(sealed, length(sealed) - 1,
    get_byte(sealed, length(sealed) - 1) # 1) where name = 'master-key-check'`;
  const damaged = await named();
  expect(damaged).toMatchObject(wrong);
  expect(damaged.body.problems[0].action).toContain("LATCHKEY_MASTER_KEY");
  await database.owner`delete from instance_values where name = 'master-key-check'`;
  expect(await named()).toMatchObject(wrong);
  await database.owner`insert into instance_values ${database.owner(kept as Record<string, unknown>)}`;
});

test("the schema lacks a column", async () => {
  await database.owner`alter table token_state rename column lost_generation to other`;
  expect(await named()).toMatchObject({
    status: 503,
    checks: { database: "ok", key: "ok", schema: "failing" },
    problems: ["schema"],
  });
  await database.owner`alter table token_state rename column other to lost_generation`;
});

test("the refresher hangs", async () => {
  const clock = new HandClock();
  const real = refresher();
  install("refresher", refresherIn({ ...real.world, clock }, real.background));
  const unlock = await lockTable(database.owner, "token_state");
  const sweep = startSweep();
  expect((await checkReadiness()).checks.refresher).toBe("ok");
  clock.leap(61_000);
  const hanging = await checkReadiness();
  expect(hanging).toMatchObject({ ready: false, checks: { database: "ok", refresher: "failing" } });
  expect(hanging.problems.map((one) => one.check)).toEqual(["refresher"]);
  await unlock();
  await expect
    .poll(async () => {
      clock.leap(1_000);
      return (await checkReadiness()).checks.refresher;
    })
    .toBe("ok");
  const stopped = sweep.stop(0);
  clock.leap(1_000);
  await stopped;
  forget("refresher");
});
