import type { ReactNode } from "react";

/** How a secret does, as drawn: each has its own shape, so colour is never the only sign. */
export type StatusKind =
  | "fresh"
  | "refreshing"
  | "retrying"
  | "unauthorized"
  | "reauthorize"
  | "paused"
  | "static"
  | "noexpiry"
  | "noauth"
  | "expired";

const WORDS: Record<StatusKind, string> = {
  fresh: "Fresh",
  refreshing: "Refreshing",
  retrying: "Retrying",
  unauthorized: "Needs authorization",
  reauthorize: "Needs re-authorization",
  paused: "Paused",
  static: "Static",
  noexpiry: "No expiry",
  noauth: "Nothing to keep",
  expired: "Expired",
};

const SHAPES: Record<StatusKind, ReactNode> = {
  fresh: (
    <>
      <circle className="solid" cx="8" cy="8" r="6.5" />
      <path className="knock" d="m5.25 8.2 2 2 3.6-4.1" />
    </>
  ),
  refreshing: <path d="M13.5 8A5.5 5.5 0 0 1 3.6 11.25M2.5 8A5.5 5.5 0 0 1 12.4 4.75M12.75 2v3H9.8M3.25 14v-3H6.2" />,
  retrying: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M8 4.5V8l2.5 1.5" />
    </>
  ),
  unauthorized: (
    <>
      <circle cx="8" cy="8" r="6" strokeDasharray="2.6 2.1" />
      <path d="M8 5.25v3.5M8 10.9v.1" />
    </>
  ),
  reauthorize: (
    <>
      <path
        className="solid"
        d="M7.05 1.9a1.1 1.1 0 0 1 1.9 0l6 10.6a1.1 1.1 0 0 1-.95 1.65H2a1.1 1.1 0 0 1-.95-1.65Z"
      />
      <path className="knock" d="M8 6v3.25M8 11.5v.1" />
    </>
  ),
  paused: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M6.5 5.75v4.5M9.5 5.75v4.5" />
    </>
  ),
  static: (
    <>
      <rect x="3.25" y="3.25" width="9.5" height="9.5" rx="2" />
      <path d="M6 8h4" />
    </>
  ),
  noexpiry: (
    <path d="M8 8C6.7 6.3 5.6 5.25 4.25 5.25a2.75 2.75 0 0 0 0 5.5C5.6 10.75 6.7 9.7 8 8Zm0 0c1.3-1.7 2.4-2.75 3.75-2.75a2.75 2.75 0 0 1 0 5.5C10.4 10.75 9.3 9.7 8 8Z" />
  ),
  noauth: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M3.9 12.1 12.1 3.9" />
    </>
  ),
  expired: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="m5.75 5.75 4.5 4.5M10.25 5.75l-4.5 4.5" />
    </>
  ),
};

export interface StatusProps {
  kind: StatusKind;
  /** Replaces the usual word. */
  word?: string;
  /** The time that matters, such as `<Countdown …/>`. */
  time?: ReactNode;
  /** A second line with the reason. */
  why?: ReactNode;
}

/** Shape, word, the time that matters, and in trouble the reason. */
export function Status({ kind, word, time, why }: StatusProps) {
  return (
    <div className="status" data-s={kind}>
      <svg className="i" viewBox="0 0 16 16" aria-hidden="true">
        {SHAPES[kind]}
      </svg>
      <div>
        <span className="word">{word ?? WORDS[kind]}</span> {time ? <span className="time">{time}</span> : null}
        {why ? <span className="why">{why}</span> : null}
      </div>
    </div>
  );
}
