import { EgressError } from "@/lib/egress/egress-error";
import type { Flow } from "@/lib/egress/transfer";

/** Bytes that wait here for whoever reads; more stay in the network. */
const FULL_BYTES = 256 * 1024;

interface Taker {
  resolve(result: IteratorResult<Buffer, undefined>): void;
  reject(error: EgressError): void;
}

/**
 * An answer's body, taken piece by piece, one at a time. A web stream over the same pieces takes several times as long for a small one.
 * Leaving it early (`return`, as `for await` does) ends the connection.
 */
export class BodyQueue implements AsyncIterableIterator<Buffer, undefined> {
  readonly #flow: Flow;
  #waiting: Buffer[] = [];
  #bytes = 0;
  #paused = false;
  #taken = false;
  #taker: Taker | null = null;
  #over: "ended" | EgressError | null = null;

  constructor(flow: Flow) {
    this.#flow = flow;
  }

  /** From the network. */
  add(chunk: Buffer): void {
    if (this.#over) return;
    const taker = this.#taker;
    if (taker) {
      this.#taker = null;
      taker.resolve({ done: false, value: chunk });
      return;
    }
    this.#waiting.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < FULL_BYTES || this.#paused) return;
    this.#paused = true;
    this.#flow.pause();
  }

  /** The whole body has come. */
  end(): void {
    this.#over ??= "ended";
    this.#taker?.resolve({ done: true, value: undefined });
    this.#taker = null;
  }

  /** It will not come whole; what waits is thrown away. */
  fail(error: EgressError): void {
    if (this.#over) return;
    this.#over = error;
    this.#waiting = [];
    this.#taker?.reject(error);
    this.#taker = null;
  }

  /** All of it at once, where it has come whole and none of it was taken before; else null, and it is taken piece by piece. */
  whole(): Buffer | null {
    if (this.#over !== "ended" || this.#taken) return null;
    const waiting = this.#waiting;
    this.#waiting = [];
    const [only] = waiting;
    return waiting.length === 1 && only ? only : Buffer.concat(waiting);
  }

  next(): Promise<IteratorResult<Buffer, undefined>> {
    this.#taken = true;
    const chunk = this.#waiting.shift();
    if (chunk) {
      this.#bytes -= chunk.length;
      if (this.#paused && this.#waiting.length === 0) {
        this.#paused = false;
        this.#flow.resume();
      }
      return Promise.resolve({ done: false, value: chunk });
    }
    if (this.#over === "ended") return Promise.resolve({ done: true, value: undefined });
    if (this.#over) return Promise.reject(this.#over);
    return new Promise((resolve, reject) => {
      this.#taker = { resolve, reject };
    });
  }

  async return(): Promise<IteratorResult<Buffer, undefined>> {
    if (this.#over === null) this.#flow.abort(new EgressError("unknown", "the reader of the answer gave up"));
    this.#waiting = [];
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
