import type { ServerOptions } from "node:http";

/** What Node itself holds every connection to, before there is a request: in front of Next and of the hot routes alike (DO-1, DO-5). */
export const SERVER_LIMITS = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  // For bodies that pass through; the others have REQUEST_MS.
  requestTimeout: 3_600_000,
  connectionsCheckingInterval: 2_000,
  keepAliveTimeout: 65_000,
  // Node's own refusal would lack our headers; server.ts refuses instead.
  requireHostHeader: false,
  noDelay: true,
} as const satisfies ServerOptions;

/** A request must have arrived whole within so many ms, unless it passes through (`/outbound/`). */
export const REQUEST_MS = 30_000;

/**
 * A socket on which nothing moves while a request is under way, in ms: whoever does not read an answer would hold it for ever.
 * Longer than any answer takes to begin (25 s, `wait`) and than the pause between two signs of life of an event stream.
 */
export const SOCKET_IDLE_MS = 60_000;

/** Sockets of one process; further ones are closed when they connect. Slow ones are ended by the limits above, so there is room again. */
export const MAX_CONNECTIONS = 10_000;
