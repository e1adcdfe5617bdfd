import mysql from "mysql2/promise";
import postgres from "postgres";
import { Pool } from "undici";
import type { LoadReport } from "./load";
import { type Once, sustained } from "./sustained";
import "./end-with-parent";

/** A client that runs one statement again and again: by the driver as its users do, or through Latchkey with undici. */

export interface SqlOrder {
  way: "postgresql" | "mysql" | "latchkey";
  /** Of the database, or of Latchkey. */
  at: { host: string; port: number; user: string; password: string; database: string } | { url: string; basic: string };
  statement: string;
  params: unknown[];
  /** The rows that must come, as JSON. */
  rows: string;
  load: { connections: number; warmUpS: number; seconds: number };
}

/** `nodeUs`: CPU time of this client for each statement. */
export type SqlReport = LoadReport & { nodeUs: number };

process.on("message", (order: SqlOrder) => {
  run(order).then((report) => process.send?.(report));
});

async function run(order: SqlOrder): Promise<SqlReport> {
  const { ask, end } = "url" in order.at ? throughLatchkey(order, order.at) : byDriver(order, order.at);
  const once: Once = async () => {
    const rows = await ask();
    return rows === order.rows ? null : rows.slice(0, 600);
  };
  const before = process.cpuUsage();
  const report = await sustained(order.load, once);
  const { user, system } = process.cpuUsage(before);
  await end();
  return { ...report, nodeUs: (user + system) / report.all };
}

interface Asking {
  /** Runs the statement once and gives its rows as JSON. */
  ask(): Promise<string>;
  end(): Promise<unknown>;
}

function throughLatchkey(order: SqlOrder, { url, basic }: { url: string; basic: string }): Asking {
  const { origin, pathname } = new URL(url);
  const pool = new Pool(origin, { connections: order.load.connections, pipelining: 1 });
  const request = {
    path: pathname,
    method: "POST" as const,
    headers: { authorization: basic, "content-type": "application/json" },
    body: JSON.stringify({ statement: order.statement, params: order.params }),
  };
  return {
    ask: async () => {
      const answer = await pool.request(request);
      const text = await answer.body.text();
      if (answer.statusCode !== 200) return `${answer.statusCode} ${text}`;
      return JSON.stringify((JSON.parse(text) as { data: { attributes: { rows: unknown } } }).data.attributes.rows);
    },
    end: () => pool.close(),
  };
}

function byDriver(order: SqlOrder, login: Exclude<SqlOrder["at"], { url: string }>): Asking {
  const params = order.params as never[];
  if (order.way === "postgresql") {
    const sql = postgres({ ...login, max: order.load.connections, onnotice: () => {} });
    return {
      ask: async () => JSON.stringify(await sql.unsafe(order.statement, params, { prepare: true }).values()),
      end: () => sql.end(),
    };
  }
  const pool = mysql.createPool({ ...login, connectionLimit: order.load.connections, rowsAsArray: true });
  return {
    ask: async () => JSON.stringify((await pool.execute(order.statement, params))[0]),
    end: () => pool.end(),
  };
}
