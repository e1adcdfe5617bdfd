import { createServer, type RequestListener, type Server, type ServerOptions, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { AppError } from "@/lib/errors";
import { rawRefusal, refuse } from "./node-entry";
import { MAX_CONNECTIONS, REQUEST_MS, SERVER_LIMITS, SOCKET_IDLE_MS } from "./server-limits";

/** What a test may shorten. */
export interface LimitedOptions extends ServerOptions {
  /** A socket on which nothing moved for so long is closed, in ms; 0: never. */
  socketIdleMs?: number;
  maxConnections?: number;
  /** Most ms for a request to arrive whole. */
  requestMs?: number;
}

/**
 * A server of node:http that holds every connection to its limits (DO-1, DO-5), and answers what never became a request:
 * broken HTTP, too large headers, a request that took too long, an unknown `Expect`. Not listening yet.
 */
export function limitedServer(handler: RequestListener, options: LimitedOptions = {}): Server {
  const {
    socketIdleMs = SOCKET_IDLE_MS,
    maxConnections = MAX_CONNECTIONS,
    requestMs = REQUEST_MS,
    ...limits
  } = options;
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
    const { "content-length": length, "transfer-encoding": coding } = request.headers;
    if ((length !== undefined || coding !== undefined) && !request.url?.startsWith("/outbound/")) {
      const late = setTimeout(() => {
        if (!request.complete) server.emit("clientError", requestTimedOut(), socket);
      }, requestMs).unref();
      response.once("close", () => clearTimeout(late));
    }
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

/** As Node says it. */
const requestTimedOut = () => Object.assign(new Error("Request timeout"), { code: "ERR_HTTP_REQUEST_TIMEOUT" });
