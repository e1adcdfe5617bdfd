import { AppError } from "@/lib/errors";
import { oneLine } from "@/lib/observability/one-line";
import type { DatabaseLogin } from "@/lib/secret-types/database-login";
import { type ConnectionFailure, isConnectionFailure, type SqlFailure } from "./sql/failure";
import { MAX_ROWS, SQL_LIMITS } from "./sql/messages";

/** Failures of SQL in words for the caller (SECURITY SQ-8, SS-8). */

const CONNECTION: Record<ConnectionFailure, string> = {
  forbidden_address:
    "Latchkey may not connect to this host and port: it leads to a private or reserved address, to a port that is not open to databases, or is to be used without TLS. The operator can allow it in LATCHKEY_EGRESS_ALLOW.",
  host_unknown: "There is no host of this name. Look for a typing mistake in Host.",
  refused: "The host is there and refuses connections on this port. Is the port right, and does the database run?",
  connect_timeout: "The host does not answer. Is the name right, and does its firewall let Latchkey in?",
  tls_not_offered: "The server offers no TLS, so that nothing was sent to it. Switch TLS on there.",
  tls_required: "The server accepts logins over TLS only. Choose verify-full as TLS mode.",
  tls_untrusted:
    "The server's certificate is not from an authority that is trusted here. Paste the certificate of its authority as CA.",
  tls_expired: "The server's certificate has expired, or is not valid yet.",
  tls_wrong_name: "The server's certificate is for another name than this host. Use the name that stands in it.",
  tls_bad_ca: "The CA cannot be read as certificates.",
  tls_failed: "No TLS connection to the server came about.",
  no_database_server: "What answers there is not a database server of this type.",
  login_refused: "The server refuses this user and password.",
  host_not_allowed:
    "The server does not let this user in from here, or not in this way. Its administrator can say why.",
  database_missing: "The server has no database of this name, or this user may not use it.",
  too_many_connections: "The server has no connection left. Try again shortly.",
  server_not_ready: "The server is starting or stopping. Try again shortly.",
};

/** Whoever may only use the secret is not told what the network looks like. */
const UNREACHABLE: ReadonlySet<string> = new Set(["forbidden_address", "host_unknown", "refused", "connect_timeout"]);

const SECONDS = SQL_LIMITS.statementMs / 1000;

/**
 * @param may `edit`: is told what exactly is wrong with the connection, because he can mend it
 */
export function sqlComplaint(failure: SqlFailure, login: DatabaseLogin, may: "edit" | "use"): AppError {
  const { kind } = failure;
  if (isConnectionFailure(kind)) {
    const hidden = may === "use" && UNREACHABLE.has(kind);
    return new AppError("database_fault", hidden ? "The database could not be reached." : CONNECTION[kind], {
      meta: { reason: hidden ? "unreachable" : kind },
    });
  }
  const statement = { source: { pointer: "/statement" }, meta: { reason: kind } } as const;
  switch (kind) {
    case "statement":
      return new AppError("statement_failed", ownWords(failure.message ?? "", login), {
        ...statement,
        meta: {
          reason: kind,
          ...(failure.sqlState ? { sql_state: failure.sqlState } : {}),
          ...(failure.position ? { position: failure.position } : {}),
        },
      });
    case "several_statements":
      return new AppError(
        "statement_failed",
        "One statement at a time: send the others in calls of their own.",
        statement,
      );
    case "read_only":
      return new AppError(
        "statement_failed",
        "This changes something, or may, and the call is read-only. Send read_only: false.",
        statement,
      );
    case "not_supported":
      return new AppError("statement_failed", "COPY from or to the client is not possible here.", statement);
    case "bad_parameter":
      return new AppError("statement_failed", "A parameter for bytes must be base64 text.", {
        source: { pointer: "/params" },
        meta: { reason: kind },
      });
    case "parameter_count":
      return new AppError("statement_failed", "The statement takes another number of parameters.", {
        source: { pointer: "/params" },
        meta: { reason: kind },
      });
    case "statement_timeout":
      return new AppError("database_fault", `The statement ran longer than ${SECONDS} s and was cancelled.`, statement);
    case "too_large":
      return new AppError(
        "database_fault",
        `The answer is too large: ask for fewer or smaller columns, or less than ${MAX_ROWS} rows.`,
        statement,
      );
    case "busy":
      return new AppError("throttled", "All connections of this secret are in use. Try again shortly.", {
        retryAfterS: 2,
        meta: { reason: kind },
      });
    case "cancelled":
      return new AppError("bad_request", "The caller went away, so the statement was cancelled.", {
        meta: { reason: kind },
      });
    case "lost":
      return new AppError(
        "database_fault",
        "The connection ended while the statement ran. Whether it took effect is not known.",
        { meta: { reason: kind } },
      );
    case "unreadable":
      return new AppError(
        "database_fault",
        "The server's answer could not be read. Whether the statement took effect is not known.",
        {
          meta: { reason: kind },
        },
      );
  }
}

const MAX_WORDS = 500;

/** What the database said of the statement, without the login that may stand in it. */
function ownWords(message: string, { user, password, host }: DatabaseLogin): string {
  let text = oneLine(message);
  for (const [value, name] of [
    [password, "password"],
    [user, "user"],
    [host, "host"],
  ] as const)
    if (value.length >= 3) text = text.replaceAll(value, `[${name}]`);
  const clipped = [...text].slice(0, MAX_WORDS).join("");
  return `The database says: ${clipped || "nothing"}`;
}
