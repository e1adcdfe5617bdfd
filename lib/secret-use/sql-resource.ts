import { z } from "zod";
import type { Resource } from "@/lib/http/json-api";
import { isBlank } from "./sql/first-word";
import { MAX_ROWS, type SqlAnswer, type SqlParameter, type SqlServer } from "./sql/messages";

/** SQL on the wire, in and out. */

const MAX_STATEMENT = 100_000;
/** The protocols count parameters in two bytes. */
const MAX_PARAMS = 1_000;

const parameter: z.ZodType<SqlParameter> = z.json("must be a JSON value") as z.ZodType<SqlParameter>;

export const sqlBody = z.strictObject({
  statement: z
    .string("must be the text of one SQL statement")
    .max(MAX_STATEMENT, `must have ${MAX_STATEMENT} characters at most`)
    .refine((text) => !text.includes("\0"), "must not contain the character NUL")
    .refine((text) => !isBlank(text), "must not be empty"),
  params: z.array(parameter).max(MAX_PARAMS, `must be ${MAX_PARAMS} at most`).default([]),
  read_only: z.boolean("must be true or false").default(true),
  max_rows: z
    .int(`must be a whole number from 1 to ${MAX_ROWS}`)
    .min(1, `must be from 1 to ${MAX_ROWS}`)
    .max(MAX_ROWS, `must be from 1 to ${MAX_ROWS}`)
    .default(MAX_ROWS),
});

export type SqlBody = z.infer<typeof sqlBody>;

/** The whole document as text, rows as they came from the thread. */
export function sqlAnswerJson(secretId: string, answer: SqlAnswer, durationMs: number): string {
  const attributes = JSON.stringify({
    columns: answer.columns,
    row_count: answer.rowCount,
    truncated: answer.truncated,
    affected: answer.affected,
    duration_ms: Math.round(durationMs * 10) / 10,
  });
  return `{"data":{"id":${JSON.stringify(secretId)},"type":"sql-result","attributes":${attributes.slice(0, -1)},"rows":${answer.rowsJson}}},"meta":{}}`;
}

/** @param secretId null: it is not saved */
export function toTestResource(secretId: string | null, server: SqlServer, durationMs: number): Resource {
  return {
    id: secretId,
    type: "connection-test",
    attributes: { server: server.version, tls: server.tls, duration_ms: Math.round(durationMs) },
  };
}
