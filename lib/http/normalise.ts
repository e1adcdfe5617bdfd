import type { IncomingMessage, ServerResponse } from "node:http";
import { AppError } from "@/lib/errors";
import { refuse } from "./node-entry";
import { withoutFinalSlashes } from "./request-path";

/** Others are no use to anybody here, and TRACE cannot be made a `Request` of. */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/**
 * What is done first with every request, whoever answers it.
 *
 * @returns the path without query and trailing slash, also put back on the request; null when the request was refused
 */
export function normalise(request: IncomingMessage, response: ServerResponse): string | null {
  const url = request.url ?? "";
  if (!url.startsWith("/") || request.headers.host === undefined || !isDecodable(url)) {
    refuse(response, new AppError("bad_request", "This is not a request of HTTP/1.1 for a path of this server."), "");
    return null;
  }
  if (!METHODS.has(request.method ?? "")) {
    const allow = [...METHODS].join(", ");
    refuse(
      response,
      new AppError("method_not_allowed", `This server knows ${allow} only.`, { headers: { allow } }),
      "",
    );
    return null;
  }
  const mark = url.search(/[?#]/);
  let path = mark < 0 ? url : url.slice(0, mark);
  // Behind /outbound/ it is somebody else's path.
  if (path.length > 1 && path.endsWith("/") && !path.startsWith("/outbound/")) {
    // Clients of the API may end a path with a slash; they are answered, not redirected.
    path = withoutFinalSlashes(path);
    request.url = path + (mark < 0 ? "" : url.slice(mark));
  }
  return path;
}

function isDecodable(url: string): boolean {
  if (!url.includes("%")) return true;
  try {
    decodeURIComponent(url.split("?", 1)[0] as string);
    return true;
  } catch {
    return false;
  }
}
