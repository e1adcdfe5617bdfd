import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { POST as CREATE_SECRET } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import { installed } from "@/lib/process";
import type { SqlThreads } from "@/lib/secret-use/sql/threads";
import { useApiServer } from "@/lib/testing/api-server";
import { makePerson, makePlace, makeTask, OWNER } from "@/lib/testing/callers";
import { useDatabase } from "@/lib/testing/database";
import { call } from "@/lib/testing/http";
import { useSqlThreads } from "@/lib/testing/sql-thread";
import { createLatchkey, LatchkeyError, type LatchkeySteps } from "./index";

/** SQL from the client, at a real PostgreSQL. */
const database = useDatabase({ LATCHKEY_EGRESS_ALLOW: "127.0.0.1" });
useSqlThreads();
const server = useApiServer();
const USER = "sdk_sql_user";
let id: string;
let latchkey: LatchkeySteps;

beforeAll(async () => {
  const place = await makePlace();
  const owner = await makePerson(place, OWNER);
  const task = await makeTask(place);
  const { workspaceId } = place;
  const { port, pathname } = new URL(database.url);
  await database.owner.unsafe(`drop role if exists ${USER}; create role ${USER} login password 'a password'`);
  await database.owner.unsafe(`create schema sdk authorization ${USER}`);
  const credentials = {
    host: "127.0.0.1",
    port: Number(port),
    database: pathname.slice(1),
    user: USER,
    password: "a password",
    tls: "disable",
  };
  const { body } = await call(CREATE_SECRET, {
    method: "POST",
    as: owner.basic,
    params: { workspaceId },
    json: { data: { type: "auth-secret", attributes: { name: "Things", type: "postgresql", credentials } } },
  });
  id = body.data.id;
  latchkey = createLatchkey({ url: server.url, apiKey: task.key, workspace: workspaceId });
});
afterAll(async () => {
  installed<SqlThreads>("sql-threads")?.close();
  await vi.waitFor(() => database.owner.unsafe(`drop owned by ${USER}; drop role ${USER}`), { timeout: 10_000 });
});

test("a statement with parameters, rows by column, and what is written", async () => {
  const options = { readOnly: false };
  await latchkey.SQL("Things", "create table sdk.things (id int primary key, name text)", [], options);
  const made = await latchkey.SQL(
    "Things",
    "insert into sdk.things values ($1, $2), ($3, $4)",
    [1, "a", 2, "b"],
    options,
  );
  expect(made.affected).toBe(2);
  const { rows, columns, truncated } = await latchkey.SQL<{ id: number; name: string }>(
    id,
    "select id, name from sdk.things where id >= $1 order by id",
    [1],
    { maxRows: 1 },
  );
  expect([rows, truncated]).toEqual([[{ id: 1, name: "a" }], true]);
  expect(columns.map(({ name }) => name)).toEqual(["id", "name"]);
  const refused = await latchkey.SQL("Things", "delete from sdk.things").catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(LatchkeyError);
  expect(refused).toMatchObject({ status: 400, code: "statement_failed" });
});

test("in a template each value is a parameter, whatever it says, by name and by id", async () => {
  const hostile = "'; drop table sdk.things; --";
  for (const nameOrId of ["Things", id]) {
    const { rows } = await latchkey.SQL.with(nameOrId)`select ${hostile}::text as said, ${2}::int + ${3}::int as sum`;
    expect(rows).toEqual([{ said: hostile, sum: 5 }]);
  }
});
