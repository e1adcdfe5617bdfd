import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { PATCH } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { POST as runSql } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/sql/route";
import { onSecretChange } from "@/lib/db/notifications";
import { Egress } from "@/lib/egress/safe-fetch";
import { install, installed } from "@/lib/process";
import { SQL_LIMITS, type SqlLimits } from "@/lib/secret-use/sql/messages";
import { SqlThreads } from "@/lib/secret-use/sql/threads";
import { makePerson, makePlace, makeTask, OWNER, type Person, type Place } from "@/lib/testing/callers";
import { makeCertificate } from "@/lib/testing/certificates";
import { useDatabase } from "@/lib/testing/database";
import { call } from "@/lib/testing/http";
import { lockTable } from "@/lib/testing/lock-table";
import { madeId, postSecret } from "@/lib/testing/secrets-api";
import { postSql, postTest, reasonOf as reason } from "@/lib/testing/sql-api";
import { listen, message, postgresqlOverTls, type SqlServerDouble, WELCOME } from "@/lib/testing/sql-servers";
import { useSqlThreads } from "@/lib/testing/sql-thread";

/** SQL with a secret of type postgresql, against a real server and against hostile ones (SECURITY SQ-1 to SQ-8). */
const database = useDatabase({ LATCHKEY_EGRESS_ALLOW: "127.0.0.1, db.test, rebound.test" });
useSqlThreads();

const PASSWORD = "correct horse battery staple";
const USER = "sql_test_user";
/** Where names lead, in turn; the last stays. */
const names: Record<string, string[]> = { "db.test": ["127.0.0.1"] };
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
  await database.owner.unsafe(
    "create schema sqltest; create table sqltest.things (id int primary key, name text unique)",
  );
  await database.owner.unsafe(
    `grant usage, create on schema sqltest to ${USER}; grant all on sqltest.things to ${USER}`,
  );
  install(
    "egress",
    new Egress({
      allow: database.settings.egressAllow,
      resolve: async (host) => {
        const found = names[host];
        if (!found) throw Object.assign(new Error("not found"), { code: "ENOTFOUND" });
        return [(found.length > 1 ? found.shift() : found[0]) as string];
      },
    }),
  );
});
afterAll(async () => {
  await Promise.all(doubles.map((one) => one.close()));
  installed<SqlThreads>("sql-threads")?.close();
  await vi.waitFor(() => database.owner.unsafe(`drop owned by ${USER}; drop role ${USER}`), { timeout: 10_000 });
});

beforeEach(async () => {
  // A person may test so many logins at once (test-unsaved.test.ts).
  await database.owner`delete from sign_in_failures`;
});

let count = 0;
async function secret(credentials: Record<string, unknown> = {}): Promise<string> {
  return madeId(
    await postSecret(place, owner.basic, {
      name: `Database ${++count}`,
      type: "postgresql",
      credentials: { ...real, user: USER, password: PASSWORD, tls: "disable", ...credentials },
    }),
  );
}

const sql = (secretId: string, statement: string, more: Record<string, unknown> = {}, as = owner.basic) =>
  postSql(place, as, secretId, { statement, ...more });
const tried = (secretId: string, as = owner.basic) => postTest(place, as, secretId);
/** Edits its login. */
const change = (secretId: string, credentials: Record<string, unknown>) =>
  call(PATCH, {
    method: "PATCH",
    as: owner.basic,
    params: { workspaceId: place.workspaceId, secretId },
    json: { data: { type: "auth-secret", attributes: { credentials } } },
  });

describe("values", () => {
  test("come as JSON that loses nothing", async () => {
    const id = await secret();
    const answer = await sql(
      id,
      `select 9007199254740993::bigint as big, 1.10::numeric as num, 1.5::float8 as f, 'NaN'::float8 as nan, 7 as i,
        true as yes, null::text as nothing, '2026-03-01'::date as d, '2026-03-01 10:00:00.123456+02'::timestamptz at time zone 'UTC' as ts,
        '\\xdeadbeef'::bytea as b, '{"a":[1]}'::jsonb as j, array[1,2]::int[] as ints, 'x' as name, 'y' as name`,
    );
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toContain("application/json");
    const { columns, rows, row_count, truncated, affected } = answer.body.data.attributes;
    expect(rows).toEqual([
      [
        "9007199254740993",
        "1.10",
        1.5,
        "NaN",
        7,
        true,
        null,
        "2026-03-01",
        "2026-03-01 08:00:00.123456",
        "3q2+7w==",
        { a: [1] },
        [1, 2],
        "x",
        "y",
      ],
    ]);
    expect(columns.slice(0, 3)).toEqual([
      { name: "big", type: "bigint" },
      { name: "num", type: "numeric" },
      { name: "f", type: "double precision" },
    ]);
    expect([row_count, truncated, affected]).toEqual([1, false, null]);
  });

  test("go in as parameters, whatever they look like (SQ-1)", async () => {
    const id = await secret();
    const corpus = ["'; drop table sqltest.things; --", "\\'", "$1", "$$", "/*", "\u0001", "😀", "", "null", "{}"];
    for (const text of corpus) {
      const answer = await sql(id, "select $1::text as it, $2::int + 1 as n", { params: [text, 41] });
      expect(answer.body.data.attributes.rows).toEqual([[text, 42]]);
    }
    const typed = await sql(
      id,
      "select $1::jsonb, $2::date, $3::bytea, $4::int[], $5::bool, $6::numeric, $7::timestamp",
      {
        params: [{ a: "b" }, "2026-02-03", "3q2+7w==", [3, 4], false, "1.10", "2026-01-01 10:00"],
      },
    );
    expect(typed.body.data.attributes.rows).toEqual([
      [{ a: "b" }, "2026-02-03", "3q2+7w==", [3, 4], false, "1.10", "2026-01-01 10:00:00"],
    ]);
    expect(reason(await sql(id, "select $1::bytea", { params: ["no base64!"] }))).toEqual([400, "bad_parameter"]);
    expect(reason(await sql(id, "select $1::int", { params: ["x"] }))).toEqual([400, "statement"]);
    expect(reason(await sql(id, "select $1::int", { params: [] }))).toEqual([400, "statement"]);
    expect(reason(await sql(id, "select $1::uuid", { params: [{ a: 1 }] }))).toEqual([400, "statement"]);
    expect((await sql(id, "select 1")).status).toBe(200);
  });

  test("are bad requests when they are no parameters", async () => {
    const id = await secret();
    for (const more of [{ params: "x" }, { max_rows: 0 }, { max_rows: 10_001 }, { read_only: "no" }, { what: 1 }]) {
      const answer = await sql(id, "select 1", more);
      expect([JSON.stringify(more), answer.status]).toEqual([JSON.stringify(more), 400]);
      expect(answer.body.errors[0].source.pointer).toBe(`/${Object.keys(more)[0]}`);
    }
    for (const statement of ["", "  ;", "-- nothing", "/* nothing */"])
      expect((await sql(id, statement)).status).toBe(400);
  });
});

describe("statements", () => {
  test("one at a time (SQ-2)", async () => {
    const id = await secret();
    for (const two of ["select 1; select 2", "select 1; drop table sqltest.things"])
      for (const params of [[], ["x"]])
        expect(reason(await sql(id, two, { read_only: false, params }))).toEqual([400, "several_statements"]);
    expect((await sql(id, "select count(*) from sqltest.things")).status).toBe(200);
  });

  test("change nothing unless asked to (SQ-2)", async () => {
    const id = await secret();
    const insert = "insert into sqltest.things values ($1, $2)";
    expect(reason(await sql(id, insert, { params: [1, "one"] }))).toEqual([400, "read_only"]);
    for (const attempt of ["set transaction read write", "select set_config('transaction_read_only', 'off', false)"]) {
      await sql(id, attempt);
      expect(reason(await sql(id, insert, { params: [1, "one"] }))).toEqual([400, "read_only"]);
    }
    const trick = `with off as (select set_config('transaction_read_only', 'off', false))
      insert into sqltest.things select 2, x.set_config from off x`;
    expect((await sql(id, trick)).status).toBe(400);
    const written = await sql(id, insert, { params: [1, "one"], read_only: false });
    expect(written.body.data.attributes).toMatchObject({ affected: 1, rows: [], row_count: 0 });
    const rows = await sql(id, "insert into sqltest.things values (5, 'five') returning id", { read_only: false });
    expect(rows.body.data.attributes).toMatchObject({ affected: 1, rows: [[5]] });
    expect((await sql(id, "select id from sqltest.things order by id")).body.data.attributes.rows).toEqual([[1], [5]]);
  });

  test("leave nothing in the session for the next one", async () => {
    const id = await secret();
    await sql(id, "set search_path = sqltest", { read_only: false });
    await sql(id, "set default_transaction_read_only = off", { read_only: false });
    await sql(id, "create temp table left_over (x int)", { read_only: false });
    expect((await sql(id, "show search_path")).body.data.attributes.rows).not.toEqual([["sqltest"]]);
    expect(reason(await sql(id, "select * from left_over"))).toEqual([400, "statement"]);
  });

  test("fail in the database's words, without what belongs to others or to the login (SQ-8)", async () => {
    const id = await secret();
    await sql(id, "insert into sqltest.things values (77, 'sentinel in a row')", { read_only: false });
    const again = await sql(id, "insert into sqltest.things values (78, 'sentinel in a row')", { read_only: false });
    expect(again.status).toBe(400);
    expect(again.body.errors[0].meta.sql_state).toBe("23505");
    const wrong = await sql(id, "selec 1");
    expect(wrong.body.errors[0]).toMatchObject({
      code: "statement_failed",
      source: { pointer: "/statement" },
      meta: { sql_state: "42601", position: 1 },
    });
    const asUser = await sql(
      id,
      `do $$ begin raise exception 'I am %', current_user using detail = '${PASSWORD}'; end $$`,
    );
    const said = JSON.stringify([again.body, wrong.body, asUser.body]);
    for (const secretText of ["sentinel in a row", USER, PASSWORD, "127.0.0.1"]) expect(said).not.toContain(secretText);
  });

  test("COPY is refused, and the connection is not left waiting", async () => {
    const id = await secret();
    expect(reason(await sql(id, "copy sqltest.things to stdout"))).toEqual([400, "not_supported"]);
    expect(reason(await sql(id, "copy sqltest.things from stdin", { read_only: false }))).toEqual([
      400,
      "not_supported",
    ]);
    expect((await sql(id, "select 1")).status).toBe(200);
  });
});

/** The same limits, sooner reached. */
function quick(more: Partial<SqlLimits> = {}): void {
  installed<SqlThreads>("sql-threads")?.close();
  install("sql-threads", new SqlThreads({ ...SQL_LIMITS, statementMs: 1_500, connectMs: 1_000, ...more }));
}

describe("limits (SQ-6)", () => {
  test("rows: so many as asked for, and told when there were more", async () => {
    const id = await secret();
    const some = await sql(id, "select * from generate_series(1, 50000)", { max_rows: 3 });
    expect(some.body.data.attributes).toMatchObject({ rows: [[1], [2], [3]], row_count: 3, truncated: true });
    const all = await sql(id, "select * from generate_series(1, 3)", { max_rows: 3 });
    expect(all.body.data.attributes).toMatchObject({ row_count: 3, truncated: false });
    const most = await sql(id, "select * from generate_series(1, 50000)");
    expect(most.body.data.attributes).toMatchObject({ row_count: 10_000, truncated: true });
  });

  test("bytes: cut at 10 MB, and one row above it is refused", async () => {
    const id = await secret();
    const cut = await sql(id, "select repeat('x', 100000) from generate_series(1, 10000)");
    expect(cut.body.data.attributes).toMatchObject({ truncated: true });
    expect(cut.body.data.attributes.row_count).toBeLessThanOrEqual(100);
    expect(reason(await sql(id, "select repeat('x', 11000000)"))).toEqual([424, "too_large"]);
    expect(reason(await sql(id, "select repeat('x', 100000000)"))).toEqual([424, "too_large"]);
    expect((await sql(id, "select 1")).status).toBe(200);
  });

  test("time: cancelled at the server when the caller goes", async () => {
    const id = await secret();
    const gone = new AbortController();
    const request = new Request("http://latchkey.test/sql", {
      method: "POST",
      headers: { "content-type": "application/json", ...owner.basic },
      body: JSON.stringify({ statement: "select pg_sleep(3600), 'marked to go'" }),
      signal: gone.signal,
    });
    const answer = runSql(request, { params: { workspaceId: place.workspaceId, secretId: id } });
    const running = () =>
      database.owner`select 1 from pg_stat_activity where state = 'active' and query like '%marked to go%' and usename = ${USER}`;
    await vi.waitFor(async () => expect(await running()).toHaveLength(1), { timeout: 15_000 });
    gone.abort();
    // Long before its own time is up.
    await vi.waitFor(async () => expect(await running()).toHaveLength(0), { timeout: 15_000 });
    expect((await answer).status).toBe(400);
    expect((await sql(id, "select 1")).status).toBe(200);
  }, 60_000);

  test("pg_sleep beyond the limit is a typed error", async () => {
    quick();
    const id = await secret();
    expect(reason(await sql(id, "select pg_sleep(3600)"))).toEqual([424, "statement_timeout"]);
    expect((await sql(id, "select 1")).status).toBe(200);
  });

  test("connections: five a secret, closed when the secret changes", async () => {
    const id = await secret();
    const at = () => database.owner`select pid from pg_stat_activity where usename = ${USER}`;
    const threads = installed<SqlThreads>("sql-threads");
    threads?.close();
    await vi.waitFor(async () => expect(await at()).toHaveLength(0), { timeout: 15_000 });
    await Promise.all(Array.from({ length: 20 }, () => sql(id, "select pg_sleep(0.05)")));
    expect((await at()).length).toBeGreaterThan(1);
    expect((await at()).length).toBeLessThanOrEqual(5);
    const changed = await change(id, { ...real, user: USER, password: "wrong", tls: "disable" });
    expect(changed.status).toBe(200);
    await vi.waitFor(async () => expect(await at()).toHaveLength(0), { timeout: 15_000 });
    expect(reason(await sql(id, "select 1"))).toEqual([424, "login_refused"]);
  });
});

describe("TLS and addresses (SQ-3, SQ-5, SQ-7)", () => {
  const mine = makeCertificate("DNS:db.test");
  const foreign = makeCertificate("DNS:other.test");

  test("certificate and name are checked by default", async () => {
    const good = await postgresqlOverTls(mine, real.port);
    const wrong = await postgresqlOverTls(foreign, real.port);
    doubles.push(good, wrong);
    const at = (port: number, more: Record<string, unknown>) =>
      secret({ host: "db.test", port, tls: undefined, ...more });
    expect(reason(await tried(await at(good.port, {})))).toEqual([424, "tls_untrusted"]);
    expect(reason(await tried(await at(wrong.port, { ca: foreign.cert })))).toEqual([424, "tls_wrong_name"]);
    expect(reason(await tried(await at(good.port, { ca: foreign.cert })))).toEqual([424, "tls_untrusted"]);
    expect(reason(await tried(await at(real.port, { ca: mine.cert })))).toEqual([424, "tls_not_offered"]);
    const ok = await tried(await at(good.port, { ca: mine.cert }));
    expect(ok.body.data.attributes).toMatchObject({ tls: true, server: expect.stringContaining("PostgreSQL") });
    const byCa = await sql(await at(wrong.port, { ca: foreign.cert, tls: "verify-ca" }), "select 1 as one");
    expect(byCa.body.data.attributes.rows).toEqual([[1]]);
    expect((await sql(await at(good.port, { ca: mine.cert }), "select 1")).status).toBe(200);
    const bad = `-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----`;
    expect(reason(await tried(await at(good.port, { ca: bad })))[0]).toBe(424);
  });

  test("words before TLS are not believed (CVE-2021-23222)", async () => {
    const smuggling = await listen((socket) =>
      socket.once("data", () => socket.write(Buffer.concat([Buffer.from("S"), WELCOME]))),
    );
    doubles.push(smuggling);
    expect(reason(await tried(await secret({ host: "db.test", port: smuggling.port, tls: "verify-full" })))).toEqual([
      424,
      "no_database_server",
    ]);
  });

  test("without TLS only where the operator allows the host", async () => {
    names["public.test"] = ["93.184.216.34"];
    expect(reason(await tried(await secret({ host: "public.test", tls: "disable" })))).toEqual([
      424,
      "forbidden_address",
    ]);
    expect(reason(await tried(await secret({ host: "public.test", port: 25, tls: "verify-full" })))).toEqual([
      424,
      "forbidden_address",
    ]);
  });

  test("private and metadata addresses are refused, and a name that moves there too", async () => {
    const canary = await listen(() => {});
    doubles.push(canary);
    names["inside.test"] = ["10.0.0.7"];
    names["mixed.test"] = ["169.254.169.254"];
    names["metadata.google.internal"] = ["93.184.216.34"];
    for (const host of ["inside.test", "mixed.test", "10.0.0.7", "::1", "169.254.169.254", "metadata.google.internal"])
      expect([host, ...reason(await tried(await secret({ host, port: canary.port })))]).toEqual([
        host,
        424,
        "forbidden_address",
      ]);
    // Allowed by name, then led to a metadata service at the next connection.
    names["rebound.test"] = ["127.0.0.1", "169.254.169.254"];
    const id = await secret({ host: "rebound.test" });
    expect((await sql(id, "select 1")).status).toBe(200);
    const both = await Promise.all([sql(id, "select pg_sleep(0.2)"), sql(id, "select pg_sleep(0.2)")]);
    expect(both.map(reason)).toContainEqual([424, "forbidden_address"]);
    expect(canary.connections()).toBe(0);
    const denied =
      await database.owner`select detail from audit_entries where action = 'secret.sql' and outcome = 'denied'
      and target_id = ${id} and host = 'rebound.test'`;
    expect(denied.length).toBeGreaterThan(0);
  });

  test("the environment is not asked for anything (SQ-5)", async () => {
    const canary = await listen((socket) => socket.end());
    doubles.push(canary);
    const set = {
      PGHOST: "127.0.0.1",
      PGPORT: String(canary.port),
      PGUSER: "postgres",
      PGPASSWORD: PASSWORD,
      PGDATABASE: "postgres",
      PGSSLMODE: "disable",
      PGTARGETSESSIONATTRS: "nonsense",
      PGAPPNAME: "from the environment",
      NODE_TLS_REJECT_UNAUTHORIZED: "0",
    };
    for (const [name, value] of Object.entries(set)) vi.stubEnv(name, value);
    try {
      const good = await postgresqlOverTls(mine, real.port);
      doubles.push(good);
      const told = await sql(await secret(), "select current_user, current_setting('application_name')");
      expect(told.body.data.attributes.rows).toEqual([[USER, "latchkey"]]);
      expect(reason(await tried(await secret({ password: "" })))).toEqual([424, "login_refused"]);
      expect(reason(await tried(await secret({ host: "db.test", port: good.port, tls: "verify-full" })))).toEqual([
        424,
        "tls_untrusted",
      ]);
      expect(canary.connections()).toBe(0);
    } finally {
      vi.unstubAllEnvs();
    }
    const without = await postSecret(place, owner.basic, {
      name: "No host",
      type: "postgresql",
      credentials: { tls: "prefer" },
    });
    expect(
      without.body.errors.map((one: { source: { pointer: string } }) => one.source.pointer.split("/").at(-1)).sort(),
    ).toEqual(["database", "host", "password", "tls", "user"]);
    for (const host of ["/var/run/postgresql", "db.test:5432", "postgres://x", "a b", ""])
      expect(
        (
          await postSecret(place, owner.basic, {
            name: host || "x",
            type: "postgresql",
            credentials: { ...real, user: USER, password: "p", host },
          })
        ).status,
      ).toBe(400);
  });
});

test("another host takes the password again (AZ-9)", async () => {
  const id = await secret();
  const refused = await change(id, { host: "elsewhere.test" });
  expect(refused.status).toBe(400);
  const pointers = refused.body.errors.map((one: { source: { pointer: string } }) => one.source.pointer);
  expect(pointers).toContain("/data/attributes/credentials/password");
  expect((await sql(id, "select 1")).status).toBe(200);
});

describe("servers that are none, or hostile", () => {
  const hostile = async (each: Parameters<typeof listen>[0]) => {
    const double = await listen(each);
    doubles.push(double);
    return secret({ port: double.port });
  };
  /** The real server until a statement comes that says "marker": then these bytes are the answer, or come without end. */
  const ENOUGH = 100_000_000;
  /** @param sent how many bytes a flood came to, by connection */
  const saying = (bytes: Buffer, again: boolean, sent: number[] = []) =>
    hostile((socket) => {
      const behind = connect(real.port, real.host);
      for (const one of [socket, behind]) one.on("error", () => socket.destroy());
      socket.on("close", () => behind.destroy());
      behind.pipe(socket);
      const flood = () => {
        while (!socket.destroyed && socket.bytesWritten < ENOUGH && socket.write(bytes)) if (!again) return;
      };
      socket.on("data", (asked: Buffer) => {
        if (!asked.includes("marker")) {
          behind.write(asked);
          return;
        }
        behind.unpipe(socket);
        if (again) socket.on("drain", flood).on("close", () => sent.push(socket.bytesWritten));
        flood();
      });
    });

  test("plain words say what is wrong", async () => {
    const dead = await listen(() => {});
    await dead.close();
    expect(reason(await tried(await secret({ port: dead.port })))).toEqual([424, "refused"]);
    expect(reason(await tried(await secret({ host: "nowhere.test" })))).toEqual([424, "host_unknown"]);
    expect(reason(await tried(await secret({ password: "wrong" })))).toEqual([424, "login_refused"]);
    expect(reason(await tried(await secret({ database: "no_such_database" })))).toEqual([424, "database_missing"]);
    const said = await tried(await secret({ password: "wrong" }));
    expect(said.body.errors[0].detail).toBe("The server refuses this user and password.");
    expect((await tried(await secret())).body.data.attributes).toMatchObject({ tls: false });
  });

  test("who may not edit is not told about the network (SS-8)", async () => {
    const task = await makeTask(place, ["workspaces.auth_secret.get", "workspaces.auth_secret.use"]);
    const dead = await listen(() => {});
    await dead.close();
    const details = [];
    for (const login of [{ port: dead.port }, { host: "nowhere.test" }, { host: "10.0.0.7" }]) {
      const answer = await sql(await secret(login), "select 1", {}, task.basic);
      expect(reason(answer)).toEqual([424, "unreachable"]);
      details.push(answer.body.errors[0].detail);
    }
    expect(new Set(details).size).toBe(1);
    expect((await tried(await secret(), task.basic)).status).toBe(403);
  });

  test("a server that never answers is given up", async () => {
    quick();
    const [early, late] = [
      await hostile(() => {}),
      await hostile((socket) => void socket.once("data", () => socket.write(WELCOME))),
    ];
    expect(reason(await sql(early, "select 1"))).toEqual([424, "connect_timeout"]);
    expect((await sql(late, "select 1")).status).toBe(424);
    expect((await sql(await secret(), "select 1")).status).toBe(200);
  });

  test("one that hangs up at once, speaks HTTP or nonsense is no database", async () => {
    for (const each of [
      (socket: Socket) => socket.destroy(),
      (socket: Socket) => socket.once("data", () => socket.end()),
      (socket: Socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
      (socket: Socket) => socket.write(Buffer.alloc(100_000, 0xff)),
    ])
      expect((await sql(await hostile(each), "select 1")).status).toBe(424);
    expect((await sql(await secret(), "select 1")).status).toBe(200);
  });

  test("malformed and endless messages end the connection or its thread, not the process", {
    timeout: 60_000,
  }, async () => {
    quick();
    const row = message("D", Buffer.from([0, 1, 0, 0, 0, 1, 65]));
    const bytes: [Buffer, boolean][] = [
      [Buffer.from([0x44, 0x7f, 0xff, 0xff, 0xff, 1]), false],
      [Buffer.from([0x44, 0, 0, 0, 0]), false],
      [message("D", Buffer.alloc(70_000)), true],
      [Buffer.concat(Array.from({ length: 5_000 }, () => row)), true],
      [message("N", Buffer.alloc(70_000, 83)), true],
      [message("R", Buffer.from([0, 0, 0, 11])), false],
    ];
    for (const [one, again] of bytes) {
      const answer = await sql(await saying(one, again), "select 'marker'");
      expect([one.subarray(0, 8), answer.status]).toEqual([one.subarray(0, 8), 424]);
    }
    expect((await sql(await secret(), "select 1")).status).toBe(200);
  });

  test("a driver that goes round in circles is ended with its thread, not with the longest time there is", {
    timeout: 60_000,
  }, async () => {
    quick({ hangMs: 1_000 });
    // Columns that are announced and do not come: postgres.js looks for the end of a name beyond the end of the message.
    const circles = [message("T", Buffer.from([0xff, 0xff])), message("T", Buffer.from([0, 1, 65]))];
    const answers = await Promise.all(circles.map(async (one) => sql(await saying(one, false), "select 'marker'")));
    expect(answers.map(reason)).toEqual([
      [424, "unreadable"],
      [424, "unreadable"],
    ]);
    quick();
    expect((await sql(await secret(), "select 1")).status).toBe(200);
  });

  test("bytes: no more are taken than allowed, whatever they say", { timeout: 60_000 }, async () => {
    installed<SqlThreads>("sql-threads")?.close();
    install("sql-threads", new SqlThreads({ ...SQL_LIMITS, maxReceivedBytes: 1_000_000 }));
    const sent: number[] = [];
    const id = await saying(message("N", Buffer.alloc(70_000, 83)), true, sent);
    expect(reason(await sql(id, "select 'marker'"))).toEqual([424, "too_large"]);
    await vi.waitFor(() => expect(sent).toHaveLength(1));
    // What lies in buffers on the way comes on top.
    expect(sent[0]).toBeLessThan(ENOUGH / 2);
  });

  test("a costly login is refused: SCRAM with two thousand million rounds", async () => {
    const scram = Buffer.concat([Buffer.from([0, 0, 0, 10]), Buffer.from("SCRAM-SHA-256\0\0")]);
    const greedy = await hostile((socket) =>
      socket.once("data", () => {
        socket.write(message("R", scram));
        socket.once("data", (first: Buffer) => {
          const nonce = /r=([^,]+)/.exec(first.toString("latin1"))?.[1];
          const challenge = `r=${nonce}server,s=${Buffer.from("salt").toString("base64")},i=2000000000`;
          socket.write(message("R", Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from(challenge)])));
        });
      }),
    );
    expect((await sql(greedy, "select 1")).status).toBe(424);
  });
});

/** A secret whose making this process has heard of: hearing of it ends a thread that the secret has by then. */
async function knownSecret(): Promise<string> {
  const heard: string[] = [];
  const unhear = onSecretChange(
    (_workspace, secretId) => heard.push(secretId),
    () => {},
  );
  try {
    const id = await secret();
    await vi.waitFor(() => expect(heard).toContain(id), { timeout: 10_000 });
    return id;
  } finally {
    unhear();
  }
}

const entriesOf = (id: string) =>
  database.owner`select outcome, target_name, host, generation, detail from audit_entries
    where target_id = ${id} and action = 'secret.sql' order by id`;

test("every use is on record before it runs, without statement and values (AU-1, AU-2)", async () => {
  const id = await knownSecret();
  // The first has its login opened before its entry is written; the next finds the thread, which knows the host.
  for (let i = 0; i < 2; i++) await sql(id, "select $1::text as recorded_column", { params: ["a recorded value"] });
  const entries = await entriesOf(id);
  expect(entries).toHaveLength(2);
  for (const entry of entries)
    expect(entry).toEqual({
      outcome: "allowed",
      target_name: `Database ${count}`,
      host: "127.0.0.1",
      generation: 1,
      detail: { command: "SELECT", read_only: true, statement: expect.stringMatching(/^[0-9a-f]{16}$/) },
    });
  const text = JSON.stringify(await database.owner`select * from audit_entries where target_id = ${id}`);
  for (const secretText of ["recorded_column", "a recorded value", PASSWORD, USER])
    expect(text).not.toContain(secretText);
  // What cannot be recorded is not run.
  const unused = await secret();
  await database.owner.unsafe("alter table audit_entries rename to audit_entries_away");
  try {
    for (const secretId of [id, unused]) {
      const refused = await sql(secretId, "insert into sqltest.things values (900, 'unrecorded')", {
        read_only: false,
      });
      expect(refused.status).toBe(503);
    }
  } finally {
    await database.owner.unsafe("alter table audit_entries_away rename to audit_entries");
  }
  expect(await database.owner`select 1 from sqltest.things where id = 900`).toHaveLength(0);
});

/** What the connections of the secrets' user are at. */
const sessions = () => database.owner`select state, query from pg_stat_activity where usename = ${USER}`;
const inTransaction = async () => (await sessions()).filter(({ state }) => state === "idle in transaction");

test("while the entry is being written a connection begins, and is sent no statement (AU-1)", async () => {
  const id = await knownSecret();
  await sql(id, "select 1");
  const unlock = await lockTable(database.owner, "audit_entries");
  const answers: ReturnType<typeof sql>[] = [];
  try {
    const begun = { state: "idle in transaction", query: expect.stringMatching(/^begin read only/) };
    // The connection may not be idle yet when the first is asked for.
    await vi.waitFor(
      async () => {
        answers.push(sql(id, "select 'not yet recorded'"));
        expect(await inTransaction()).toContainEqual(begun);
      },
      { timeout: 10_000 },
    );
    expect((await sessions()).filter(({ query }) => /not yet recorded/.test(query))).toEqual([]);
  } finally {
    await unlock();
  }
  for (const answer of await Promise.all(answers))
    expect(answer.body.data.attributes.rows).toEqual([["not yet recorded"]]);
});

test("a transaction that no statement follows in is ended", async () => {
  const id = await knownSecret();
  await sql(id, "select 1");
  await database.owner.unsafe("alter table audit_entries rename to audit_entries_away");
  try {
    for (let i = 0; i < 3; i++) expect((await sql(id, "select 1")).status).toBe(503);
  } finally {
    await database.owner.unsafe("alter table audit_entries_away rename to audit_entries");
  }
  await vi.waitFor(async () => expect(await inTransaction()).toEqual([]), { timeout: 10_000 });
  expect((await sql(id, "create table sqltest.made_after (n int)", { read_only: false })).status).toBe(200);
});

test("a thread of before an edit tells nobody its host: the entry has the new one", async () => {
  const id = await knownSecret();
  await sql(id, "select 1");
  const threads = installed<SqlThreads>("sql-threads") as SqlThreads;
  const stale = threads.kept(place.tenantId, id);
  expect(stale).toMatchObject({ generation: 1 });
  const moved = { ...real, host: "db.test", user: USER, password: PASSWORD, tls: "disable" };
  expect((await change(id, moved)).status).toBe(200);
  // This process may not have heard of it yet.
  vi.spyOn(threads, "kept").mockReturnValueOnce(stale);
  expect((await sql(id, "select 1")).status).toBe(200);
  expect((await entriesOf(id)).map(({ host, generation }) => [host, generation])).toEqual([
    ["127.0.0.1", 1],
    ["db.test", 2],
  ]);
});

test("a secret of another type, and one of elsewhere, are no databases here", async () => {
  const other = await postSecret(place, owner.basic, {
    name: "Basic",
    type: "basic",
    credentials: { username: "u", password: "p" },
  });
  expect((await sql(other.body.data.id, "select 1")).status).toBe(400);
  const stranger = await makePerson(await makePlace(), OWNER);
  expect((await sql(await secret(), "select 1", {}, stranger.basic)).status).toBe(404);
});
