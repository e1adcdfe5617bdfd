import type { Socket } from "node:net";
import type { Stream } from "node:stream";
import postgres from "postgres";
import type { Cancel } from "@/lib/cancel";
import type { DatabaseLogin } from "@/lib/secret-types/database-login";
import { SqlError, type SqlFailureKind } from "./failure";
import type { SqlAnswer, SqlAsk, SqlColumn, SqlConnection, SqlLimits, SqlParameter } from "./messages";
import { type AskForAddresses, limitReceived, openTcp, toTls } from "./open-socket";
import { columnsOf, type DriverColumn, readArrays, TYPES } from "./postgresql-types";
import { Rows } from "./rows";

/**
 * PostgreSQL through postgres.js, one connection a client. The socket is ours (pinned address, TLS with our checks, nothing read from
 * the environment); statements go by the extended protocol, which takes one at a time, in a transaction of their own.
 */

/** @throws SqlError */
export async function openPostgresql(
  login: DatabaseLogin,
  limits: SqlLimits,
  ask: AskForAddresses,
): Promise<SqlConnection> {
  const connection = new PostgresqlConnection(login, limits, ask);
  await connection.open();
  return connection;
}

/** Rows of the first portion of an answer, and of a later one at most. */
const FIRST_PORTION = 100;
const LARGEST_PORTION = 2_000;
/** A cancelled statement has so long to end before its connection is closed under it. */
const CANCEL_MS = 2_000;
/** SCRAM's cost is the server's choice and is worked off in one piece: a million rounds take half a second. */
const MAX_SCRAM_ROUNDS = 1_000_000;

class PostgresqlConnection implements SqlConnection {
  usable = true;
  readonly #login: DatabaseLogin;
  readonly #limits: SqlLimits;
  readonly #ask: AskForAddresses;
  readonly #sql: postgres.Sql;
  #socket: Socket | null = null;
  #received: ReturnType<typeof limitReceived> | null = null;
  /** What kept the socket from opening; the driver hands on another error in some places. */
  #failure: SqlError | null = null;
  #lost: ((error: SqlError) => void) | null = null;
  /** The transaction of a statement that may follow. */
  #begun: Promise<void> | null = null;
  #force: NodeJS.Timeout | undefined;

  constructor(login: DatabaseLogin, limits: SqlLimits, ask: AskForAddresses) {
    this.#login = login;
    this.#limits = limits;
    this.#ask = ask;
    this.#sql = postgres({
      // Everything said, so that no variable of the environment is asked (SECURITY SQ-5); the thread's is empty besides.
      host: login.host,
      port: login.port,
      database: login.database,
      user: login.user,
      pass: login.password,
      path: undefined,
      ssl: false,
      socket: () => this.#openSocket(),
      max: 1,
      connect_timeout: limits.connectMs / 1000,
      idle_timeout: 0,
      max_lifetime: null,
      keep_alive: 60,
      fetch_types: true,
      prepare: false,
      debug: false,
      connection: { application_name: "latchkey" },
      onnotice: () => {},
      onclose: () => this.#end(),
      types: TYPES,
    } as unknown as postgres.Options<Record<string, postgres.PostgresType>>);
  }

  async open(): Promise<void> {
    try {
      await this.#inTime(4 * this.#limits.connectMs, "select 1");
      readArrays(this.#sql);
    } catch (error) {
      this.close();
      throw this.#failure ?? loginFailure(error, this.#socket !== null);
    }
  }

  begin(readOnly: boolean): void {
    this.#begun = this.#begin(readOnly);
    this.#begun.catch(() => {});
  }

  async run(ask: SqlAsk, gone: Cancel): Promise<SqlAnswer> {
    this.#received?.reset();
    const query = this.#sql.unsafe(
      ask.statement,
      ask.params.map((value) => this.#bindable(value)) as never[],
      { prepare: false, simple: false } as never,
    );
    let timedOut = false;
    const stop = () => void this.#cancel(query);
    const timer = setTimeout(() => {
      timedOut = true;
      stop();
    }, this.#limits.statementMs);
    gone.addEventListener("abort", stop, { once: true });
    try {
      return await this.#orLost(async () => {
        const begun = this.#begun ?? this.#begin(ask.readOnly);
        this.#begun = null;
        await begun;
        if (gone.aborted) throw new SqlError("cancelled");
        const answer = await read(query as unknown as Portions, this.#sql.CLOSE, ask, this.#limits);
        await this.#sql.unsafe("commit");
        return answer;
      });
    } catch (error) {
      const failure = this.#explain(error, { timedOut, cancelled: gone.aborted });
      await this.#rollBack();
      throw failure;
    } finally {
      clearTimeout(timer);
      gone.removeEventListener("abort", stop);
      this.#leaveIfCancelled();
    }
  }

  /** A cancellation may arrive at any time after: it must not meet another caller's statement. */
  #leaveIfCancelled(): void {
    if (this.#force === undefined) return;
    clearTimeout(this.#force);
    this.close();
  }

  async server() {
    const [row] = await this.#inTime(this.#limits.connectMs, "show server_version");
    const version = String(Object.values(row ?? {})[0] ?? "").slice(0, 100);
    return { version: `PostgreSQL ${version}`, tls: this.#login.tls !== "disable" };
  }

  async reset(): Promise<void> {
    if (this.#begun) {
      this.#begun = null;
      await this.#rollBack();
    }
    if (this.usable) await this.#inTime(this.#limits.connectMs, "discard all");
  }

  close(): void {
    this.#end();
    this.#socket?.destroy();
  }

  async #openSocket(): Promise<Socket> {
    // Asked again when a server hangs up during the login; the driver would go on for ever.
    if (this.#socket) this.#failure = new SqlError("no_database_server");
    if (this.#failure) throw this.#failure;
    try {
      const tcp = await openTcp(this.#login, this.#ask, this.#limits.connectMs);
      const socket = this.#login.tls === "disable" ? tcp : await this.#secure(tcp);
      socket.setNoDelay?.(true);
      this.#received = limitReceived(socket, this.#limits.maxReceivedBytes);
      this.#socket = socket;
      return socket;
    } catch (error) {
      this.#failure = error instanceof SqlError ? error : new SqlError("unreadable", { cause: error });
      throw this.#failure;
    }
  }

  /** An array's type is the server's to say; the driver would take that of its first element for it. */
  #bindable(value: SqlParameter): unknown {
    return Array.isArray(value) ? this.#sql.typed(value as never, 0) : value;
  }

  /** Asks for TLS; nothing else is said before it is there. */
  async #secure(tcp: Socket): Promise<Socket> {
    const answer = await firstBytes(tcp, SSL_REQUEST, this.#limits.connectMs);
    // More than one byte would be words smuggled in before TLS, taken for the server's own (CVE-2021-23222).
    if (answer.length === 1 && answer[0] === YES) return toTls(tcp, this.#login, this.#limits.connectMs);
    tcp.destroy();
    throw new SqlError(answer.length === 1 && answer[0] === NO ? "tls_not_offered" : "no_database_server");
  }

  /** Over a connection of its own, as the protocol has it; what does not help within 2 s ends the statement's connection. */
  async #cancel(query: unknown): Promise<void> {
    this.#force = setTimeout(() => this.close(), CANCEL_MS);
    const state = (query as { state?: { pid: number | null; secret: number | null } | null }).state;
    if (!state?.pid || state.secret === null) return;
    try {
      let socket = await openTcp(this.#login, this.#ask, CANCEL_MS);
      socket.on("error", () => socket.destroy());
      if (this.#login.tls !== "disable") socket = await this.#secure(socket);
      socket.on("error", () => socket.destroy());
      const message = Buffer.alloc(16);
      message.writeInt32BE(16, 0);
      message.writeInt32BE(80_877_102, 4);
      message.writeUInt32BE(state.pid, 8);
      message.writeUInt32BE(state.secret, 12);
      socket.end(message);
    } catch {
      // The connection is closed instead, just below in time.
    }
  }

  async #begin(readOnly: boolean): Promise<void> {
    await this.#sql.unsafe(
      `begin ${readOnly ? "read only" : "read write"}; set local statement_timeout = ${this.#limits.statementMs}`,
    );
  }

  async #rollBack(): Promise<void> {
    if (!this.usable) return;
    try {
      await this.#inTime(this.#limits.connectMs, "rollback");
    } catch {
      // It cannot be known what state it is in.
      this.close();
    }
  }

  #explain(error: unknown, ended: { timedOut: boolean; cancelled: boolean }): SqlError {
    if (this.#received?.exceeded()) return new SqlError("too_large");
    if (ended.timedOut) return new SqlError("statement_timeout");
    if (ended.cancelled) return new SqlError("cancelled");
    if (error instanceof SqlError) {
      // The protocol waits for the rest of the copy.
      if (error.failure.kind === "not_supported") this.close();
      return error;
    }
    const state = sqlStateOf(error);
    if (state === null) {
      this.close();
      return new SqlError("unreadable", { cause: error });
    }
    if (/^(08|57P)/.test(state) && state !== "08P01") {
      this.close();
      return new SqlError("lost");
    }
    return statementFailure(state, error);
  }

  /** One of our own statements, which no server has to think about. @throws SqlError lost when it does */
  async #inTime(timeoutMs: number, statement: string): Promise<postgres.Row[]> {
    const timer = setTimeout(() => this.close(), timeoutMs);
    try {
      return await this.#orLost(() => this.#sql.unsafe(statement));
    } finally {
      clearTimeout(timer);
    }
  }

  /** What `work` gives, or the loss of the connection: the driver forgets what it was given just after a reset. */
  async #orLost<T>(work: () => PromiseLike<T>): Promise<T> {
    if (!this.usable) throw new SqlError("lost");
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#lost = reject;
        work().then(resolve, reject);
      });
    } finally {
      this.#lost = null;
    }
  }

  #end(): void {
    this.usable = false;
    this.#lost?.(this.#received?.exceeded() ? new SqlError("too_large") : new SqlError("lost"));
  }
}

const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
const YES = 0x53;
const NO = 0x4e;

/** What the server says first to `request`. @throws SqlError connect_timeout, no_database_server */
function firstBytes(socket: Socket, request: Buffer, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const over = (kind: SqlFailureKind) => {
      socket.destroy();
      settle();
      reject(new SqlError(kind));
    };
    const onEnd = () => over("no_database_server");
    const timer = setTimeout(() => over("connect_timeout"), timeoutMs);
    const settle = () => {
      clearTimeout(timer);
      socket.removeListener("close", onEnd);
    };
    socket.once("close", onEnd);
    socket.once("data", (bytes: Buffer) => {
      // What comes next is TLS's to read.
      socket.pause();
      settle();
      resolve(bytes);
    });
    socket.write(request);
  });
}

async function read(query: Portions, enough: unknown, ask: SqlAsk, limits: SqlLimits): Promise<SqlAnswer> {
  const rows = new Rows(ask.maxRows, limits.maxBytes);
  let columns: SqlColumn[] | null = null;
  let portion = Math.min(FIRST_PORTION, ask.maxRows + 1);
  const portions = query.values().cursor(portion, (found) => {
    columns ??= columnsOf(found.columns);
    for (const row of found) if (!rows.add(row)) return enough;
    portion = Math.min(portion * 2, LARGEST_PORTION);
    portions.cursorRows = portion;
    return undefined;
  });
  const result = await portions;
  if (!Array.isArray(result)) {
    // COPY: a stream instead of rows, which fails when its connection is closed.
    (result as unknown as Stream).on("error", () => {});
    throw new SqlError("not_supported");
  }
  return {
    columns: columns ?? columnsOf(result.columns),
    rowsJson: rows.toJson(),
    rowCount: rows.count,
    truncated: rows.truncated,
    affected: /^(INSERT|UPDATE|DELETE|MERGE)$/.test(result.command ?? "") ? (result.count ?? null) : null,
  };
}

interface Found extends Array<unknown[]> {
  columns?: DriverColumn[];
  command?: string;
  count?: number | null;
}

/** As postgres.js has it, whose own types know neither values with cursors nor the number of rows asked for next. */
interface Portions extends PromiseLike<Found> {
  values(): Portions;
  cursorRows: number;
  cursor(rows: number, each: (found: Found) => unknown): Portions;
}

function sqlStateOf(error: unknown): string | null {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  return name === "PostgresError" && typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : null;
}

/** What a login ended with; the words of server and driver are not passed on. */
function loginFailure(error: unknown, connected: boolean): SqlError {
  if (error instanceof SqlError && error.failure.kind !== "lost") return error;
  const state = sqlStateOf(error);
  const kind = ((): SqlFailureKind => {
    if (state === "28P01") return "login_refused";
    if (state === "28000")
      return /encryption|SSL off/i.test(String((error as Error).message)) ? "tls_required" : "host_not_allowed";
    if (state === "3D000") return "database_missing";
    if (state === "53300") return "too_many_connections";
    if (state?.startsWith("57P") || state === "53400") return "server_not_ready";
    if (state?.startsWith("28")) return "login_refused";
    if ((error as { code?: unknown } | null)?.code === "CONNECT_TIMEOUT") return "connect_timeout";
    return connected ? "no_database_server" : "connect_timeout";
  })();
  return new SqlError(kind, { cause: error });
}

/** What the database said of a statement, without detail, hint and context, which quote rows. */
function statementFailure(sqlState: string, error: unknown): SqlError {
  const { message, position } = error as { message?: unknown; position?: unknown };
  if (sqlState === "42601" && /multiple commands/.test(String(message))) return new SqlError("several_statements");
  if (sqlState === "25006") return new SqlError("read_only");
  if (sqlState === "57014") return new SqlError("statement_timeout");
  const at = Number(position);
  return new SqlError({
    kind: "statement",
    sqlState,
    message: String(message ?? ""),
    ...(Number.isInteger(at) && at > 0 ? { position: at } : {}),
  });
}

/**
 * Refuses what a hostile server may ask of this thread before the login: postgres.js works off SCRAM's rounds in one piece, as many as
 * the server says. Called once, in the thread.
 */
export function limitScram(crypto: { pbkdf2Sync: (...given: never[]) => Buffer }): void {
  const original = crypto.pbkdf2Sync as (...given: unknown[]) => Buffer;
  crypto.pbkdf2Sync = (...given: unknown[]) => {
    if (!(Number(given[2]) <= MAX_SCRAM_ROUNDS)) throw new SqlError("no_database_server");
    return original(...given);
  };
}
