import { inspect, isDeepStrictEqual } from "node:util";

const REDACTED = "[redacted]";
/** Next bundles lib/ a second time, so that classes exist twice in a process; the brand is one. */
const BRAND = Symbol.for("latchkey.sensitive");

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

  static is(value: unknown): value is Sensitive<unknown> {
    return typeof value === "object" && value !== null && BRAND in value;
  }

  /** Gives the value to `work` and returns what that returns; for work that lets nothing out, or lets it out at a door. */
  use<R>(work: (value: T) => R): R {
    return work(this.#value);
  }

  /** The clear value. Call it only at one of the doors. */
  reveal(): T {
    return this.#value;
  }

  /** Whether both hold the same value; `===` and deep comparison see only the wrappers. */
  equals(other: Sensitive<T> | null | undefined): boolean {
    return other != null && isDeepStrictEqual(this.#value, other.reveal());
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

  get [BRAND](): true {
    return true;
  }
}

/** `value` as JSON with what is wrapped in it in clear, for the envelope: the way in, as a door is the way out. */
export function clearJson(value: unknown): string | undefined {
  return JSON.stringify(value, function (this: Record<string, unknown>, name: string, member: unknown) {
    const given = this[name];
    return Sensitive.is(given) ? given.reveal() : member;
  });
}
