import { parseArgs } from "node:util";
import type { SqlParameter } from "@/lib/sdk";
import { readInput } from "./ask";
import { words } from "./options";
import { printJson, table } from "./output";
import { signedIn } from "./read";
import { UsageError } from "./usage-error";

/**
 * `latchkey sql NAME STATEMENT [-p VALUE]… [--params JSON] [--write] [--json]`: one statement with the login of a `postgresql` or `mysql`
 * secret. It cannot write unless told to. Each `-p` is the next parameter, as text; `--params` has all of them as a JSON array. Statement
 * and `--params` are read from standard input where they are `-`.
 */
export async function sql(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      param: { type: "string", short: "p", multiple: true },
      params: { type: "string" },
      write: { type: "boolean" },
      json: { type: "boolean" },
    },
  });
  const [name = "", said = ""] = words(positionals, 2);
  if (said === "-" && values.params === "-")
    throw new UsageError("Standard input can be read once only: both the statement and --params are -.");
  const statement = said === "-" ? await readInput("The statement") : said;
  const params = await paramsOf(values.param, values.params);
  const { SQL } = await signedIn();
  const { rows, columns, truncated, affected } = await SQL(name, statement, params, {
    readOnly: values.write !== true,
  });
  if (values.json) printJson(rows);
  else if (columns.length > 0) {
    const names = columns.map((column) => column.name);
    table(
      names,
      rows.map((row) => names.map((column) => cell(row[column]))),
    );
  }
  if (affected !== null) process.stderr.write(`${affected} ${affected === 1 ? "row" : "rows"} written\n`);
  if (truncated) process.stderr.write("There is more than this: the answer was cut.\n");
}

async function paramsOf(each: string[] | undefined, json: string | undefined): Promise<SqlParameter[]> {
  if (json === undefined) return each ?? [];
  if (each !== undefined) throw new UsageError("Give either -p or --params.");
  try {
    const found: unknown = JSON.parse(json === "-" ? await readInput("The parameters") : json);
    if (Array.isArray(found)) return found;
  } catch {
    // Said below, together with JSON that is no array.
  }
  throw new UsageError('--params is a JSON array, such as ["ada", 7].');
}

/** One line, whatever the value holds. */
function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.replace(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1));
}
