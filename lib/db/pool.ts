import { drizzle, type PostgresJsDatabase } from "drizzle-orm/postgres-js";
import postgres from "postgres";

/**
 * The process's connections. postgres 3.4.9 must not be asked for anything on a connection that has closed: it crashes the
 * process, hangs until its connect timeout, or runs the statements of a dead transaction inside somebody else's
 * (porsager/postgres issues 1133, 1216). So each connection here is a client of its own that is used by one caller at a
 * time, known to be dead the moment it closes, and then never touched again.
 */

export type Tx = Parameters<Parameters<PostgresJsDatabase["transaction"]>[0]>[0];

/** One statement on any connection. Timestamps come as text here. */
export type Sql = <T extends readonly (object | undefined)[] = postgres.Row[]>(
  template: TemplateStringsArray,
  ...parameters: readonly postgres.ParameterOrFragment<never>[]
) => Promise<postgres.RowList<T>>;

export interface PoolOptions {
  max: number;
  connection: Record<string, string>;
  /** Seconds. */
  connectTimeoutS: number;
}

interface Lane {
  sql: postgres.Sql;
  dead: boolean;
  /**
   * Fails what its one user waits for when the connection closes: the driver forgets statements that were given to it just
   * after a reset. No promise of the lane's own to race with: that would keep every result as long as the connection lives.
   */
  lost: ((error: ConnectionLost) => void) | null;
}

/** A connection that is gone; the code is postgres.js's. */
class ConnectionLost extends Error {
  readonly code: string;
  constructor(code: "CONNECTION_CLOSED" | "CONNECTION_ENDED" | "CONNECT_TIMEOUT") {
    super(`The connection to the database is gone (${code}).`);
    this.code = code;
  }
}

export class Pool {
  readonly #url: string;
  readonly #options: PoolOptions;
  readonly #idle: Lane[] = [];
  readonly #discarded = new WeakSet<Lane>();
  readonly #waiting: { take(lane: Lane): void; fail(error: unknown): void }[] = [];
  #count = 0;
  #ending = false;
  #listener: postgres.Sql | null = null;
  #drained: (() => void) | null = null;

  constructor(url: string, options: PoolOptions) {
    this.#url = url;
    this.#options = options;
  }

  readonly sql: Sql = (template, ...parameters) => this.#use((lane) => lane.sql(template, ...parameters) as never);

  /** Runs `work` in a transaction on one connection; what it throws rolls back. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#use(async (lane) => {
      let over = false;
      const usable = () => {
        if (lane.dead || over) throw new ConnectionLost("CONNECTION_CLOSED");
      };
      await lane.sql`begin`;
      try {
        const result = await work(drizzle(guarded(lane.sql, usable)) as unknown as Tx);
        usable();
        await lane.sql`commit`;
        return result;
      } catch (error) {
        // Whatever a dead connection had done is undone by the server.
        if (!lane.dead) await lane.sql`rollback`.catch(() => this.#discard(lane));
        throw error;
      } finally {
        over = true;
      }
    });
  }

  /** Calls `listener` for every notification until the pool ends; listens again by itself after a lost connection, and calls `begun` each time it does. */
  async listen(channel: string, listener: (payload: string) => void, begun?: () => void): Promise<void> {
    this.#listener ??= this.#client();
    await this.#listener.listen(channel, listener, begun);
  }

  /** Waits up to `timeout` seconds for what is under way, then closes everything. */
  async end({ timeout }: { timeout: number }): Promise<void> {
    this.#ending = true;
    for (const waiting of this.#waiting.splice(0)) waiting.fail(new ConnectionLost("CONNECTION_ENDED"));
    const listening = this.#listener?.end({ timeout: 0 });
    for (const lane of this.#idle.splice(0)) this.#discard(lane);
    if (this.#count > 0) {
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([
        new Promise<void>((resolve) => {
          this.#drained = resolve;
        }),
        new Promise<void>((resolve) => {
          timer = setTimeout(resolve, timeout * 1000);
        }),
      ]);
      clearTimeout(timer);
    }
    await listening;
  }

  /** For metrics: connections handed out, connections at rest, the most there may be, and callers without one. */
  usage(): { busy: number; idle: number; max: number; waiting: number } {
    const idle = this.#idle.length;
    return { busy: this.#count - idle, idle, max: this.#options.max, waiting: this.#waiting.length };
  }

  async #use<T>(work: (lane: Lane) => PromiseLike<T>): Promise<T> {
    let lane = await this.#take();
    // It may have died while it was handed over.
    for (; lane.dead; lane = await this.#take()) this.#discard(lane);
    try {
      return await orLost(lane, () => work(lane));
    } finally {
      this.#giveBack(lane);
    }
  }

  async #take(): Promise<Lane> {
    if (this.#ending) throw new ConnectionLost("CONNECTION_ENDED");
    for (let lane = this.#idle.pop(); lane; lane = this.#idle.pop()) {
      if (!lane.dead) return lane;
      this.#discard(lane);
    }
    if (this.#count < this.#options.max) return this.#open();
    return new Promise((take, fail) => this.#waiting.push({ take, fail }));
  }

  #giveBack(lane: Lane): void {
    if (!lane.dead && !this.#ending) {
      const next = this.#waiting.shift();
      if (next) next.take(lane);
      else this.#idle.push(lane);
      return;
    }
    this.#discard(lane);
    const next = this.#ending ? undefined : this.#waiting.shift();
    if (next) this.#open().then(next.take, next.fail);
  }

  async #open(): Promise<Lane> {
    this.#count += 1;
    const lane: Lane = { sql: undefined as never, dead: false, lost: null };
    lane.sql = this.#client(() => {
      lane.dead = true;
      lane.lost?.(new ConnectionLost("CONNECTION_CLOSED"));
    });
    drizzle(lane.sql); // sets how timestamps are read, for statements outside transactions too
    let timer: NodeJS.Timeout | undefined;
    try {
      // The driver alone would try again for ever where a server accepts and hangs up (issue 1193).
      await Promise.race([
        orLost(lane, () => lane.sql`select 1`),
        new Promise((_, reject) => {
          timer = setTimeout(
            () => reject(new ConnectionLost("CONNECT_TIMEOUT")),
            this.#options.connectTimeoutS * 1000 + 500,
          );
        }),
      ]);
      return lane;
    } catch (error) {
      this.#discard(lane);
      // With no connection left, whoever waits would wait for nothing.
      if (this.#count === 0) for (const waiting of this.#waiting.splice(0)) waiting.fail(error);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #discard(lane: Lane): void {
    lane.dead = true;
    if (this.#discarded.has(lane)) return;
    this.#discarded.add(lane);
    this.#count -= 1;
    // Resolves always; nobody waits for it.
    void lane.sql.end({ timeout: 0 });
    if (this.#count === 0) this.#drained?.();
  }

  #client(onclose: () => void = () => {}): postgres.Sql {
    return postgres(this.#url, {
      max: 1,
      onnotice: () => {},
      onclose,
      connect_timeout: this.#options.connectTimeoutS,
      idle_timeout: 0,
      max_lifetime: null,
      connection: this.#options.connection,
    });
  }
}

/** What `work` gives, or the loss of the connection, whichever comes first. */
async function orLost<T>(lane: Lane, work: () => PromiseLike<T>): Promise<T> {
  try {
    return await new Promise<T>((resolve, reject) => {
      lane.lost = reject;
      work().then(resolve, reject);
    });
  } finally {
    lane.lost = null;
  }
}

/** The client for drizzle, which asks by `unsafe` only; refuses when the transaction is over or its connection gone. */
function guarded(sql: postgres.Sql, usable: () => void): postgres.Sql {
  return new Proxy(sql, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      if (name !== "unsafe") return member;
      return (...given: Parameters<postgres.Sql["unsafe"]>) => {
        usable();
        return target.unsafe(...given);
      };
    },
  });
}
