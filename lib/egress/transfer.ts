import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";
import type { Cancel } from "@/lib/cancel";
import { EgressError } from "@/lib/egress/egress-error";

/**
 * One request over undici's dispatcher, below its stream and fetch layers: what is known for certain about whether bytes left, and
 * nothing else (REFRESH.md section 6). undici calls `onRequestStart` on a ready connection just before it writes; a failure before
 * that call is `not_sent` (or the connector's `blocked`), every failure after it is `unknown`.
 */

/** Takes the answer. May throw `EgressError` from `start` and `data`, which ends the transfer with it. */
export interface Sink {
  start(answer: AnswerHead, flow: Flow): void;
  data(chunk: Buffer): void;
  end(): void;
  fail(error: EgressError): void;
}

export interface AnswerHead {
  status: number;
  statusText: string;
  /** Names in lower case. */
  headers: IncomingHttpHeaders;
}

/** Back-pressure, and giving up. */
export interface Flow {
  pause(): void;
  resume(): void;
  abort(error: EgressError): void;
}

export interface TransferOptions {
  /** Gives the request up: `not_sent` while it waits for a connection, `unknown` after. */
  signal?: Cancel | null;
  /** Milliseconds until the headers must be there; 10 minutes by default, because a deadline loses answers (REFRESH.md). */
  headersTimeoutMs?: number;
  /** Milliseconds between two pieces of the body; 10 minutes by default. */
  bodyTimeoutMs?: number;
  /**
   * From so long after the headers on, the body must have come at 1 KB a second or more; 10 s by default (SS-7). A function decides by
   * the answer; `Infinity`: it may be as slow as it likes.
   */
  slowAfterMs?: number | ((answer: AnswerHead) => number);
  /** Asked when the connection is ready, in the same turn in which the request is written: false gives it up, `not_sent`. */
  mayStillSend?: () => boolean;
  /** Called once, when the request is about to be written: from here on it counts as sent. */
  onRequestSent?: () => void;
}

const SLOW_AFTER_MS = 10_000;
const LEAST_BYTES_PER_MS = 1.024;
const LOOK_EVERY_MS = 1_000;

export const LONG_TIMEOUT_MS = 10 * 60_000;

/** Starts the request and feeds `sink`, which is told the end exactly once: `end` or `fail`. */
export function transfer(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  options: TransferOptions,
  sink: Sink,
): void {
  let sent = false;
  let over = false;
  let running: Dispatcher.DispatchController | undefined;
  const { signal } = options;

  let received = 0;
  let pace: NodeJS.Timeout | undefined;
  /** Time in which nobody wanted more does not count. */
  let pausedAt: number | null = null;
  let idleMs = 0;
  const watchPace = (controller: Dispatcher.DispatchController, answer: AnswerHead) => {
    const { slowAfterMs = SLOW_AFTER_MS } = options;
    const afterMs = typeof slowAfterMs === "number" ? slowAfterMs : slowAfterMs(answer);
    if (!Number.isFinite(afterMs)) return;
    const began = performance.now();
    const look = () => {
      const elapsedMs = performance.now() - began - idleMs;
      if (pausedAt === null && received < elapsedMs * LEAST_BYTES_PER_MS) {
        const slow = new EgressError("too_slow", "the answer came slower than 1 KB a second");
        fail(slow);
        controller.abort(slow);
      } else pace = setTimeout(look, LOOK_EVERY_MS).unref();
    };
    pace = setTimeout(look, afterMs).unref();
  };
  const resumed = () => {
    if (pausedAt !== null) idleMs += performance.now() - pausedAt;
    pausedAt = null;
  };

  const settle = (): boolean => {
    if (over) return false;
    over = true;
    clearTimeout(pace);
    signal?.removeEventListener("abort", onAbort);
    return true;
  };
  const fail = (error: unknown) => {
    if (settle()) sink.fail(classify(error, sent));
  };
  const onAbort = () => {
    if (running) running.abort(new EgressError("unknown", "given up by the caller", { cause: signal?.reason }));
    fail(signal?.reason);
  };
  /** Runs a sink step; what it throws ends the transfer. */
  const guarded = (controller: Dispatcher.DispatchController, step: () => void) => {
    if (over) return;
    try {
      step();
    } catch (error) {
      const reason = classify(error, true);
      fail(reason);
      controller.abort(reason);
    }
  };

  if (signal?.aborted) {
    fail(signal.reason);
    return;
  }
  signal?.addEventListener("abort", onAbort, { once: true });
  const handler: Dispatcher.DispatchHandler = {
    onRequestStart(controller) {
      // Given up while waiting for a connection: stop before anything is written.
      if (over) {
        controller.abort(new EgressError("not_sent", "given up by the caller"));
        return;
      }
      if (options.mayStillSend?.() === false) {
        const tooLate = new EgressError("not_sent", "the connection was ready too late");
        fail(tooLate);
        controller.abort(tooLate);
        return;
      }
      running = controller;
      sent = true;
      options.onRequestSent?.();
    },
    onResponseStart(controller, status, headers, statusText = "") {
      if (status < 200) return;
      const answer = { status, statusText, headers };
      watchPace(controller, answer);
      guarded(controller, () =>
        sink.start(answer, {
          pause: () => {
            pausedAt ??= performance.now();
            controller.pause();
          },
          resume: () => {
            resumed();
            controller.resume();
          },
          abort: (error) => {
            controller.abort(error);
            fail(error);
          },
        }),
      );
    },
    onResponseData(controller, chunk) {
      // After a pause undici hands over an empty piece; passed on, it would fill a stream, pause it, and so come again for ever.
      received += chunk.length;
      if (chunk.length > 0) guarded(controller, () => sink.data(chunk));
    },
    onResponseEnd() {
      if (settle()) sink.end();
    },
    onResponseError(_controller, error) {
      fail(error);
    },
  };
  const timeouts = {
    headersTimeout: options.headersTimeoutMs ?? LONG_TIMEOUT_MS,
    bodyTimeout: options.bodyTimeoutMs ?? LONG_TIMEOUT_MS,
  };
  try {
    dispatcher.dispatch({ ...request, ...timeouts }, handler);
  } catch (error) {
    fail(error);
  }
}

function classify(error: unknown, sent: boolean): EgressError {
  if (error instanceof EgressError && (sent ? error.mayHaveArrived : !error.mayHaveArrived)) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const what = code ?? (error instanceof Error ? error.name : "failed");
  return sent
    ? new EgressError("unknown", `no complete answer (${what})`, { cause: error })
    : new EgressError("not_sent", `not sent (${what})`, { cause: error });
}
