import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { POST as runSql } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/sql/route";
import { firstWord } from "@/lib/secret-use/sql/first-word";
import { sqlBody } from "@/lib/secret-use/sql-resource";
import { makePerson, makePlace, OWNER, type Person, type Place } from "@/lib/testing/callers";
import { useDatabase } from "@/lib/testing/database";
import { madeId, postSecret } from "@/lib/testing/secrets-api";
import { postSql, reasonOf as reason } from "@/lib/testing/sql-api";
import { listen, message, type SqlServerDouble } from "@/lib/testing/sql-servers";
import { useSqlThreads } from "@/lib/testing/sql-thread";

/** Odd statements, values and moments at a PostgreSQL of a secret: what a caller or a server may come up with. */
const database = useDatabase({ LATCHKEY_EGRESS_ALLOW: "127.0.0.1" });
useSqlThreads();

const [USER, PASSWORD] = ["sql_attack_user", "a password of an attacker"];
let place: Place;
let owner: Person;
let real: { host: string; port: number; database: string };
const doubles: SqlServerDouble[] = [];

beforeAll(async () => {
  place = await makePlace();
  owner = await makePerson(place, OWNER);
  const url = new URL(database.url);
  real = { host: "127.0.0.1", port: Number(url.port), database: url.pathname.slice(1) };
  await database.owner.unsafe(`drop role if exists ${USER}`);
  await database.owner.unsafe(`create role ${USER} login password '${PASSWORD}'`);
  await database.owner.unsafe(`alter role ${USER} set bytea_output = 'escape'`);
  await database.owner.unsafe(`create schema sqlattack authorization ${USER}`);
  await database.owner.unsafe(`create table sqlattack.things (id int primary key);
    alter table sqlattack.things owner to ${USER}`);
});
afterAll(async () => {
  await Promise.all(doubles.map((one) => one.close()));
  await vi.waitFor(() => database.owner.unsafe(`drop owned by ${USER}; drop role ${USER}`), { timeout: 10_000 });
});

let count = 0;
async function secret(credentials: Record<string, unknown> = {}): Promise<string> {
  return madeId(
    await postSecret(place, owner.basic, {
      name: `Attacked ${++count}`,
      type: "postgresql",
      credentials: { ...real, user: USER, password: PASSWORD, tls: "disable", ...credentials },
    }),
  );
}
const sql = (secretId: string, statement: string, more: Record<string, unknown> = {}) =>
  postSql(place, owner.basic, secretId, { statement, ...more });
const rowsOf = async (secretId: string, statement: string, params: unknown[] = []) => {
  const { body } = await sql(secretId, statement, { params });
  return body.data?.attributes.rows ?? body.errors;
};

test("the first word is found in one pass, however many comments stand in front of it", async () => {
  // With a regular expression that may share comments out in many ways, each of them doubles the time: this would take for ever.
  const comments = "/**/".repeat(5_000);
  expect(firstWord(`${comments}1`)).toBe("OTHER");
  expect(firstWord(`${comments}select 1`)).toBe("SELECT");
  expect(firstWord(`-- drop\n ( /* x */ (with a as (select 1) select 1))`)).toBe("WITH");
  expect(firstWord("/* never ended select")).toBe("OTHER");
  expect(firstWord("--only a comment")).toBe("OTHER");
  const id = await secret();
  expect(await rowsOf(id, `${"/**/".repeat(40)}values (1)`)).toEqual([[1]]);
  for (const blank of ["/**/".repeat(20_000), "/* ; */ ; -- x", ";".repeat(50_000), "#"])
    expect(sqlBody.safeParse({ statement: blank }).success).toBe(false);
  for (const open of ["/*".repeat(40_000), "/* open", "/*! select 1 */"])
    expect(sqlBody.safeParse({ statement: open }).success).toBe(true);
});

test("ways out of read-only, and of one statement", async () => {
  const id = await secret();
  for (const statement of [
    "commit; insert into sqlattack.things values (1)",
    "select 1 /* ; */; -- x\ninsert into sqlattack.things values (2)",
    "do $$ begin commit; insert into sqlattack.things values (3); end $$",
    "do $$ begin set transaction read write; insert into sqlattack.things values (4); end $$",
    "do $$ begin perform set_config('transaction_read_only', 'off', true); insert into sqlattack.things values (5); end $$",
    "explain analyze insert into sqlattack.things values (6)",
    "copy (select 7) to program 'touch /tmp/latchkey-sql-attack'",
    "copy sqlattack.things from program 'echo 8'",
    "create table sqlattack.more (x int)",
    "select lo_create(0)",
  ])
    expect([statement, (await sql(id, statement)).status]).toEqual([statement, 400]);
  for (const statement of [
    "commit",
    "rollback",
    "commit and chain",
    "begin read write",
    "savepoint a",
    "discard plans",
  ]) {
    await sql(id, statement);
    expect(reason(await sql(id, "insert into sqlattack.things values (9)"))).toEqual([400, "read_only"]);
  }
  expect(await database.owner`select id from sqlattack.things`).toEqual([]);
});

test("what a statement leaves behind is gone: locks, roles, cursors, listeners, prepared statements", async () => {
  const id = await secret();
  for (const statement of [
    "select pg_advisory_lock(4711)",
    "listen somebody",
    "prepare kept as select 1",
    "declare kept cursor with hold for select 1",
    "set session characteristics as transaction isolation level serializable",
    "select set_config('statement_timeout', '1', false)",
    "set client_encoding = 'LATIN1'",
  ])
    await sql(id, statement);
  expect(await rowsOf(id, "select pg_try_advisory_lock(4711), current_setting('statement_timeout'), 'ü'")).toEqual([
    [true, "30s", "ü"],
  ]);
  expect(await rowsOf(id, "select count(*)::int from pg_prepared_statements")).toEqual([[0]]);
  expect(await rowsOf(id, "select current_setting('transaction_isolation')")).toEqual([["read committed"]]);
});

test("values come as they are, whatever the role's settings: bytes, infinities, dates, arrays", async () => {
  const id = await secret();
  expect(
    await rowsOf(
      id,
      `select '\\xdeadbeef'::bytea, array['\\x00ff'::bytea], 'infinity'::float8, '-infinity'::float4, 'NaN'::numeric,
        'infinity'::timestamptz, '0044-03-15 BC'::date, array[1.5, 'NaN']::float8[], '{{1,2},{3,null}}'::int[],
        array['a"b', 'c\\d', null, 'NULL', '{,}'], '[2:3]={7,8}'::int[], array[9007199254740993]::bigint[],
        'null'::jsonb, '{"__proto__":1}'::json, 12.50::money is not null, '[1,5)'::int4range, row(1, 'x'), B'101'`,
    ),
  ).toEqual([
    [
      "3q2+7w==", ["AP8="], "Infinity", "-Infinity", "NaN",
      "infinity", "0044-03-15 BC", [1.5, "NaN"], [[1, 2], [3, null]],
      ['a"b', "c\\d", null, "NULL", "{,}"], [7, 8], ["9007199254740993"],
      null, JSON.parse('{"__proto__":1}'), true, "[1,5)", "(1,x)", "101",
    ],
  ]); // biome-ignore format: rows of the statement
});

test("parameters arrive as they were sent, or are refused", async () => {
  const id = await secret();
  const echoed: [string, unknown, unknown][] = [
    ["bool", true, true],
    ["bool", false, false],
    ["bool", "true", true],
    ["bool", "f", false],
    ["bool[]", [true, false, null], [true, false, null]],
    ["text[]", ['a"b', "c\\d", null, "{,}", ""], ['a"b', "c\\d", null, "{,}", ""]],
    ["int[]", [[1, 2], [3, 4]], [[1, 2], [3, 4]]],
    ["float8", 1e21, 1e21],
    ["bigint", "9007199254740993", "9007199254740993"],
    ["json", "text", "text"],
    ["jsonb", [1, { a: null }], [1, { a: null }]],
    ["text", { a: 1 }, '{"a":1}'],
    ["bytea[]", ["3q2+7w=="], ["3q2+7w=="]],
  ]; // biome-ignore format: a table
  for (const [type, sent, back] of echoed)
    expect([type, sent, await rowsOf(id, `select $1::${type}`, [sent])]).toEqual([type, sent, [[back]]]);
  for (const [statement, params] of [
    ["select $1::bool", ["maybe"]],
    ["select $1::bool", [2]],
    ["select $1::int", [1.5]],
    ["select $1::text", ["with \0 in it"]],
    ["select 1", ["one too many"]],
    ["select $1::int, $2::int", [1]],
    ["select $1::bytea[]", [["no base64!"]]],
  ] as const)
    expect([statement, params, (await sql(id, statement, { params })).status]).toEqual([statement, params, 400]);
  expect(await rowsOf(id, "select 1")).toEqual([[1]]);
});

test("a connection that ends within an answer is told, and the next statement has another", async () => {
  let cut = true;
  const double = await listen((socket) => {
    const behind = connect(real.port, real.host);
    for (const one of [socket, behind]) one.on("error", () => socket.destroy());
    socket.on("close", () => behind.destroy());
    socket.pipe(behind);
    behind.on("data", (said: Buffer) => {
      if (cut && said.includes("half an answer")) {
        cut = false;
        const row = message("D", Buffer.alloc(100));
        socket.end(Buffer.concat([said.subarray(0, 3), row.subarray(0, 20)]));
      } else socket.write(said);
    });
  });
  doubles.push(double);
  const id = await secret({ port: double.port });
  const [status, why] = reason(await sql(id, "select 'half an answer' from generate_series(1, 500)"));
  expect([status, ["lost", "unreadable"].includes(why)]).toEqual([424, true]);
  expect(await rowsOf(id, "select 'half an answer'")).toEqual([["half an answer"]]);
});

test("a cancellation that is late does not meet the next statement on the same connection", async () => {
  const held: (() => void)[] = [];
  let holding = false;
  const double = await listen((socket: Socket) => {
    const behind = connect(real.port, real.host);
    for (const one of [socket, behind]) one.on("error", () => socket.destroy());
    behind.pipe(socket);
    socket.on("close", () => behind.destroy());
    socket.once("data", (first: Buffer) => {
      // A cancellation is a connection of its own, of sixteen bytes; this one is long on its way.
      if (holding && first.length === 16 && first.readInt32BE(4) === 80_877_102)
        held.push(() => void connect(real.port, real.host).end(first));
      else {
        behind.write(first);
        socket.pipe(behind);
      }
    });
  });
  doubles.push(double);
  const id = await secret({ port: double.port });
  await sql(id, "select 1");
  holding = true;
  const gone = new AbortController();
  const request = new Request("http://latchkey.test/sql", {
    method: "POST",
    headers: { "content-type": "application/json", ...owner.basic },
    body: JSON.stringify({ statement: "select pg_sleep(1), 'ends by itself'" }),
    signal: gone.signal,
  });
  const first = runSql(request, { params: { workspaceId: place.workspaceId, secretId: id } });
  const running = () =>
    database.owner`select pid from pg_stat_activity where state = 'active' and query like '%ends by itself%' and usename = ${USER}`;
  await vi.waitFor(async () => expect(await running()).toHaveLength(1), { timeout: 15_000, interval: 20 });
  gone.abort();
  await vi.waitFor(() => expect(held).toHaveLength(1), { timeout: 15_000, interval: 20 });
  await first;
  const next = sql(id, "select pg_sleep(1.5), 'of somebody else'");
  await vi.waitFor(
    async () =>
      expect(
        await database.owner`select 1 from pg_stat_activity where state = 'active' and query like '%of somebody else%' and usename = ${USER}`,
      ).toHaveLength(1),
    { timeout: 15_000, interval: 20 },
  );
  for (const pass of held) pass();
  expect((await next).status).toBe(200);
});
