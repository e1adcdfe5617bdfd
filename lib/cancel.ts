/**
 * What says that work is not wanted any more, as far as anything here asks: an `AbortSignal` is one. Core: imports nothing.
 */
export interface Cancel {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/**
 * A `Cancel` of its own: making an `AbortController`, and listening to it twice, costs a small request more than looking through its
 * answer. Each listener is called once.
 */
export class Cancelled implements Cancel {
  aborted = false;
  reason: unknown;
  #listeners: (() => void)[] = [];

  /** Says so, once, to all who listen. */
  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }

  addEventListener(_type: "abort", listener: () => void): void {
    if (!this.#listeners.includes(listener)) this.#listeners.push(listener);
  }

  removeEventListener(_type: "abort", listener: () => void): void {
    this.#listeners = this.#listeners.filter((one) => one !== listener);
  }
}
