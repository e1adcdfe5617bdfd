import { SqlError } from "./failure";
import type { SqlConnection, SqlLimits } from "./messages";

/** Statements that wait for a connection, at most. */
const MAX_WAITING = 100;
const SWEEP_MS = 10_000;

interface Waiting {
  take(connection: SqlConnection): void;
  fail(error: unknown): void;
}

/** The connections of one secret, in its thread. */
export class SqlPool {
  readonly #open: () => Promise<SqlConnection>;
  readonly #limits: SqlLimits;
  readonly #idle: { connection: SqlConnection; since: number }[] = [];
  readonly #waiting = new Set<Waiting>();
  #count = 0;

  constructor(open: () => Promise<SqlConnection>, limits: SqlLimits) {
    this.#open = open;
    this.#limits = limits;
    setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  /**
   * Runs `work` on a connection of its own. What it left in the session is forgotten before the next one gets it, after the answer.
   *
   * @param taken with `takeIdle`
   * @throws SqlError busy when all connections stay in use for as long as connecting may take
   */
  async lend<T>(work: (connection: SqlConnection) => Promise<T>, taken: SqlConnection | null = null): Promise<T> {
    const connection = taken ?? (await this.#take());
    try {
      return await work(connection);
    } finally {
      void this.giveBack(connection);
    }
  }

  /** A connection that nobody uses, for `lend` or `giveBack`; null when there is none now. */
  takeIdle(): SqlConnection | null {
    for (let kept = this.#idle.pop(); kept; kept = this.#idle.pop()) {
      if (kept.connection.usable) return kept.connection;
      this.#count -= 1;
    }
    return null;
  }

  close(): void {
    for (const { connection } of this.#idle.splice(0)) connection.close();
    for (const waiting of this.#waiting) waiting.fail(new SqlError("lost"));
  }

  async #take(): Promise<SqlConnection> {
    const kept = this.takeIdle();
    if (kept) return kept;
    if (this.#count < this.#limits.connections) return this.#opened();
    if (this.#waiting.size >= MAX_WAITING) throw new SqlError("busy");
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => waiting.fail(new SqlError("busy")), this.#limits.connectMs);
      const settle = () => {
        clearTimeout(timer);
        this.#waiting.delete(waiting);
      };
      const waiting: Waiting = {
        take: (connection) => {
          settle();
          resolve(connection);
        },
        fail: (error) => {
          settle();
          reject(error);
        },
      };
      this.#waiting.add(waiting);
    });
  }

  async #opened(): Promise<SqlConnection> {
    this.#count += 1;
    try {
      return await this.#open();
    } catch (error) {
      this.#count -= 1;
      // With no connection left, whoever waits would wait for nothing.
      if (this.#count === 0) for (const waiting of this.#waiting) waiting.fail(error);
      throw error;
    }
  }

  /** Never rejects. */
  async giveBack(connection: SqlConnection): Promise<void> {
    await connection.reset().catch(() => connection.close());
    if (connection.usable) {
      this.#pass(connection);
      return;
    }
    this.#count -= 1;
    if (this.#waiting.size === 0) return;
    // Who waits now may have been served, or have given up, by the time it is there.
    this.#opened().then(
      (opened) => this.#pass(opened),
      (error: unknown) => [...this.#waiting][0]?.fail(error),
    );
  }

  /** To who waits longest, or to be kept. */
  #pass(connection: SqlConnection): void {
    const [next] = this.#waiting;
    if (next) next.take(connection);
    else this.#idle.push({ connection, since: performance.now() });
  }

  #sweep(): void {
    const before = performance.now() - this.#limits.idleMs;
    while (this.#idle[0] && this.#idle[0].since < before) {
      this.#idle.shift()?.connection.close();
      this.#count -= 1;
    }
  }
}
