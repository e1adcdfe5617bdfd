import { AppError } from "@/lib/errors";

/** SQLSTATE classes of a server that cannot go on for now (PostgreSQL appendix A): resources such as disk, connections, shutdown, I/O. */
const SERVER = /^(53|08|57P0|58)/;
/** postgres.js's and Node's names for a server that is not there. */
const GONE = /^(CONNECTION_(CLOSED|ENDED|DESTROYED)|CONNECT_TIMEOUT|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT)$/;

/**
 * The database is full, restarting or away: that is 503 and passes, not a fault of the request or a bug (500). Returns
 * anything else unchanged.
 */
export function databaseTrouble(error: unknown): unknown {
  if (error instanceof AppError) return error;
  for (let current: unknown = error; current instanceof Error; current = current.cause) {
    const code = (current as { code?: unknown }).code;
    if (typeof code === "string" && (SERVER.test(code) || GONE.test(code)))
      return new AppError(
        "unavailable",
        code === "53100"
          ? "The database's disk is full, so nothing can be stored. Tell your administrator; what is stored is safe."
          : "The database cannot be reached or is restarting. Try again shortly.",
        { cause: error, retryAfterS: 5 },
      );
  }
  return error;
}
