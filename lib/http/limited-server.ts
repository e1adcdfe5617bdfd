import { createServer, type RequestListener, type Server, type ServerOptions, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { AppError } from "@/lib/errors";
import { rawRefusal, refuse } from "./node-entry";
import { MAX_CONNECTIONS, SERVER_LIMITS, SOCKET_IDLE_MS } from "./server-limits";

/** What a test may shorten. */
export interface LimitedOptions extends ServerOptions {
  /** A socket on which nothing moved for so long is closed, in ms; 0: never. */
  socketIdleMs?: number;
  maxConnections?: number;
}

/**
 * A server of node:http that holds every connection to its limits (DO-1, DO-5), and answers what never became a request:
 * broken HTTP, too large headers, a request that took too long, an unknown `Expect`. Not listening yet.
 */
export function limitedServer(handler: RequestListener, options: LimitedOptions = {}): Server {
  const { socketIdleMs = SOCKET_IDLE_MS, maxConnections = MAX_CONNECTIONS, ...limits } = options;
  const server = createServer({ ...SERVER_LIMITS, ...limits }, handler);
  server.maxConnections = maxConnections;
  server.timeout = socketIdleMs;
  const begun = new WeakMap<Socket, Set<ServerResponse>>();
  const closing = new WeakSet<Socket>();
  server.on("request", (request, response) => {
    const { socket } = request;
    const open = begun.get(socket) ?? new Set();
    begun.set(socket, open.add(response));
    response.once("finish", () => {
      if (!response.shouldKeepAlive) closing.add(socket);
    });
    response.once("close", () => open.delete(response));
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    const within = [...(begun.get(socket) ?? [])].some((response) => response.headersSent);
    if (error.code === "ECONNRESET" || !socket.writable) socket.destroy();
    // Bytes behind the last answer, or in the middle of one, would be read as part of it.
    else if (within || closing.has(socket)) socket.destroySoon();
    else socket.end(rawRefusal(error.code), () => socket.destroy());
  });
  server.on("checkExpectation", (_request, response: ServerResponse) =>
    refuse(response, new AppError("bad_request", "The header Expect holds something that is not known here."), ""),
  );
  return server;
}
