import type { Cancel } from "@/lib/cancel";
import type { CheckedAddress } from "@/lib/egress/connector";
import type { DatabaseLogin } from "@/lib/secret-types/database-login";
import type { SqlFailure } from "./failure";

/** What a thread that holds a driver and the process that owns it say to each other. Plain data. */

export type Engine = "postgresql" | "mysql";

/** Given to a thread when it starts. */
export interface ThreadData {
  engine: Engine;
  login: DatabaseLogin;
  limits: SqlLimits;
}

/** SECURITY SQ-6. */
export interface SqlLimits {
  /** TCP, then TLS, then the login: each so many milliseconds. */
  connectMs: number;
  statementMs: number;
  /** Of the rows of one answer, as JSON. */
  maxBytes: number;
  /** Received for one statement; more ends the connection. */
  maxReceivedBytes: number;
  connections: number;
  /** A connection unused for so long is closed, and with the last one its thread. */
  idleMs: number;
  /** A thread that answers nothing for so long is busy with what a server made its driver do, and is ended. */
  hangMs: number;
}

export const SQL_LIMITS: SqlLimits = {
  connectMs: 5_000,
  statementMs: 30_000,
  maxBytes: 10_000_000,
  maxReceivedBytes: 32_000_000,
  connections: 5,
  idleMs: 60_000,
  hangMs: 5_000,
};

export const MAX_ROWS = 10_000;

/** A value of a parameter, as JSON has it. */
export type SqlParameter = string | number | boolean | null | SqlParameter[] | { [name: string]: SqlParameter };

export interface SqlAsk {
  statement: string;
  params: readonly SqlParameter[];
  readOnly: boolean;
  maxRows: number;
}

export interface SqlColumn {
  name: string;
  /** As the database names it; `other` when it is none of its own common types. */
  type: string;
}

export interface SqlAnswer {
  columns: SqlColumn[];
  /** A JSON array of arrays: made beside the driver, so that a large answer does not hold up the process's other work. */
  rowsJson: string;
  rowCount: number;
  truncated: boolean;
  /** Rows changed; null where the statement changes none. */
  affected: number | null;
}

export interface SqlServer {
  /** As the server says, at most 100 characters. */
  version: string;
  tls: boolean;
}

export type ToThread =
  /** A statement may follow, as `run` of the same id: a connection that is idle can begin its transaction. */
  | { kind: "begin"; id: number; readOnly: boolean }
  /** None follows. */
  | { kind: "leave"; id: number }
  | { kind: "run"; id: number; ask: SqlAsk }
  | { kind: "test"; id: number }
  | { kind: "cancel"; id: number }
  | { kind: "addresses"; id: number; addresses: CheckedAddress[] | SqlFailure }
  | { kind: "alive" }
  | { kind: "end" };

export type FromThread =
  | { kind: "ran"; id: number; answer: SqlAnswer }
  | { kind: "tested"; id: number; server: SqlServer }
  | { kind: "failed"; id: number; failure: SqlFailure }
  /** A new connection is wanted: where may it go? */
  | { kind: "addresses"; id: number }
  /** Asked whether it is. */
  | { kind: "alive" };

/** A database connection that one statement uses at a time. */
export interface SqlConnection {
  /** Whether it can be used once more. */
  readonly usable: boolean;
  /** Begins the transaction of a statement that may follow; `run` says what went wrong. */
  begin(readOnly: boolean): void;
  /** In the transaction that has been begun, or in one of its own. @throws SqlError */
  run(ask: SqlAsk, gone: Cancel): Promise<SqlAnswer>;
  server(): Promise<SqlServer>;
  /** Forgets what a statement left in the session, or a transaction that none followed in. */
  reset(): Promise<void>;
  close(): void;
}
