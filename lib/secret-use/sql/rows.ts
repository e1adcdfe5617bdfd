import { SqlError } from "./failure";

/** Rows of an answer as JSON text, up to a number of rows and of bytes. */
export class Rows {
  readonly #maxRows: number;
  readonly #maxBytes: number;
  readonly #pieces: string[] = [];
  #bytes = 2;
  /** There were more rows than are here. */
  truncated = false;

  constructor(maxRows: number, maxBytes: number) {
    this.#maxRows = maxRows;
    this.#maxBytes = maxBytes;
  }

  get count(): number {
    return this.#pieces.length;
  }

  /** @returns false when no more are wanted. @throws SqlError too_large when not even the first row fits */
  add(row: readonly unknown[]): boolean {
    if (this.truncated) return false;
    if (this.#pieces.length >= this.#maxRows) return this.#cut();
    const text = JSON.stringify(row);
    const bytes = Buffer.byteLength(text) + 1;
    if (this.#bytes + bytes > this.#maxBytes) {
      if (this.#pieces.length === 0) throw new SqlError("too_large");
      return this.#cut();
    }
    this.#bytes += bytes;
    this.#pieces.push(text);
    return true;
  }

  toJson(): string {
    return `[${this.#pieces.join(",")}]`;
  }

  #cut(): false {
    this.truncated = true;
    return false;
  }
}
