import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { POST as runSql } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/sql/route";
import { Egress } from "@/lib/egress/safe-fetch";
import { install, installed } from "@/lib/process";
import { SQL_LIMITS } from "@/lib/secret-use/sql/messages";
import { SqlThreads } from "@/lib/secret-use/sql/threads";
import { makePerson, makePlace, OWNER, type Person, type Place } from "@/lib/testing/callers";
import { makeCertificate } from "@/lib/testing/certificates";
import { useDatabase } from "@/lib/testing/database";
import type { Answer } from "@/lib/testing/http";
import { type MariadbServer, startMariadb } from "@/lib/testing/mariadb";
import { madeId, postSecret } from "@/lib/testing/secrets-api";
import { postSql, postTest, reasonOf as reason } from "@/lib/testing/sql-api";
import { listen, type SqlServerDouble } from "@/lib/testing/sql-servers";
import { useSqlThreads } from "@/lib/testing/sql-thread";

/** SQL with a secret of type mysql, against a real MariaDB and against hostile servers (SECURITY SQ-1 to SQ-8). */
const database = useDatabase({ LATCHKEY_EGRESS_ALLOW: "127.0.0.1, db.test, other.test" });
useSqlThreads();

const PASSWORD = "correct horse battery staple";
const certificate = makeCertificate("DNS:db.test,IP:127.0.0.1");
let server: MariadbServer;
let place: Place;
let owner: Person;
const doubles: SqlServerDouble[] = [];

beforeAll(async () => {
  place = await makePlace();
  owner = await makePerson(place, OWNER);
  server = await startMariadb(certificate);
  await server.administer(
    "create database things",
    "create table things.parts (id int primary key, name varchar(200) unique)",
    `create user sql_user@'127.0.0.1' identified by '${PASSWORD}'`,
    "grant all on things.* to sql_user@'127.0.0.1'",
  );
  install("egress", new Egress({ allow: database.settings.egressAllow, resolve: async () => ["127.0.0.1"] }));
}, 120_000);
afterAll(async () => {
  installed<SqlThreads>("sql-threads")?.close();
  await Promise.all(doubles.map((one) => one.close()));
  await server?.stop();
});

let count = 0;
async function secret(credentials: Record<string, unknown> = {}): Promise<string> {
  const login = { host: "127.0.0.1", port: server.port, database: "things", user: "sql_user", password: PASSWORD };
  return madeId(
    await postSecret(place, owner.basic, {
      name: `Database ${++count}`,
      type: "mysql",
      credentials: { ...login, tls: "disable", ...credentials },
    }),
  );
}

const sql = (secretId: string, statement: string, more: Record<string, unknown> = {}) =>
  postSql(place, owner.basic, secretId, { statement, ...more });
const tried = (secretId: string) => postTest(place, owner.basic, secretId);
const rowsOf = (answer: Answer) => answer.body.data?.attributes.rows ?? answer.body.errors;

describe("values", () => {
  test("come as JSON that loses nothing", async () => {
    const answer = await sql(
      await secret(),
      `select cast(9007199254740993 as signed) as big, cast(1.10 as decimal(10,2)) as num, 1.5e0 as f, 7 as i, null as nothing,
        date '2026-03-01' as d, timestamp '2026-03-01 10:00:00' as ts, x'deadbeef' as b, 'x' as name, 'y' as name`,
    );
    expect(rowsOf(answer)).toEqual([
      ["9007199254740993", "1.10", 1.5, 7, null, "2026-03-01", "2026-03-01 10:00:00", "3q2+7w==", "x", "y"],
    ]);
    expect(answer.body.data.attributes).toMatchObject({ row_count: 1, truncated: false, affected: null });
    expect(answer.body.data.attributes.columns[0]).toEqual({ name: "big", type: "longlong" });
  });

  test("go in as parameters, whatever they look like (SQ-1)", async () => {
    const id = await secret();
    for (const text of ["'; drop table parts; --", "\\'", "?", '"', "/*", "\u0001", "😀", "", "null", "0x41"]) {
      const answer = await sql(id, "select ? as it, ? + 1 as n", { params: [text, 41] });
      expect(rowsOf(answer)).toEqual([[text, 42]]);
    }
    expect(rowsOf(await sql(id, "select ?, ?, ?", { params: [{ a: 1 }, [1, 2], null] }))).toEqual([
      ['{"a":1}', "[1,2]", null],
    ]);
    expect(rowsOf(await sql(id, "select id from parts order by id limit ?", { params: [1] }))).toEqual([]);
    expect((await sql(id, "select ?", { params: [] })).status).toBe(400);
    expect(rowsOf(await sql(id, "select 1"))).toEqual([[1]]);
    for (const [statement, params] of [
      ["select ? + 1", [1, 2]],
      ["select ? + 1", []],
      ["select 1", ["one too many"]],
    ] as const)
      expect(reason(await sql(id, statement, { params }))).toEqual([400, "parameter_count"]);
    const typed = "select ?, ?, cast(? as signed), cast(? as double), hex(?)";
    expect(rowsOf(await sql(id, typed, { params: [true, false, "9007199254740993", 1e21, "ü"] }))).toEqual([
      [1, 0, "9007199254740993", 1e21, "C3BC"],
    ]);
    expect(rowsOf(await sql(id, "select 1"))).toEqual([[1]]);
  });

  test("of every kind come whole", async () => {
    const id = await secret();
    const select = `select 18446744073709551615 as u, 1e308 * 1 as big, b'101' as bits, time '-12:00:00' as t,
      cast('2026-01-01 10:00:00.123456' as datetime(6)) as ts, '' as empty, x'' as none, point(1, 2) as p`;
    const [row] = rowsOf(await sql(id, select));
    expect(row).toEqual([
      "18446744073709551615",
      1e308,
      expect.anything(),
      "-12:00:00",
      "2026-01-01 10:00:00.123456",
      "",
      "",
      { x: 1, y: 2 },
    ]);
  });
});

describe("statements", () => {
  test("one at a time (SQ-2)", async () => {
    const id = await secret();
    for (const two of ["select 1; select 2", "select 1; drop table parts"])
      expect((await sql(id, two, { read_only: false })).status).toBe(400);
    expect((await sql(id, "select count(*) from parts")).status).toBe(200);
  });

  test("change nothing unless asked to (SQ-2)", async () => {
    const id = await secret();
    const insert = "insert into parts values (?, ?)";
    expect(reason(await sql(id, insert, { params: [1, "one"] }))).toEqual([400, "read_only"]);
    for (const attempt of ["set session transaction read write", "commit"]) {
      await sql(id, attempt);
      expect(reason(await sql(id, insert, { params: [1, "one"] }))).toEqual([400, "read_only"]);
    }
    expect((await sql(id, "drop table parts")).status).toBe(400);
    const written = await sql(id, insert, { params: [1, "one"], read_only: false });
    expect(written.body.data.attributes).toMatchObject({ affected: 1, rows: [] });
    expect(rowsOf(await sql(id, "select id from parts"))).toEqual([[1]]);
  });

  test("a procedure that commits still changes nothing", async () => {
    const id = await secret();
    await server.administer(
      "create procedure things.sly() begin commit; insert into things.parts values (66, 'sly'); end",
    );
    await server.administer("grant execute on procedure things.sly to sql_user@'127.0.0.1'");
    expect((await sql(id, "call sly()")).status).toBe(400);
    expect(rowsOf(await sql(id, "select id from parts where id = 66"))).toEqual([]);
  });

  test("ways out of read-only: none of them writes", async () => {
    const id = await secret();
    for (const statement of [
      "begin not atomic commit; set session transaction read write; insert into parts values (90, 'a'); end",
      "if 1 then commit; set session transaction read write; insert into parts values (91, 'b'); end if",
      "execute immediate 'insert into parts values (92, ''c'')'",
      "set statement max_statement_time = 5 for insert into parts values (93, 'd')",
      "for i in 1..1 do commit; set session transaction read write; insert into parts values (94, 'e'); end for",
      "commit and chain; insert into parts values (95, 'f')",
      "/*! insert into parts values (96, 'g') */",
      "replace into parts values (97, 'h')",
      "load data infile '/etc/passwd' into table parts",
      "load data local infile '/etc/passwd' into table parts",
      "create table more (x int)",
      "prepare x from 'insert into parts values (98, ''i'')'",
      "/* a comment */ execute immediate 'begin not atomic commit; set session transaction read write; insert into parts values (80, ''k''); end'",
      "set statement max_statement_time = 5 for begin not atomic commit; end",
      "/*M! begin not atomic commit; end */",
      "/*!50000 begin*/ not atomic commit; end",
      "while 0 do commit; end while",
      "analyze insert into parts values (81, 'l')",
      "with a as (select 82 as id) insert into parts select id, 'm' from a",
      "explain delete from parts; delete from parts",
    ])
      expect([statement, (await sql(id, statement)).status]).toEqual([statement, 400]);
    await sql(id, "start transaction read write");
    await sql(id, "set autocommit = 0");
    await sql(id, "set sql_log_bin = 0");
    expect(reason(await sql(id, "insert into parts values (99, 'j')"))).toEqual([400, "read_only"]);
    expect((await server.administer("select id from things.parts where id >= 80"))[0]).toEqual([]);
    for (const reading of [
      "( select 1 )",
      "with a as (select 1) select * from a",
      "show tables",
      "# x\nselect 1",
      "explain select 1",
    ])
      expect([reading, (await sql(id, reading)).status]).toEqual([reading, 200]);
  });

  test("leave nothing in the session for the next one", async () => {
    const id = await secret();
    await sql(id, "set @left_over = 5", { read_only: false });
    expect(rowsOf(await sql(id, "select @left_over"))).toEqual([[null]]);
  });

  test("fail in the database's words, without rows and login (SQ-8)", async () => {
    const id = await secret();
    await sql(id, "insert into parts values (77, 'sentinel in a row')", { read_only: false });
    const again = await sql(id, "insert into parts values (78, 'sentinel in a row')", { read_only: false });
    expect(again.body.errors[0]).toMatchObject({ code: "statement_failed", meta: { sql_state: "23000" } });
    const denied = await sql(id, "select * from mysql.user");
    expect(denied.status).toBe(400);
    const said = JSON.stringify([again.body, denied.body]);
    for (const text of ["sentinel in a row", "sql_user", PASSWORD, "127.0.0.1"]) expect(said).not.toContain(text);
  });
});

describe("limits (SQ-6)", () => {
  const quick = () => {
    installed<SqlThreads>("sql-threads")?.close();
    install("sql-threads", new SqlThreads({ ...SQL_LIMITS, statementMs: 1_500, connectMs: 1_500 }));
  };

  test("rows and bytes: cut, told, and the secret goes on", async () => {
    const id = await secret();
    const some = await sql(id, "select seq from seq_1_to_50000", { max_rows: 3 });
    expect(some.body.data.attributes).toMatchObject({ rows: [["1"], ["2"], ["3"]], truncated: true });
    const most = await sql(id, "select seq from seq_1_to_50000");
    expect(most.body.data.attributes).toMatchObject({ row_count: 10_000, truncated: true });
    const bytes = await sql(id, "select repeat('x', 100000) from seq_1_to_1000");
    expect(bytes.body.data.attributes).toMatchObject({ truncated: true });
    expect(reason(await sql(id, "select repeat('x', 11000000)"))).toEqual([424, "too_large"]);
    expect(rowsOf(await sql(id, "select 1"))).toEqual([[1]]);
  });

  test("time: cancelled at the server, by us or when the caller goes", async () => {
    quick();
    const id = await secret();
    expect(reason(await sql(id, "select sleep(3600)"))).toEqual([424, "statement_timeout"]);
    const gone = new AbortController();
    const request = new Request("http://latchkey.test/sql", {
      method: "POST",
      headers: { "content-type": "application/json", ...owner.basic },
      body: JSON.stringify({ statement: "select sleep(3600), 'marked'" }),
      signal: gone.signal,
    });
    const answer = runSql(request, { params: { workspaceId: place.workspaceId, secretId: id } });
    const running = async () =>
      (
        await server.administer(
          "select 1 from information_schema.processlist where user = 'sql_user' and info like '%sleep%'",
        )
      )[0];
    await vi.waitFor(async () => expect(await running()).toHaveLength(1), { timeout: 15_000, interval: 100 });
    gone.abort();
    await answer;
    await vi.waitFor(async () => expect(await running()).toHaveLength(0), { timeout: 15_000, interval: 100 });
    expect(rowsOf(await sql(id, "select 1"))).toEqual([[1]]);
  });
});

describe("TLS and logins (SQ-3)", () => {
  test("certificate and name are checked by default", async () => {
    const at = (more: Record<string, unknown>) => secret({ host: "db.test", tls: "verify-full", ...more });
    expect(reason(await tried(await at({})))).toEqual([424, "tls_untrusted"]);
    expect(reason(await tried(await at({ host: "other.test", ca: certificate.cert })))).toEqual([
      424,
      "tls_wrong_name",
    ]);
    const good = await tried(await at({ ca: certificate.cert }));
    expect(good.body.data?.attributes ?? good.body.errors).toMatchObject({
      tls: true,
      server: expect.stringContaining("MariaDB"),
    });
    expect((await tried(await at({ host: "127.0.0.1", ca: certificate.cert }))).status).toBe(200);
    const anyName = await sql(await at({ host: "other.test", ca: certificate.cert, tls: "verify-ca" }), "select 1");
    expect(rowsOf(anyName)).toEqual([[1]]);
  });

  test("plain words say what is wrong", async () => {
    expect(reason(await tried(await secret({ password: "wrong" })))).toEqual([424, "login_refused"]);
    expect(reason(await tried(await secret({ database: "mysql" })))).toEqual([424, "database_missing"]);
    const dead = await listen(() => {});
    await dead.close();
    expect(reason(await tried(await secret({ port: dead.port })))).toEqual([424, "refused"]);
  });
});

/** One packet of the protocol. */
function packet(sequence: number, body: Buffer | number[]): Buffer {
  const content = Buffer.from(body);
  return Buffer.concat([
    Buffer.from([content.length & 255, content.length >> 8, content.length >> 16, sequence]),
    content,
  ]);
}

/** A greeting that offers everything, LOCAL INFILE too; TLS only when said. */
function greeting(tls: boolean): Buffer {
  const low = tls ? 0xffff : 0xffff & ~0x0800;
  return packet(0, [
    10,
    ...Buffer.from("8.0.36\0"),
    1,
    0,
    0,
    0,
    ...Buffer.alloc(8, 97),
    0,
    low & 255,
    low >> 8,
    45,
    2,
    0,
    0xff,
    0x81,
    21,
    ...Buffer.alloc(10),
    ...Buffer.alloc(12, 98),
    0,
    ...Buffer.from("mysql_native_password\0"),
  ]);
}

const OK = [0, 0, 0, 2, 0, 0, 0];

describe("hostile servers", () => {
  /** Lets everybody in, then answers each command with `bytes`. */
  const saying = async (bytes: (command: Buffer) => Buffer, heard: (from: Buffer) => void = () => {}) => {
    const double = await listen((socket: Socket) => {
      socket.write(greeting(false));
      let inside = false;
      socket.on("data", (from: Buffer) => {
        if (!inside) socket.write(packet(2, OK));
        else {
          heard(from);
          socket.write(bytes(from.subarray(4)));
        }
        inside = true;
      });
    });
    doubles.push(double);
    return secret({ port: double.port });
  };

  test("no file is sent, whatever is asked for (SQ-4)", async () => {
    const files = ["/etc/passwd", "/proc/self/environ"];
    for (const file of files)
      for (const after of [0, 1, 2]) {
        const heard: Buffer[] = [];
        let commands = 0;
        const asking = await saying(
          () => (commands++ < after ? packet(1, OK) : packet(1, [0xfb, ...Buffer.from(file)])),
          (from) => heard.push(from),
        );
        expect([400, 424]).toContain((await sql(asking, "select 1")).status);
        const said = Buffer.concat(heard).toString("latin1");
        expect(said.length).toBeGreaterThan(0);
        expect(said).not.toContain("root:");
        expect(said).not.toContain(readFileSync("/etc/passwd", "latin1").slice(0, 20));
      }
  });

  test("the client does not even offer LOCAL INFILE", async () => {
    let flags = 0;
    const double = await listen((socket) => {
      socket.write(greeting(false));
      socket.once("data", (answer: Buffer) => {
        flags = answer.readUInt32LE(4);
        socket.destroy();
      });
    });
    doubles.push(double);
    await sql(await secret({ port: double.port }), "select 1");
    expect(flags & 0x0200).toBe(0x0200); // speaks 4.1
    expect(flags & 0x80).toBe(0); // LOCAL_FILES
    expect(flags & 0x10000).toBe(0); // MULTI_STATEMENTS
  });

  test("without TLS nothing is sent where it is wanted", async () => {
    const heard: Buffer[] = [];
    const double = await listen((socket) => {
      socket.write(greeting(false));
      socket.on("data", (from: Buffer) => heard.push(from));
    });
    doubles.push(double);
    expect(reason(await tried(await secret({ port: double.port, tls: "verify-full" })))).toEqual([
      424,
      "tls_not_offered",
    ]);
    expect(heard).toEqual([]);
  });

  test("silent, malformed and endless ones are typed errors; the process lives", { timeout: 60_000 }, async () => {
    installed<SqlThreads>("sql-threads")?.close();
    install("sql-threads", new SqlThreads({ ...SQL_LIMITS, statementMs: 1_500, connectMs: 1_000 }));
    const silent = await listen(() => {});
    const nonsense = await listen((socket) => void socket.write(Buffer.alloc(100_000, 0xff)));
    const http = await listen((socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    doubles.push(silent, nonsense, http);
    for (const { port } of [silent, nonsense, http])
      expect((await sql(await secret({ port }), "select 1")).status).toBe(424);
    for (const bytes of [
      packet(1, [5, 5, 5]),
      packet(1, [0xfc, 0xff, 0xff]),
      packet(9, [1]),
      Buffer.from([0xff, 0xff, 0xff, 1, 0]),
      packet(1, Buffer.alloc(0)),
      Buffer.concat([packet(1, [1]), packet(2, [3, 100, 101, 102])]),
    ])
      expect([bytes.subarray(0, 8), (await sql(await saying(() => bytes), "select 1")).status]).toEqual([
        bytes.subarray(0, 8),
        424,
      ]);
    expect(rowsOf(await sql(await secret(), "select 1"))).toEqual([[1]]);
  });
});
