import type { IncomingMessage, ServerResponse } from "node:http";
import { AppError } from "@/lib/errors";
import { log } from "@/lib/observability/log";
import { overwriteForwarded } from "./forwarded";
import { HOT_ROUTES, WORKER_ROUTES } from "./hot-routes";
import { loggablePath } from "./key-in-url";
import type { Handler } from "./next-handler";
import { answer, hotMatcher, MAX_BODY_BYTES, refuse } from "./node-entry";
import { normalise } from "./normalise";
import { isApiPath, secureAnswer } from "./security-headers";

/** Who answers a request that has arrived: a hot route, Next, or nobody. */

/** Until this process can answer anything. */
export const starting: Handler = (request, response) =>
  refuse(response, new AppError("unavailable", "Latchkey is starting.", { retryAfterS: 1 }), request.url ?? "");

/** `.` and `..`, also percent-encoded: no path of ours has them. */
const DOT_SEGMENT = /(^|\/)(\.|%2e){1,2}(\/|$)/i;

/** Hot routes first; everything else is Next's, once it is fit to be handed on. */
export function router(toNext: Handler, { url, development }: { url: string; development: boolean }): Handler {
  const hot = hotMatcher(HOT_ROUTES);
  const publicUrl = new URL(url);
  return (request, response) => {
    const path = normalise(request, response);
    if (path === null) return;
    const match = hot(request.method ?? "GET", path);
    if (match) {
      void answer(request, response, path, match.endpoint, match.params);
      return;
    }
    if (DOT_SEGMENT.test(path)) {
      refuse(response, new AppError("not_found", "There is no such address, or you have no access to it."), path);
      return;
    }
    secureAnswer(request, response, path, development);
    // Next's own navigation; on the API it would turn answers into redirects.
    if (isApiPath(path)) delete request.headers.rsc;
    overwriteForwarded(request, publicUrl);
    limitBody(request, response, path, development);
    logPage(request, response, path);
    if (!response.writableEnded) toNext(request, response);
  };
}

/** Health and metrics of a process that has nothing else to show. */
export function workerRouter(): Handler {
  const known = hotMatcher(WORKER_ROUTES);
  return (request, response) => {
    const path = normalise(request, response);
    if (path === null) return;
    const match = known(request.method ?? "GET", path);
    if (match) void answer(request, response, path, match.endpoint, match.params);
    else refuse(response, new AppError("not_found", "A worker answers GET /healthz, /readyz and /metrics only."), path);
  };
}

/** The event of what Next answered by itself: pages and files. Endpoints and refusals log their own, and carry a request id. */
function logPage(request: IncomingMessage, response: ServerResponse, path: string): void {
  const began = performance.now();
  const { method } = request;
  response.once("close", () => {
    if (response.hasHeader("x-request-id")) return;
    log[path.startsWith("/_next/") ? "debug" : "info"]("request", {
      method,
      path: loggablePath({ pathname: path }),
      status: response.statusCode,
      durationMs: Math.round((performance.now() - began) * 10) / 10,
    });
  });
}

/** Bodies over the limit end here for what is not an endpoint of ours (endpoints say the same themselves). */
function limitBody(request: IncomingMessage, response: ServerResponse, path: string, development: boolean): void {
  if (development && !isApiPath(path)) return;
  const tooLarge = () => {
    if (!response.headersSent) refuse(response, new AppError("too_large", "The body is larger than 1 MB."), path);
    request.socket.once("drain", () => request.destroy());
    setTimeout(() => request.destroy(), 1_000).unref();
  };
  if (Number(request.headers["content-length"] ?? 0) > MAX_BODY_BYTES) {
    tooLarge();
    return;
  }
  if (request.headers["transfer-encoding"] === undefined) return;
  const push = request.push;
  let size = 0;
  request.push = (chunk: Buffer | null, encoding?: BufferEncoding) => {
    size += chunk?.length ?? 0;
    if (size > MAX_BODY_BYTES + 65_536) {
      tooLarge();
      return false;
    }
    return push.call(request, chunk, encoding);
  };
}
