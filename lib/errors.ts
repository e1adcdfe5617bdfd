/**
 * Every failure Latchkey tells a caller about. Core: imports nothing.
 *
 * `detail` is for the caller and must hold no secret, no SQL, no upstream text and no stack (SECURITY LG-3); what an
 * operator needs goes in `cause`, which only the log sees.
 */

/** A thing only a person (or the provider) can mend; travels as `errors[0].meta.problem` (API.md, "Exact shapes"). */
export interface Problem {
  code: ProblemCode;
  title: string;
  detail: string;
  who: "you" | "admin" | "provider";
  /** ISO time. */
  since: string;
}

export type ProblemCode =
  | "unauthorized"
  | "grant_refused"
  | "lost_answer"
  | "client_rejected"
  | "request_rejected"
  | "provider_unreachable"
  | "provider_failing"
  | "throttled"
  | "egress_blocked"
  | "paused"
  | "integrity_failure";

/** code -> HTTP status and title (CONTRACT section 1, "Status codes"). 422 on SECURITY.md is 400 here, 502/504 are 424. */
const CODES = {
  bad_request: [400, "Bad Request"],
  invalid_json: [400, "Malformed JSON"],
  invalid_attribute: [400, "Invalid Attribute"],
  invalid_parameter: [400, "Invalid Parameter"],
  not_refreshable: [400, "Not Refreshable"],
  token_refused: [400, "Token Refused"],
  statement_failed: [400, "Statement Failed"],
  unauthenticated: [401, "Unauthorized"],
  forbidden: [403, "Forbidden"],
  reauth_required: [403, "Sign-in Too Old"],
  reveal_forbidden: [403, "Never Shown"],
  destination_not_allowed: [403, "Destination Not Allowed"],
  bad_origin: [403, "Foreign Origin"],
  not_found: [404, "NotFound"],
  method_not_allowed: [405, "Method Not Allowed"],
  not_acceptable: [406, "Not Acceptable"],
  conflict: [409, "Conflict"],
  type_mismatch: [409, "Wrong Resource Type"],
  in_use: [409, "In Use"],
  needs_person: [409, "A Person Must Act"],
  too_large: [413, "Payload Too Large"],
  unsupported_media_type: [415, "Unsupported Media Type"],
  provider_fault: [424, "Provider At Fault"],
  destination_fault: [424, "Destination At Fault"],
  database_fault: [424, "Database At Fault"],
  throttled: [429, "Too Many Requests"],
  internal: [500, "Internal Error"],
  unavailable: [503, "Service Unavailable"],
  audit_unavailable: [503, "Audit Unavailable"],
  integrity_failure: [409, "Integrity Failure"],
} as const satisfies Record<string, readonly [number, string]>;

export type ErrorCode = keyof typeof CODES;

/** Where in the request the complaint points: a JSON pointer into the body, or the name of a query parameter or header. */
export type ErrorSource = { pointer: string } | { parameter: string } | { header: string };

export interface ErrorItem {
  code: ErrorCode;
  detail: string;
  source?: ErrorSource;
}

export interface AppErrorOptions {
  source?: ErrorSource;
  problem?: Problem;
  /** What a program may want to know besides; travels as `errors[0].meta`. */
  meta?: Readonly<Record<string, string | number>>;
  /** Becomes the `Retry-After` header, in whole seconds. */
  retryAfterS?: number;
  /** Extra answer headers, such as `Allow` or `WWW-Authenticate`. */
  headers?: Record<string, string>;
  cause?: unknown;
  /** Further complaints of the same status, for validation that reports everything at once. */
  more?: ErrorItem[];
}

const BRAND = Symbol.for("latchkey.AppError");

export class AppError extends Error {
  readonly [BRAND] = true;

  /** Next's bundle and server.ts each hold a copy of this class; an error of either is an AppError to both. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && BRAND in value;
  }

  readonly code: ErrorCode;
  readonly status: number;
  readonly title: string;
  readonly source?: ErrorSource;
  readonly problem?: Problem;
  readonly meta?: Readonly<Record<string, string | number>>;
  readonly retryAfterS?: number;
  readonly headers?: Record<string, string>;
  readonly more: ErrorItem[];

  constructor(code: ErrorCode, detail: string, options: AppErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    [this.status, this.title] = CODES[code];
    this.source = options.source;
    this.problem = options.problem;
    this.meta = options.meta;
    this.retryAfterS = options.retryAfterS;
    this.headers = options.headers;
    this.more = options.more ?? [];
  }

  static titleOf(code: ErrorCode): string {
    return CODES[code][1];
  }
}

/** "Not found" for what does not exist *and* for what lies outside the caller's scope: one text, so neither can be told from the other. */
export function notFound(what: string): AppError {
  return new AppError("not_found", `There is no such ${what}, or you have no access to it.`);
}
