/**
 * Why a statement was not run or failed. The words of drivers and servers end here: what they say of a connection names users, hosts
 * and addresses, so only its kind is kept (SECURITY SQ-8). Crosses threads, so it is plain data.
 */
export interface SqlFailure {
  kind: SqlFailureKind;
  /** SQLSTATE, of `statement`. */
  sqlState?: string;
  /** The database's own words about the statement, of `statement`; never its detail, hint or context. */
  message?: string;
  /** 1-based place in the statement, in characters. */
  position?: number;
}

/** No connection came about; nothing was run. */
export const CONNECTION_FAILURES = [
  "forbidden_address",
  "host_unknown",
  "refused",
  "connect_timeout",
  "tls_not_offered",
  "tls_required",
  "tls_untrusted",
  "tls_expired",
  "tls_wrong_name",
  "tls_bad_ca",
  "tls_failed",
  "no_database_server",
  "login_refused",
  "host_not_allowed",
  "database_missing",
  "too_many_connections",
  "server_not_ready",
] as const;

export type ConnectionFailure = (typeof CONNECTION_FAILURES)[number];

export type SqlFailureKind =
  | ConnectionFailure
  /** The database refused the statement. */
  | "statement"
  | "several_statements"
  | "read_only"
  | "not_supported"
  | "bad_parameter"
  | "parameter_count"
  /** It ran longer than it may, and was cancelled. */
  | "statement_timeout"
  /** Whoever asked has gone. */
  | "cancelled"
  /** All connections are in use. */
  | "busy"
  /** More arrived than is let in. */
  | "too_large"
  /** The connection ended while the statement ran. */
  | "lost"
  /** What came is not this database's protocol, or made the driver fail. */
  | "unreadable";

const BRAND = Symbol.for("latchkey.SqlError");

/** Carries a failure on its way up. */
export class SqlError extends Error {
  readonly [BRAND] = true;
  readonly failure: SqlFailure;

  constructor(failure: SqlFailure | SqlFailureKind, options?: ErrorOptions) {
    const given = typeof failure === "string" ? { kind: failure } : failure;
    super(given.kind, options);
    this.name = "SqlError";
    this.failure = given;
  }

  /** By brand: Next and server.ts each hold a copy of this class. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && BRAND in value;
  }
}

export function isConnectionFailure(kind: SqlFailureKind): kind is ConnectionFailure {
  return (CONNECTION_FAILURES as readonly string[]).includes(kind);
}

const TLS_CODES: Record<string, ConnectionFailure> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: "tls_untrusted",
  SELF_SIGNED_CERT_IN_CHAIN: "tls_untrusted",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "tls_untrusted",
  UNABLE_TO_GET_ISSUER_CERT: "tls_untrusted",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "tls_untrusted",
  CERT_UNTRUSTED: "tls_untrusted",
  CERT_SIGNATURE_FAILURE: "tls_untrusted",
  INVALID_CA: "tls_untrusted",
  CERT_HAS_EXPIRED: "tls_expired",
  CERT_NOT_YET_VALID: "tls_expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "tls_wrong_name",
};

/** What node:tls disliked. */
export function tlsFailure(error: unknown): ConnectionFailure {
  const code = (error as NodeJS.ErrnoException | null)?.code ?? "";
  if (TLS_CODES[code]) return TLS_CODES[code];
  // What OpenSSL says of certificates it was given to trust and cannot read.
  if (/^ERR_OSSL_(PEM|ASN1|X509)/.test(code)) return "tls_bad_ca";
  return "tls_failed";
}

/** What kept a TCP connection from opening, of an error of lib/egress. */
export function connectFailure(error: unknown): ConnectionFailure {
  const cause = (error as { cause?: NodeJS.ErrnoException } | null)?.cause;
  if (cause?.code === "ECONNREFUSED") return "refused";
  if (cause?.code === "ENOTFOUND" || cause?.code === "EAI_AGAIN" || cause?.code === "EAI_NODATA") return "host_unknown";
  return "connect_timeout";
}
