import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { AppError } from "@/lib/errors";
import { errorFields, log } from "@/lib/observability/log";
import { refuse } from "./node-entry";
import { promiseHooksWhileNeeded } from "./promise-hooks";

/** What Next renders for a client that has gone is over by then. */
const ABANDONED_MS = 10_000;

/** What answers a request of node:http. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Loads and prepares Next, whose handler then answers everything that is handed to it. */
export async function prepareNext(options: {
  development: boolean;
  host: string;
  port: number;
  traced: boolean;
}): Promise<Handler> {
  const { development, host, port, traced } = options;
  // Before Next is loaded. Tracing needs the hooks for every request, and what Next's development does behind answers is not ours.
  const hooks = development || traced ? null : promiseHooksWhileNeeded();
  const prepared = hooks?.needed();
  const { default: next } = await import("next");
  const app = next({
    dev: development,
    dir: process.cwd(),
    hostname: host,
    port,
    customServer: true,
    // Next listens for WebSocket upgrades, which only its development needs: on this server its listener would leave such
    // connections open for ever, past every time limit, and close those of clients that merely offer h2c. Without a listener
    // Node answers them as plain requests.
    ...(development ? {} : { httpServer: createServer() }),
  });
  const handle = app.getRequestHandler();
  await app.prepare();
  prepared?.();
  return (request, response) => {
    // Next, its compression and React wait for the end of an answer seven times, the door four: all go with the answer.
    response.setMaxListeners(20);
    const answered = hooks?.needed();
    const closed = new Promise((resolve) => response.once("close", resolve));
    handle(request, response)
      .catch((error: unknown) => {
        log.error("page_failed", errorFields(error));
        if (response.headersSent) response.destroy();
        else refuse(response, new AppError("internal", "Something went wrong here."), request.url ?? "");
      })
      .then(() => closed)
      .then(() => {
        // Next tells the end of an answer, not of what it was still rendering for a client that has gone.
        if (answered) setTimeout(answered, response.writableFinished ? 0 : ABANDONED_MS).unref();
      });
  };
}
