/**
 * How an outgoing request failed, in the words REFRESH.md section 6 needs.
 *
 * - `blocked`: the policy forbids the destination; nothing was sent.
 * - `not_sent`: name, connection or TLS failed, or it was given up while waiting for a connection; nothing was sent.
 * - `unknown`: the request may have reached the other side, and its answer did not come, or not in one piece.
 * - `too_large`: it was sent, and the answer passed a limit.
 * - `too_slow`: it was sent, and the answer's body came slower than 1 KB a second.
 * - `bad_body`: it was sent, and the answer's encoding cannot be undone.
 *
 * Whatever is not certainly `blocked` or `not_sent` counts as sent.
 */
export type EgressErrorKind = "blocked" | "not_sent" | "unknown" | "too_large" | "too_slow" | "bad_body";

/** Blocked, refused and timed out read alike, so that nobody maps our network by error text (SECURITY SS-8). */
const PUBLIC: Record<EgressErrorKind, string> = {
  blocked: "The destination could not be reached.",
  not_sent: "The destination could not be reached.",
  unknown: "The destination did not give a complete answer.",
  too_large: "The destination's answer was larger than allowed.",
  too_slow: "The destination's answer came too slowly.",
  bad_body: "The destination's answer could not be read.",
};

export class EgressError extends Error {
  readonly kind: EgressErrorKind;
  /** For any caller: names no address, port or upstream text. Equal to `message`. */
  readonly public: string;
  /** For operators and their log: may name host and addresses; never path, query, headers or body. */
  readonly internal: string;

  constructor(kind: EgressErrorKind, internal: string, options?: ErrorOptions) {
    super(PUBLIC[kind], options);
    this.name = "EgressError";
    this.kind = kind;
    this.public = PUBLIC[kind];
    this.internal = internal;
  }

  /** By name, because Next and server.ts each hold their own copy of this class in one process (lib/process.ts). */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Error && value.name === "EgressError";
  }

  /** Whether the request may have had an effect at the destination. */
  get mayHaveArrived(): boolean {
    return this.kind !== "blocked" && this.kind !== "not_sent";
  }
}
