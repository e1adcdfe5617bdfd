import type { Worker, WorkerOptions } from "node:worker_threads";
import type { Cancel } from "@/lib/cancel";
import { onSecretChange } from "@/lib/db/notifications";
import { EgressError } from "@/lib/egress/egress-error";
import { egress } from "@/lib/egress/safe-fetch";
import { errorFields, log } from "@/lib/observability/log";
import { installed, once } from "@/lib/process";
import type { DatabaseLogin } from "@/lib/secret-types/database-login";
import { connectFailure, SqlError } from "./failure";
import {
  type Engine,
  type FromThread,
  SQL_LIMITS,
  type SqlAnswer,
  type SqlAsk,
  type SqlLimits,
  type SqlServer,
  type ThreadData,
  type ToThread,
} from "./messages";

/**
 * The threads that hold drivers and their connections: one a secret, so that a hostile or broken database can end its own secret's
 * statements and nobody else's. A thread ends when it was unused for 60 s, when its secret changes, or when it fails.
 */

/** Threads of this process at once, and of one tenant; each is a heap of its own. */
const MAX_THREADS = 32;
const MAX_OF_TENANT = 16;
/** Threads of tests at once, besides those, and of one tenant. */
const MAX_TESTS = 8;
const MAX_TESTS_OF_TENANT = 3;
/** A thread that says nothing for so long beyond every limit of its own hangs, and is ended. */
const PATIENCE_MS = 10_000;
/** So often a thread is asked for a sign of life within `hangMs`: a process that was itself stopped counts one beat, not all of them. */
const BEATS = 5;
/** Connections are closed politely within this. */
const GOODBYE_MS = 1_000;
const SWEEP_MS = 5_000;

/** JavaScript's memory of one thread: five answers of 10 MB fit. What is received is limited besides (`maxReceivedBytes`). */
const RESOURCES = { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 };

interface Pending {
  resolve(message: FromThread): void;
  reject(error: SqlError): void;
}

/** One thread with one login. */
export class SqlThread {
  readonly #worker: Worker;
  readonly #login: DatabaseLogin;
  readonly #limits: SqlLimits;
  readonly #pending = new Map<number, Pending>();
  /** Statements that were announced and have not followed. */
  readonly #begun = new Set<number>();
  readonly #heart: NodeJS.Timeout;
  /** Beats since its last word; null: it has said nothing yet, and loads its program. */
  #silentFor: number | null = null;
  #lastId = 0;
  #over: SqlError | null = null;
  #retired = false;
  usedAt = performance.now();

  constructor(engine: Engine, login: DatabaseLogin, limits: SqlLimits = SQL_LIMITS) {
    this.#login = login;
    this.#limits = limits;
    const data: ThreadData = { engine, login, limits };
    this.#worker = start()({
      workerData: data,
      // No variable of the process reaches a driver (SECURITY SQ-5), and no word of a driver the process's output.
      env: {},
      execArgv: [],
      stdout: true,
      stderr: true,
      resourceLimits: RESOURCES,
    });
    this.#worker.stdout.resume();
    this.#worker.stderr.resume();
    this.#worker.unref();
    this.#worker.on("message", (message: FromThread) => this.#hear(message));
    this.#worker.on("error", (error) => {
      log.warn("sql-thread-failed", { host: login.host, ...errorFields(error) });
      this.#fail(new SqlError("unreadable"));
    });
    this.#worker.on("exit", () => this.#fail(new SqlError("lost")));
    this.#heart = setInterval(() => this.#beat(), limits.hangMs / BEATS).unref();
  }

  get busy(): boolean {
    return this.#pending.size > 0;
  }

  /** Takes nothing more. */
  get over(): boolean {
    return this.#over !== null || this.#retired;
  }

  /** Where its database is. */
  get host(): string {
    return this.#login.host;
  }

  /** Has a connection, where one is idle, begin the transaction of a statement that may follow. @returns what `run` or `leave` is told */
  begin(readOnly: boolean): number {
    const id = ++this.#lastId;
    this.#begun.add(id);
    this.#say({ kind: "begin", id, readOnly });
    return id;
  }

  /** No statement follows; nothing is done where one has. */
  leave(begun: number): void {
    if (this.#begun.delete(begun)) this.#say({ kind: "leave", id: begun });
  }

  /** @throws SqlError */
  async run(ask: SqlAsk, gone: Cancel, begun: number | null = null): Promise<SqlAnswer> {
    const message = await this.#ask((id) => ({ kind: "run", id, ask }), gone, begun);
    if (message.kind !== "ran") throw new SqlError("unreadable");
    return message.answer;
  }

  /** Logs in and asks the server what it is. @throws SqlError */
  async test(gone: Cancel): Promise<SqlServer> {
    const message = await this.#ask((id) => ({ kind: "test", id }), gone);
    if (message.kind !== "tested") throw new SqlError("unreadable");
    return message.server;
  }

  /** Ends it when what is under way has ended. */
  retire(): void {
    this.#retired = true;
    if (!this.busy) this.#sayGoodbye();
  }

  #ask(make: (id: number) => ToThread, gone: Cancel, begun: number | null = null): Promise<FromThread> {
    const id = begun ?? ++this.#lastId;
    this.#begun.delete(id);
    this.usedAt = performance.now();
    return new Promise<FromThread>((resolve, reject) => {
      if (this.#over) {
        reject(this.#over);
        return;
      }
      const { connectMs, statementMs } = this.#limits;
      // Waiting for a connection, TCP, TLS, login, the statement.
      const timer = setTimeout(() => this.#giveUp(), 4 * connectMs + statementMs + PATIENCE_MS);
      const cancel = () => this.#say({ kind: "cancel", id });
      const settle = () => {
        clearTimeout(timer);
        gone.removeEventListener("abort", cancel);
        this.#pending.delete(id);
        this.usedAt = performance.now();
        if (this.#retired && !this.busy) this.#sayGoodbye();
      };
      this.#pending.set(id, {
        resolve: (message) => {
          settle();
          resolve(message);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      this.#say(make(id));
      if (gone.aborted) cancel();
      else gone.addEventListener("abort", cancel, { once: true });
    });
  }

  #hear(message: FromThread): void {
    this.#silentFor = 0;
    if (message.kind === "alive") return;
    if (message.kind === "addresses") {
      void this.#tellAddresses(message.id);
      return;
    }
    const pending = this.#pending.get(message.id);
    if (message.kind === "failed") pending?.reject(new SqlError(message.failure));
    else pending?.resolve(message);
  }

  /** The policy is asked for every new connection, here, where it and its resolver live (SECURITY SQ-7). */
  async #tellAddresses(id: number): Promise<void> {
    const { host, port, tls } = this.#login;
    const protocol = tls === "disable" ? "sql-plain:" : "sql:";
    try {
      const destination = { protocol, host: host.toLowerCase().replace(/\.$/, ""), port } as const;
      this.#say({ kind: "addresses", id, addresses: await egress().addressesOf(destination) });
    } catch (error) {
      if (!(error instanceof EgressError)) log.error("sql-addresses", { host, error: (error as Error).name });
      else log.info("sql-not-connected", { host, outcome: error.internal });
      const blocked = error instanceof EgressError && error.kind === "blocked";
      this.#say({
        kind: "addresses",
        id,
        addresses: { kind: blocked ? "forbidden_address" : connectFailure(error) },
      });
    }
  }

  /** A server may send what its driver reads for ever: then the thread hears nothing more, not even that it is to end. */
  #beat(): void {
    if (this.#silentFor !== null && ++this.#silentFor > BEATS) {
      log.warn("sql-thread-hangs", { host: this.#login.host });
      this.#fail(new SqlError("unreadable"));
      void this.#worker.terminate();
    } else this.#say({ kind: "alive" });
  }

  #say(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  #giveUp(): void {
    this.#fail(new SqlError("lost"));
    void this.#worker.terminate();
  }

  #sayGoodbye(): void {
    this.#over ??= new SqlError("lost");
    this.#say({ kind: "end" });
    setTimeout(() => void this.#worker.terminate(), GOODBYE_MS).unref();
  }

  #fail(error: SqlError): void {
    clearInterval(this.#heart);
    this.#over ??= error;
    for (const pending of [...this.#pending.values()]) pending.reject(error);
  }
}

/** Which secret, and as of which edit. */
export interface SqlKey {
  tenantId: string;
  secretId: string;
  generation: number;
}

const nameOf = (tenantId: string, secretId: string) => `${tenantId} ${secretId}`;

/** This process's threads. */
export class SqlThreads {
  readonly #threads = new Map<string, { thread: SqlThread; key: SqlKey }>();
  readonly #tests = new Map<SqlThread, string>();
  readonly #limits: SqlLimits;

  constructor(limits: SqlLimits = SQL_LIMITS) {
    this.#limits = limits;
    onSecretChange(
      (_workspace, secretId) => this.#retire((one) => one.key.secretId === secretId),
      () => this.#retire(() => true),
    );
    setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  /** The thread of this secret that is there from earlier, and the edit it is of. */
  kept(tenantId: string, secretId: string): { thread: SqlThread; generation: number } | null {
    const kept = this.#threads.get(nameOf(tenantId, secretId));
    return kept && !kept.thread.over ? { thread: kept.thread, generation: kept.key.generation } : null;
  }

  /** The thread of this secret, started when there is none. @throws SqlError busy */
  of(key: SqlKey, engine: Engine, login: () => DatabaseLogin): SqlThread {
    const name = nameOf(key.tenantId, key.secretId);
    const kept = this.#threads.get(name);
    if (kept && !kept.thread.over && kept.key.generation === key.generation) return kept.thread;
    // Read before an edit that others have seen already: what is asked for now is no longer the secret's.
    if (kept && kept.key.generation > key.generation) throw new SqlError("busy");
    kept?.thread.retire();
    this.#threads.delete(name);
    this.#makeRoom(key.tenantId);
    const thread = new SqlThread(engine, login(), this.#limits);
    this.#threads.set(name, { thread, key });
    return thread;
  }

  /** A thread for one test of a login, kept by nobody: the caller retires it. @throws SqlError busy */
  forTest(tenantId: string, engine: Engine, login: DatabaseLogin): SqlThread {
    for (const thread of this.#tests.keys()) if (thread.over) this.#tests.delete(thread);
    const ofTenant = [...this.#tests.values()].filter((other) => other === tenantId).length;
    if (this.#tests.size >= MAX_TESTS || ofTenant >= MAX_TESTS_OF_TENANT) throw new SqlError("busy");
    const thread = new SqlThread(engine, login, this.#limits);
    this.#tests.set(thread, tenantId);
    return thread;
  }

  get size(): number {
    return this.#threads.size;
  }

  close(): void {
    this.#retire(() => true);
  }

  /** Ends the longest unused ones; those in use stay. */
  #makeRoom(tenantId: string): void {
    const full = (of: { key: SqlKey }[], most: number) => of.length >= most;
    for (const [list, most] of [
      [() => [...this.#threads.values()].filter(({ key }) => key.tenantId === tenantId), MAX_OF_TENANT],
      [() => [...this.#threads.values()], MAX_THREADS],
    ] as const) {
      if (!full(list(), most)) continue;
      const [oldest] = list()
        .filter(({ thread }) => !thread.busy)
        .sort((a, b) => a.thread.usedAt - b.thread.usedAt);
      if (!oldest) throw new SqlError("busy");
      this.#retire((one) => one === oldest);
    }
  }

  #retire(which: (one: { thread: SqlThread; key: SqlKey }) => boolean): void {
    for (const [name, one] of this.#threads)
      if (which(one)) {
        this.#threads.delete(name);
        one.thread.retire();
      }
  }

  #sweep(): void {
    const before = performance.now() - this.#limits.idleMs;
    this.#retire(({ thread }) => thread.over || (!thread.busy && thread.usedAt < before));
  }
}

export function sqlThreads(): SqlThreads {
  return once("sql-threads", () => new SqlThreads());
}

/** Starts a thread with the program of thread.ts. */
export type StartThread = (options: WorkerOptions) => Worker;

/** Installed by server.ts, and by tests: Next's bundler would take the whole tree for what a thread might be started from. */
function start(): StartThread {
  const given = installed<StartThread>("startSqlThread");
  if (!given) throw new Error("Nothing says how a thread is started: start-up installs it.");
  return given;
}
