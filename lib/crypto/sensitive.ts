import { inspect } from "node:util";

const REDACTED = "[redacted]";

/**
 * A clear secret value on its way from an envelope to a door (HOUSE.md sentence 4). Everything that prints, joins,
 * serialises or inspects it by accident gets `[redacted]` (SECURITY LG-1); the value itself leaves only through
 * `use` or `reveal`, which are easy to search for in a review.
 */
export class Sensitive<T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  /** Gives the value to `work` and returns what that returns; for work that lets nothing out, or lets it out at a door. */
  use<R>(work: (value: T) => R): R {
    return work(this.#value);
  }

  /** The clear value. Call it only at one of the doors. */
  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  valueOf(): string {
    return REDACTED;
  }

  [Symbol.toPrimitive](): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
