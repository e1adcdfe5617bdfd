import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import postgres from "postgres";
import { startEmbedded } from "@/lib/db/embedded";
import { startMariadb } from "@/lib/testing/mariadb";
import { type Child, startPart } from "./child";
import { databaseCpuUs, us } from "./database-usage";
import { type Bench, made, median, middle, ROUND_S, ROUNDS } from "./parts";
import { fixed, judged, rows, say } from "./report";
import type { SqlOrder, SqlReport } from "./sql-caller";

/** One caller, and as many as a secret has connections. */
const CALLERS = [1, 5];
const ROWS = 1_000;
const STATEMENT = "select id, name, price from parts where id = ";
/** JSON has no decimals without loss, so a price travels as text. */
const EXPECTED = JSON.stringify([[42, "Part 42", "4.20"]]);

interface Target {
  engine: "postgresql" | "mysql";
  title: string;
  statement: string;
  login: { host: string; port: number; user: string; password: string; database: string };
}

interface Product {
  server: Child;
  url: string;
  workspaceId: string;
  /** The first process of Latchkey's own database. */
  postmaster: number;
  folder: string;
}

/** One statement through Latchkey beside the same one by the driver, on databases of their own. */
export async function sqlFigures(bench: Bench, product: Product): Promise<void> {
  for (const start of [startPostgresql, startMysql]) {
    const target = await start(bench, product.folder);
    if (target) await figuresOf(bench, product, target);
  }
}

type Seen = { [way in "driver" | "latchkey"]: SqlReport[] } & { node: number[]; database: number[] };

async function figuresOf(bench: Bench, product: Product, target: Target): Promise<void> {
  const { server, url, workspaceId } = product;
  const secrets = `${url}/v2/workspaces/${workspaceId}/secrets`;
  const id = await made(bench, secrets, {
    type: "auth-secret",
    attributes: {
      name: `Bench ${target.engine}`,
      type: target.engine,
      credentials: { ...target.login, tls: "disable" },
    },
  });
  const caller = startPart("sql-caller");
  const order = (way: "driver" | "latchkey", connections: number): SqlOrder => ({
    way: way === "driver" ? target.engine : "latchkey",
    at: way === "driver" ? target.login : { url: `${secrets}/${id}/sql`, basic: bench.basic },
    statement: target.statement,
    params: [42],
    rows: EXPECTED,
    // One caller alone asks so seldom that what answers is compiled only after a while.
    load: { connections, warmUpS: 2, seconds: ROUND_S },
  });
  const lines: [string, string][] = [];
  for (const connections of CALLERS) {
    const seen: Seen = { driver: [], latchkey: [], node: [], database: [] };
    for (let round = 1; round <= ROUNDS; round++) {
      say(`SQL on ${target.title} with ${connections} at once, round ${round} of ${ROUNDS}`);
      for (const way of ["driver", "latchkey"] as const) {
        const [node, database] = [await server.usage(), await databaseCpuUs(product.postmaster)];
        const report = await caller.ask<SqlReport>(order(way, connections));
        const [nodeAfter, databaseAfter] = [await server.usage(), await databaseCpuUs(product.postmaster)];
        if (report.bad > 0) throw new Error(`${way}: ${report.bad} answers were bad, the first: ${report.firstBad}`);
        seen[way].push(report);
        if (way === "driver") continue;
        seen.node.push((nodeAfter.cpuUs - node.cpuUs) / report.all);
        if (database !== null && databaseAfter !== null) seen.database.push((databaseAfter - database) / report.all);
      }
    }
    lines.push(...linesOf(connections, seen));
  }
  await caller.stop();
  rows(`SQL on ${target.title}, one row by its key, median of ${ROUNDS} rounds`, lines);
}

function linesOf(connections: number, seen: Seen): [string, string][] {
  const [driver, latchkey] = [median(seen.driver), median(seen.latchkey)];
  const addedMs = latchkey.p50Ms - driver.p50Ms;
  const line = ({ perSecond, p50Ms, p99Ms }: SqlReport) =>
    `${fixed(perSecond, 7)}/s   p50 ${p50Ms.toFixed(2)} ms  p99 ${p99Ms.toFixed(1)} ms`;
  const database = seen.database.length > 0 ? middle(seen.database) : null;
  return [
    [`the driver, ${connections} at once`, `${line(driver)}   CPU a statement: Node ${us(driver.nodeUs)}`],
    [
      `through Latchkey, ${connections} at once`,
      `${line(latchkey)}   CPU a statement: Node ${us(middle(seen.node))}, own PostgreSQL ${us(database)}`,
    ],
    ["throughput", `${(latchkey.perSecond / driver.perSecond).toFixed(2)} of the driver`],
    ["added p50", judged(`${addedMs.toFixed(2)} ms`, "≤ 1.5 ms", addedMs <= 1.5)],
  ];
}

const LOGIN = { host: "127.0.0.1", user: "bench_sql", password: "bench-password-of-a-database", database: "bench_sql" };

async function startPostgresql(bench: Bench, folder: string): Promise<Target> {
  say("Starting a PostgreSQL for statements");
  const dataDir = join(folder, "sql-postgresql");
  await mkdir(dataDir, { mode: 0o700 });
  const server = await startEmbedded(dataDir, () => {});
  bench.closing.push(() => server.stop());
  const admin = postgres(server.url, { max: 1, onnotice: () => {} });
  await admin.unsafe(`create role ${LOGIN.user} login password '${LOGIN.password}'`);
  await admin.unsafe(`create database ${LOGIN.database} owner ${LOGIN.user}`);
  await admin.end();
  const port = Number(new URL(server.url).port);
  const sql = postgres({ ...LOGIN, port, max: 1 });
  await sql.unsafe("create table parts (id int primary key, name text not null, price numeric(10, 2) not null)");
  await sql.unsafe(`insert into parts select n, 'Part ' || n, n / 10.0 from generate_series(1, ${ROWS}) n`);
  await sql.unsafe("analyze parts");
  await sql.end();
  return { engine: "postgresql", title: "PostgreSQL", statement: `${STATEMENT}$1`, login: { ...LOGIN, port } };
}

/** @returns null where there is no MariaDB and none can be fetched */
async function startMysql(bench: Bench): Promise<Target | null> {
  say("Starting a MariaDB for statements");
  try {
    const server = await startMariadb();
    bench.closing.push(() => server.stop());
    await server.administer(
      `create database ${LOGIN.database}`,
      `use ${LOGIN.database}`,
      "create table parts (id int primary key, name varchar(100) not null, price decimal(10, 2) not null)",
      `insert into parts select seq, concat('Part ', seq), seq / 10 from seq_1_to_${ROWS}`,
      `create user ${LOGIN.user}@'127.0.0.1' identified by '${LOGIN.password}'`,
      `grant all on ${LOGIN.database}.* to ${LOGIN.user}@'127.0.0.1'`,
    );
    const login = { ...LOGIN, port: server.port };
    return { engine: "mysql", title: "MariaDB", statement: `${STATEMENT}?`, login };
  } catch (error) {
    say(`SQL on MariaDB is left out: ${(error as Error).message}`);
    return null;
  }
}
