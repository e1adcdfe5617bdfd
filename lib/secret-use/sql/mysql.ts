import type { Socket } from "node:net";
import mysql, { type Connection, type FieldPacket } from "mysql2";
import type { Cancel } from "@/lib/cancel";
import { tlsOptions } from "@/lib/egress/tls-socket";
import type { DatabaseLogin } from "@/lib/secret-types/database-login";
import { SqlError, type SqlFailureKind, tlsFailure } from "./failure";
import { firstWord } from "./first-word";
import type { SqlAnswer, SqlAsk, SqlColumn, SqlConnection, SqlLimits } from "./messages";
import { type AskForAddresses, limitReceived, openTcp, trustOf } from "./open-socket";
import { Rows } from "./rows";

/**
 * MySQL and MariaDB through mysql2. The socket is ours (pinned address); TLS is begun by the driver, in the middle of its greeting, with our
 * checks. Statements are prepared, which takes one at a time, and run in a transaction of their own.
 */

/** @throws SqlError */
export async function openMysql(login: DatabaseLogin, limits: SqlLimits, ask: AskForAddresses): Promise<SqlConnection> {
  const connection = new MysqlConnection(login, limits, ask);
  await connection.open();
  return connection;
}

/**
 * What a read-only statement may begin with. MariaDB runs a whole block as one statement (BEGIN NOT ATOMIC, IF, EXECUTE IMMEDIATE, SET STATEMENT
 * … FOR), which may end the transaction it is in, make the session writable, and write.
 */
const READING: ReadonlySet<string> = new Set(
  ["SELECT", "WITH", "TABLE", "VALUES", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "ANALYZE", "CHECKSUM", "HELP", "CALL", "DO"],
); // biome-ignore format: a list

/** A cancelled statement has so long to end before its connection is closed under it. */
const CANCEL_MS = 2_000;

class MysqlConnection implements SqlConnection {
  usable = true;
  readonly #login: DatabaseLogin;
  readonly #limits: SqlLimits;
  readonly #ask: AskForAddresses;
  #connection: Connection | null = null;
  #sockets: Socket[] = [];
  #received: ReturnType<typeof limitReceived>[] = [];
  #lost: ((error: unknown) => void) | null = null;
  /** The transaction of a statement that may follow. */
  #begun: Promise<void> | null = null;
  #force: NodeJS.Timeout | undefined;

  constructor(login: DatabaseLogin, limits: SqlLimits, ask: AskForAddresses) {
    this.#login = login;
    this.#limits = limits;
    this.#ask = ask;
  }

  async open(): Promise<void> {
    const login = this.#login;
    const tcp = await openTcp(login, this.#ask, this.#limits.connectMs);
    // Where no server name is sent, as with an address, node:tls looks here for what the certificate must be for.
    Object.assign(tcp, { _host: login.host });
    this.#watch(tcp);
    try {
      await this.#inTime(2 * this.#limits.connectMs, (done) => {
        const connection = mysql.createConnection({
          stream: tcp as never,
          host: login.host,
          port: login.port,
          database: login.database,
          user: login.user,
          password: login.password,
          ...(login.tls === "disable" ? {} : { ssl: driverTls(login) }),
          connectTimeout: 2 * this.#limits.connectMs,
          // A server may ask for any file in answer to any statement (SECURITY SQ-4): we do not offer it, and have none to give.
          flags: ["-LOCAL_FILES", "-MULTI_STATEMENTS"],
          infileStreamFactory: undefined,
          multipleStatements: false,
          enableCleartextPlugin: false,
          // Rows are read by code that is there, not by code made of the server's column names.
          disableEval: true,
          connectAttributes: { program_name: "latchkey" },
          rowsAsArray: true,
          dateStrings: true,
          supportBigNumbers: true,
          bigNumberStrings: true,
          charset: "utf8mb4",
          trace: false,
          debug: false,
        });
        this.#connection = connection;
        connection.on("error", (error: unknown) => this.#end(error));
        connection.once("connect", () => done(null));
      });
    } catch (error) {
      this.close();
      throw this.#tooMuch() ? new SqlError("too_large") : loginFailure(error);
    }
    // By now it is the TLS socket, where there is one.
    const { stream } = this.#connection as unknown as { stream: Socket };
    if (stream !== tcp) this.#watch(stream);
  }

  begin(readOnly: boolean): void {
    this.#begun = this.#begin(readOnly);
    this.#begun.catch(() => {});
  }

  async run(ask: SqlAsk, gone: Cancel): Promise<SqlAnswer> {
    if (ask.readOnly && !READING.has(firstWord(ask.statement))) throw new SqlError("read_only");
    for (const one of this.#received) one.reset();
    let timedOut = false;
    const stop = () => void this.#cancel();
    const timer = setTimeout(() => {
      timedOut = true;
      stop();
    }, this.#limits.statementMs);
    gone.addEventListener("abort", stop, { once: true });
    try {
      const begun = this.#begun ?? this.#begin(ask.readOnly);
      this.#begun = null;
      await begun;
      if (gone.aborted) throw new SqlError("cancelled");
      const answer = await this.#read(ask);
      if (this.usable) await this.#query("commit");
      return answer;
    } catch (error) {
      const failure = this.#explain(error, { timedOut, cancelled: gone.aborted });
      if (this.usable) await this.#query("rollback").catch(() => this.close());
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
    const [row] = await this.#query("select version()");
    const version = String((row as unknown as unknown[] | undefined)?.[0] ?? "").slice(0, 100);
    return {
      version: /mariadb/i.test(version) ? `MariaDB ${version}` : `MySQL ${version}`,
      tls: this.#login.tls !== "disable",
    };
  }

  async reset(): Promise<void> {
    // What is still on its way would begin after the reset.
    await this.#begun?.catch(() => {});
    this.#begun = null;
    if (!this.usable) return;
    await this.#inTime(this.#limits.connectMs, (done) => {
      (this.#connection as unknown as { reset(done: (error: unknown) => void): void }).reset(done);
    });
  }

  close(): void {
    this.#end(new SqlError("lost"));
    for (const socket of this.#sockets) socket.destroy();
  }

  async #begin(readOnly: boolean): Promise<void> {
    const mode = readOnly ? "read only" : "read write";
    // For the session, too: a procedure may end the transaction it is called in.
    await this.#query(`set session transaction ${mode}`);
    await this.#query(`start transaction ${mode}`);
  }

  #read(ask: SqlAsk): Promise<SqlAnswer> {
    return new Promise<SqlAnswer>((resolve, reject) => {
      this.#lost = reject;
      (this.#connection as Connection).prepare(ask.statement, (error, prepared) => {
        const statement = prepared as unknown as Prepared;
        if (error) reject(error);
        // The driver sends what it is given, and the server takes what it needs.
        else if (statement.parameters.length !== ask.params.length) reject(new SqlError("parameter_count"));
        else this.#listen(statement.execute(ask.params.map(bindable)), ask, resolve, reject);
      });
    }).finally(() => {
      this.#lost = null;
    });
  }

  /** Rows as they come; when there are enough, the connection is closed, because the protocol has no way to say so. */
  #listen(running: Running, ask: SqlAsk, resolve: (answer: SqlAnswer) => void, reject: (error: unknown) => void): void {
    const rows = new Rows(ask.maxRows, this.#limits.maxBytes);
    let columns: SqlColumn[] | null = null;
    let affected: number | null = null;
    const finish = () =>
      resolve({
        columns: columns ?? [],
        rowsJson: rows.toJson(),
        rowCount: rows.count,
        truncated: rows.truncated,
        affected,
      });
    running.on("error", reject);
    running.on("fields", (fields) => {
      // Of several answers, as a procedure gives them, the first.
      columns ??= fields ? fields.map(columnOf) : null;
    });
    running.on("result", (row, index) => {
      if (!Array.isArray(row)) {
        if (columns === null) affected = (row as { affectedRows?: number } | null)?.affectedRows ?? null;
        return;
      }
      if ((index ?? 0) > 0) return;
      try {
        if (rows.add(row.map(jsonValue))) return;
      } catch (error) {
        reject(error);
      }
      finish();
      this.close();
    });
    running.on("end", finish);
  }

  /** One of our own statements. @throws the driver's error, SqlError lost */
  #query(statement: string): Promise<unknown[]> {
    return this.#inTime(this.#limits.connectMs, (done) => {
      (this.#connection as Connection).query(statement, (error: unknown, rows: unknown) =>
        done(error, rows as unknown[]),
      );
    });
  }

  async #inTime(
    timeoutMs: number,
    start: (done: (error: unknown, rows?: unknown[]) => void) => void,
  ): Promise<unknown[]> {
    if (!this.usable) throw new SqlError("lost");
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<unknown[]>((resolve, reject) => {
        this.#lost = reject;
        timer = setTimeout(() => {
          reject(new SqlError("connect_timeout"));
          this.close();
        }, timeoutMs);
        start((error, rows) => (error ? reject(error) : resolve(rows ?? [])));
      });
    } finally {
      clearTimeout(timer);
      this.#lost = null;
    }
  }

  /** By another connection, as the server has it; what does not help within 2 s ends this one. */
  async #cancel(): Promise<void> {
    this.#force = setTimeout(() => this.close(), CANCEL_MS);
    const id = (this.#connection as unknown as { threadId?: number } | null)?.threadId;
    if (!Number.isInteger(id)) return;
    const other = new MysqlConnection(this.#login, this.#limits, this.#ask);
    try {
      await other.open();
      await other.#query(`kill query ${id}`);
    } catch {
      // This connection is closed instead, in time.
    } finally {
      other.close();
    }
  }

  #watch(socket: Socket): void {
    this.#sockets.push(socket);
    this.#received.push(limitReceived(socket, this.#limits.maxReceivedBytes));
    socket.on("close", () => this.#end(new SqlError("lost")));
  }

  #tooMuch(): boolean {
    return this.#received.some((one) => one.exceeded());
  }

  #end(error: unknown): void {
    this.usable = false;
    this.#lost?.(this.#tooMuch() ? new SqlError("too_large") : error);
  }

  #explain(error: unknown, ended: { timedOut: boolean; cancelled: boolean }): SqlError {
    if (this.#tooMuch()) return new SqlError("too_large");
    if (ended.timedOut) return new SqlError("statement_timeout");
    if (ended.cancelled) return new SqlError("cancelled");
    if (error instanceof SqlError) return error;
    const { errno, sqlState, sqlMessage, fatal } = error as DriverError;
    if (sqlState && !fatal) return statementFailure(errno ?? 0, sqlState, sqlMessage ?? "");
    this.close();
    // What the server wants of us instead of an answer, such as a file, is no answer.
    return new SqlError((error as DriverError).code === "PROTOCOL_CONNECTION_LOST" ? "lost" : "unreadable", {
      cause: error,
    });
  }
}

interface DriverError {
  code?: string;
  errno?: number;
  sqlState?: string;
  sqlMessage?: string;
  fatal?: boolean;
}

/** Without a callback, which the driver's own type wants, and with which it would keep every row. */
interface Prepared {
  parameters: unknown[];
  execute(values: unknown[]): Running;
}

interface Running {
  on(event: "error", listener: (error: unknown) => void): void;
  on(event: "fields", listener: (fields: FieldPacket[] | undefined) => void): void;
  on(event: "result", listener: (row: unknown, index?: number) => void): void;
  on(event: "end", listener: () => void): void;
}

/** The checks of `tlsOptions` in the driver's words. */
function driverTls(login: DatabaseLogin) {
  const { minVersion, rejectUnauthorized, ca } = { ca: undefined, ...tlsOptions(trustOf(login)) };
  return { minVersion, rejectUnauthorized, verifyIdentity: login.tls !== "verify-ca", ...(ca ? { ca } : {}) };
}

/** Objects and arrays travel as their JSON; the driver would make them a type that MariaDB does not know. */
const bindable = (value: SqlAsk["params"][number]) =>
  typeof value === "object" && value !== null ? JSON.stringify(value) : value;

const jsonValue = (value: unknown) => (Buffer.isBuffer(value) ? value.toString("base64") : value);

function columnOf(field: FieldPacket): SqlColumn {
  const name = (mysql.Types as unknown as Record<number, string | undefined>)[field.columnType ?? -1];
  return { name: field.name, type: name ? name.toLowerCase() : "other" };
}

/** The driver puts its own code over that of node:tls. */
function tlsFailureInWords({ message }: Error): SqlFailureKind {
  if (/expired|not yet valid/i.test(message)) return "tls_expired";
  if (/altnames|does not match/i.test(message)) return "tls_wrong_name";
  return /certificate/i.test(message) ? "tls_untrusted" : "tls_failed";
}

/** What a login ended with; the words of server and driver are not passed on. */
function loginFailure(error: unknown): SqlError {
  if (error instanceof SqlError) return error.failure.kind === "lost" ? new SqlError("no_database_server") : error;
  const { code, errno } = error as DriverError;
  const kind = ((): SqlFailureKind => {
    switch (errno) {
      case 1045:
      case 1698:
      case 1251:
        return "login_refused";
      case 1044:
      case 1049:
        return "database_missing";
      case 1129:
      case 1130:
        return "host_not_allowed";
      case 1040:
      case 1203:
      case 1226:
        return "too_many_connections";
      case 1053:
        return "server_not_ready";
      case 3159:
        return "tls_required";
    }
    if (code === "HANDSHAKE_NO_SSL_SUPPORT") return "tls_not_offered";
    if (code === "ETIMEDOUT") return "connect_timeout";
    if (code === "HANDSHAKE_SSL_ERROR") return tlsFailureInWords(error as Error);
    if (/^(ERR_TLS|ERR_SSL|ERR_OSSL)/.test(code ?? "")) return tlsFailure(error);
    return "no_database_server";
  })();
  return new SqlError(kind, { cause: error });
}

/** What the database said of a statement. */
function statementFailure(errno: number, sqlState: string, message: string): SqlError {
  if (errno === 1792 || errno === 1290) return new SqlError("read_only");
  if (errno === 1317 || errno === 1969 || errno === 3024) return new SqlError("statement_timeout");
  // MySQL quotes the rows that are in the way in its message itself.
  const quotes = errno === 1062 || errno === 1586 || sqlState.startsWith("22") || errno === 1366 || errno === 1292;
  return new SqlError({ kind: "statement", sqlState, message: quotes ? message.replace(/'[^']*'/g, "…") : message });
}
