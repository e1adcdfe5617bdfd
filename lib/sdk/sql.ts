import type { Client, Single } from "./client";
import type { SecretType, SqlRows } from "./resources";

/** What a parameter can be; `undefined` is none of them. */
export type SqlParameter = string | number | boolean | null | SqlParameter[] | { [key: string]: SqlParameter };

export interface SqlOptions {
  /** True unless said: the statement runs in a transaction that cannot write. */
  readOnly?: boolean;
  /** 10,000 at most. */
  maxRows?: number;
  signal?: AbortSignal;
}

export interface SqlResult<Row = Record<string, unknown>> {
  /** By column; of two with one name the last. */
  rows: Row[];
  columns: { name: string; type: string }[];
  /** There were more rows, or more bytes, than are answered. */
  truncated: boolean;
  /** Rows written; null where nothing is. */
  affected: number | null;
}

type Using = <T>(nameOrId: string, act: (secret: { id: string }) => Promise<T>) => Promise<T>;

/** Runs one statement, and gives its answer as the API does. */
export function askDatabase(
  client: Client,
  workspaceId: string,
  secretId: string,
  statement: string,
  params: readonly SqlParameter[] = [],
  { readOnly, maxRows, signal }: SqlOptions = {},
): Promise<Single<SqlRows>> {
  const path = `/v2/workspaces/${encodeURIComponent(workspaceId)}/secrets/${encodeURIComponent(secretId)}/sql`;
  return client.single<SqlRows>("POST", path, {
    body: {
      statement,
      params,
      ...(readOnly === undefined ? {} : { read_only: readOnly }),
      ...(maxRows === undefined ? {} : { max_rows: maxRows }),
    },
    signal,
    repeatable: readOnly !== false,
  });
}

/**
 * Runs statements with the login of a `postgresql` or `mysql` secret, which stays in Latchkey.
 *
 * `SQL("Orders", "select * from orders where id = $1", [7])`, with `?` for MySQL; or, with the parameters where they belong,
 * ``SQL.with("Orders")`select * from orders where id = ${7}` ``: a value there is always a parameter and never text of the statement.
 * Everything rejects with `LatchkeyError`.
 */
export function sqlCalls(
  client: Client,
  workspaceId: string,
  using: Using,
  typeOf: (nameOrId: string) => Promise<SecretType>,
) {
  const run = <Row = Record<string, unknown>>(
    nameOrId: string,
    statement: string,
    params: readonly SqlParameter[] = [],
    options: SqlOptions = {},
  ): Promise<SqlResult<Row>> =>
    using(nameOrId, async ({ id }) => {
      const { data } = await askDatabase(client, workspaceId, id, statement, params, options);
      const { rows, columns, truncated, affected } = data.attributes;
      const byColumn = (row: unknown[]) => Object.fromEntries(columns.map(({ name }, i) => [name, row[i]]));
      return { rows: rows.map(byColumn) as Row[], columns, truncated, affected };
    });
  return Object.assign(run, {
    /** A tag for templates; each value in one becomes a parameter. */
    with:
      (nameOrId: string, options: SqlOptions = {}) =>
      async <Row = Record<string, unknown>>(texts: TemplateStringsArray, ...params: SqlParameter[]) => {
        const mysql = (await typeOf(nameOrId)) === "mysql";
        const statement = texts.reduce((before, text, i) => `${before}${mysql ? "?" : `$${i}`}${text}`);
        return run<Row>(nameOrId, statement, params, options);
      },
  });
}
