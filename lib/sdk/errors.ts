import type { Problem } from "@/lib/errors";

/** One complaint of an error answer (API.md, "Errors"). */
export interface ErrorItem {
  code: string;
  title: string;
  detail: string;
  /** JSON pointer into the body that was sent, such as `/data/attributes/name`. */
  pointer: string | null;
  /** Name of the query parameter at fault. */
  parameter: string | null;
}

export interface LatchkeyErrorInit {
  status: number;
  items: ErrorItem[];
  problem?: Problem | null;
  requestId?: string | null;
  retryAfterS?: number | null;
  cause?: unknown;
}

/**
 * Every failure of a call. `message` is the server's `detail`, fit to show. `status` 0 means no answer came (`code`
 * `network`). `problem` says what a person or the provider must mend (409, 424). `retryAfterS` is in seconds.
 */
export class LatchkeyError extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly pointer: string | null;
  readonly parameter: string | null;
  readonly problem: Problem | null;
  readonly requestId: string | null;
  readonly retryAfterS: number | null;
  /** All complaints; the fields above are the first one's. */
  readonly items: readonly ErrorItem[];

  constructor(init: LatchkeyErrorInit) {
    const first = init.items[0];
    super(
      first?.detail || first?.title || `The server answered ${init.status}.`,
      init.cause === undefined ? {} : { cause: init.cause },
    );
    this.name = "LatchkeyError";
    this.status = init.status;
    this.code = first?.code ?? "unknown";
    this.title = first?.title ?? "Error";
    this.detail = first?.detail ?? this.message;
    this.pointer = first?.pointer ?? null;
    this.parameter = first?.parameter ?? null;
    this.problem = init.problem ?? null;
    this.requestId = init.requestId ?? null;
    this.retryAfterS = init.retryAfterS ?? null;
    this.items = init.items;
  }
}
