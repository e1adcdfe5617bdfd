import { parseArgs } from "node:util";
import { readInput } from "./ask";
import { printJson, table } from "./output";
import { signedIn } from "./read";
import { UsageError } from "./usage-error";

/**
 * `latchkey sql NAME STATEMENT [-p VALUE]… [--write] [--json]`: one statement with the login of a `postgresql` or `mysql` secret, `-` reads it
 * from standard input. It cannot write unless told to. Each `-p` is the next parameter, as text.
 */
export async function sql(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      param: { type: "string", short: "p", multiple: true },
      write: { type: "boolean" },
      json: { type: "boolean" },
    },
  });
  const [name, given, ...more] = positionals;
  if (!name || !given || more.length > 0) throw new UsageError("latchkey sql NAME STATEMENT [-p VALUE] … [--write]");
  const statement = given === "-" ? await readInput() : given;
  const { SQL } = await signedIn();
  const { rows, columns, truncated, affected } = await SQL(name, statement, values.param ?? [], {
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

/** One line, whatever the value holds. */
function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.replace(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1));
}
