import { EgressError } from "@/lib/egress/egress-error";
import { AppError } from "@/lib/errors";

/** Milliseconds (SECURITY SS-7). */
export const HEADERS_MS = 15_000;
/** For all tries: less than the 60 s after which a caller's silent socket is closed (lib/http/server-limits). */
export const TOTAL_MS = 50_000;

/** What a caller is told when a destination gave no usable answer: blocked and unreachable read alike (SS-8). */
export function destinationFault(error: unknown, options: { tookTooLong: boolean }): AppError | unknown {
  if (!(error instanceof EgressError)) return error;
  const headersLate = codeOf(error.cause) === "UND_ERR_HEADERS_TIMEOUT";
  const detail = options.tookTooLong
    ? `The destination did not finish its answer within ${TOTAL_MS / 1000} s.`
    : headersLate
      ? `The destination did not begin to answer within ${HEADERS_MS / 1000} s.`
      : error.public;
  return new AppError("destination_fault", detail, { cause: error });
}

function codeOf(cause: unknown): unknown {
  return cause instanceof Error && "code" in cause ? cause.code : undefined;
}
