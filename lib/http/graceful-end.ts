import type { Server, ServerResponse } from "node:http";
import { type Clock, systemClock } from "@/lib/clock";
import { install, installed } from "@/lib/process";

/**
 * How a listening server ends without breaking a request (C27): first it says so (`/readyz` is 503, every answer carries
 * `Connection: close`) while it still takes connections, then it stops listening, then it waits for what is under way.
 */
export interface GracefulEnd {
  /** Called with every answer before anything is written to it. */
  begun(response: ServerResponse): void;
  /**
   * Ends the server. Resolves when every connection is closed, at the latest after `limitMs`.
   *
   * @param delayMs how long it goes on listening first, so that whoever balances the load learns of it; part of the limit
   */
  end(server: Server, delayMs: number, limitMs: number): Promise<void>;
}

const STOPPING = "stopping";

/** True from the moment this process was told to end. */
export function isStopping(): boolean {
  return installed<boolean>(STOPPING) === true;
}

export function gracefulEnd(clock: Clock = systemClock): GracefulEnd {
  const open = new Set<ServerResponse>();
  // Event streams never end by themselves; their browsers come back to whoever is there next.
  const endStreams = () => {
    for (const response of open)
      if (String(response.getHeader("content-type") ?? "").startsWith("text/event-stream")) response.socket?.destroy();
  };
  return {
    begun: (response) => {
      open.add(response);
      response.once("close", () => open.delete(response));
      // Node then writes `Connection: close` and ends the connection behind the answer.
      if (isStopping()) response.shouldKeepAlive = false;
    },
    end: async (server, delayMs, limitMs) => {
      const until = clock.monotonic() + limitMs;
      install(STOPPING, true);
      for (const response of open) response.shouldKeepAlive = false;
      endStreams();
      await clock.sleep(Math.min(delayMs, limitMs));
      endStreams();
      // Closes idle connections too. One that a proxy keeps was used meanwhile and ended with its answer, or is not in use.
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const idle = setInterval(() => server.closeIdleConnections(), 100);
      const over = new AbortController();
      await Promise.race([closed, clock.sleep(until - clock.monotonic(), over.signal)]);
      over.abort();
      clearInterval(idle);
      server.closeAllConnections();
    },
  };
}
