import type { ServerOptions } from "node:http";

/** What Node itself holds every connection to, before there is a request: in front of Next and of the hot routes alike (DO-1, DO-5). */
export const SERVER_LIMITS = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 2_000,
  keepAliveTimeout: 65_000,
  // Node's own refusal would lack our headers; server.ts refuses instead.
  requireHostHeader: false,
  noDelay: true,
} as const satisfies ServerOptions;
