import type postgres from "postgres";
import { parseArray } from "./arrays";
import { SqlError } from "./failure";
import type { SqlColumn, SqlParameter } from "./messages";

/** PostgreSQL's values as JSON, both ways, and the names of its types. */

const asText = (value: SqlParameter) => (typeof value === "object" ? JSON.stringify(value) : String(value));

/** Numbers that JSON cannot say stay text, as PostgreSQL writes them. */
const number = (text: string) => (Number.isFinite(Number(text)) ? Number(text) : text);

/** As `bytea_output` of the server, the database or the role has it: `hex`, or `escape`. */
function bytesOf(text: string): Buffer {
  if (text.startsWith("\\x")) return Buffer.from(text.slice(2), "hex");
  const octal = (_: string, code: string) => (code === "\\" ? code : String.fromCharCode(Number.parseInt(code, 8)));
  return Buffer.from(text.replace(/\\(\\|[0-7]{3})/g, octal), "latin1");
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** How values look in JSON, both ways (README, "SQL"). What is not here is text, as PostgreSQL writes it. */
export const TYPES = {
  string: { to: 25, from: [], serialize: asText },
  number: { to: 0, from: [21, 23, 26, 700, 701], serialize: asText, parse: number },
  // Dates as they are written: as moments they would pass through this process's time zone.
  date: { to: 1184, from: [1082, 1114, 1184], serialize: asText, parse: (text: string) => text },
  bytea: {
    to: 17,
    from: [17],
    serialize: (value: SqlParameter) => {
      if (typeof value !== "string" || !BASE64.test(value)) throw new SqlError("bad_parameter");
      return `\\x${Buffer.from(value, "base64").toString("hex")}`;
    },
    parse: (text: string) => bytesOf(text).toString("base64"),
  },
  // The driver's own makes false of every text.
  boolean: {
    to: 16,
    from: [16],
    serialize: asText,
    parse: (text: string) => text === "t",
  },
};

/** Box is the one type whose arrays have another mark between elements. */
const BOXES = 1020;

interface Parser {
  (text: string): unknown;
  /** The driver's own, of an array: takes its text without the first brace. */
  array?: boolean;
}

/** Has the arrays of every type that the driver found in the database read as JSON needs them. */
export function readArrays(sql: postgres.Sql): void {
  const { parsers, shared } = sql.options as unknown as {
    parsers: Record<number, Parser | undefined>;
    shared: { typeArrayMap: Record<number, number> };
  };
  for (const [element, array] of Object.entries(shared.typeArrayMap)) {
    if (!parsers[array]?.array) continue;
    const parser = parsers[Number(element)] ?? ((text: string) => text);
    parsers[array] = (text) => parseArray(text, parser, array === BOXES ? ";" : ",");
  }
}

/** pg_type's fixed numbers. */
const TYPE_NAMES: Record<number, string> = {
  16: "boolean", 17: "bytea", 18: "char", 19: "name", 20: "bigint", 21: "smallint", 23: "integer", 25: "text", 26: "oid",
  114: "json", 600: "point", 650: "cidr", 700: "real", 701: "double precision", 790: "money", 829: "macaddr", 869: "inet",
  1042: "character", 1043: "character varying", 1082: "date", 1083: "time", 1114: "timestamp", 1184: "timestamp with time zone",
  1186: "interval", 1266: "time with time zone", 1560: "bit", 1700: "numeric", 2278: "void", 2950: "uuid", 3802: "jsonb",
  1000: "boolean[]", 1005: "smallint[]", 1007: "integer[]", 1009: "text[]", 1015: "character varying[]", 1016: "bigint[]",
  1021: "real[]", 1022: "double precision[]", 1115: "timestamp[]", 1182: "date[]", 1185: "timestamp with time zone[]",
  1231: "numeric[]", 2951: "uuid[]", 199: "json[]", 3807: "jsonb[]",
}; // biome-ignore format: a table

/** A column as postgres.js describes it. */
export interface DriverColumn {
  name: string;
  type: number;
}

export function columnsOf(columns: readonly DriverColumn[] | undefined): SqlColumn[] {
  return (columns ?? []).map(({ name, type }) => ({ name, type: TYPE_NAMES[type] ?? "other" }));
}
