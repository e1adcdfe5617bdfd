import type { IncomingMessage, ServerResponse } from "node:http";
import { AppError } from "@/lib/errors";
import { newRequestId } from "@/lib/ids";
import { log } from "@/lib/observability/log";
import { errorDocument, JSON_TYPE } from "./json-api";
import { loggablePath } from "./key-in-url";
import { toRequest } from "./node-request";
import { apiHeaders } from "./security-headers";
import { Streamed } from "./streamed";
import { Written } from "./written";

/** The second way in of HOUSE "One endpoint, two ways in": node:http straight to an endpoint, without Next's router. */

type Params = Record<string, string>;
interface Answer {
  (request: Request, context: { params: Params }): Promise<Response>;
  /** Of endpoints: the answer without a `Response` around it. */
  write?(request: Request, context: { params: Params }): Promise<Response | Written | Streamed>;
}

/** One hot route. `path` is written like a folder of `app`: `/v2/workspaces/[workspaceId]/secrets/[secretId]`, `/outbound/[secretId]/[...target]`. */
export interface HotRoute {
  method: string;
  path: string;
  endpoint: Answer;
}

export type HotMatcher = (method: string, path: string) => { endpoint: Answer; params: Params } | null;

/** Compiles a list of hot routes into a look-up that takes a method and a path without query or trailing slash. */
export function hotMatcher(routes: readonly HotRoute[]): HotMatcher {
  const compiled = routes.map((route) => {
    const names: string[] = [];
    const source = route.path.replace(/\[(\.\.\.)?([^\]]+)\]/g, (_, rest: string | undefined, name: string) => {
      names.push(name);
      return rest ? "(.+)" : "([^/]+)";
    });
    return { ...route, names, pattern: new RegExp(`^${source}$`), first: route.path.split("[")[0] ?? "" };
  });
  return (method, path) => {
    for (const route of compiled) {
      if (route.method !== method || !path.startsWith(route.first)) continue;
      const match = route.pattern.exec(path);
      if (!match) continue;
      const params: Params = {};
      for (let i = 0; i < route.names.length; i++) {
        const value = decoded(match[i + 1] as string);
        if (value === null) return null; // Broken percent-encoding: Next's own 400 is the answer.
        params[route.names[i] as string] = value;
      }
      return { endpoint: route.endpoint, params };
    }
    return null;
  };
}

function decoded(text: string): string | null {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** The largest body anybody may send (DO-1). */
export const MAX_BODY_BYTES = 1024 * 1024;

/**
 * Answers one request with an endpoint. Never rejects: endpoints map their own failures, and what escapes them is a 500
 * without details.
 */
export async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  endpoint: Answer,
  params: Params,
): Promise<void> {
  try {
    const asked = toRequest(request, response);
    await send(await (endpoint.write ?? endpoint)(asked, { params }), response, path);
  } catch {
    if (response.headersSent) response.destroy();
    else refuse(response, new AppError("internal", "Something went wrong here."), path);
  }
}

/** Writes an answer. Event streams and what is streamed flow; everything else goes out in one piece with its length. */
export async function send(from: Response | Written | Streamed, to: ServerResponse, path: string): Promise<void> {
  const headers: Record<string, string | string[]> = apiHeaders(path);
  if (from instanceof Written || from instanceof Streamed)
    for (const name in from.headers) headers[titleCase(name)] = from.headers[name] as string;
  if (from instanceof Written) {
    const { text } = from;
    const bytes = text === null ? 0 : Buffer.byteLength(text);
    if (text !== null) headers["Content-Length"] = String(bytes);
    if (to.destroyed) return;
    to.writeHead(from.status, headers);
    // Of ASCII alone, as most of it is: Node makes room for three bytes a character of what it writes as UTF-8.
    if (text === null) to.end();
    else to.end(text, bytes === text.length ? "latin1" : "utf8");
    return;
  }
  if (from instanceof Streamed) return flow(from, to, headers);
  for (const [name, value] of from.headers) if (name !== "set-cookie") headers[titleCase(name)] = value;
  if (from.headers.has("set-cookie")) headers["Set-Cookie"] = from.headers.getSetCookie();
  if (to.destroyed) {
    await from.body?.cancel();
    return;
  }
  if (to.req.method === "HEAD" && flows(from)) {
    await from.body?.cancel();
    to.writeHead(from.status, headers).end();
    return;
  }
  if (!from.body || !flows(from)) {
    const body = from.body ? Buffer.from(await from.arrayBuffer()) : undefined;
    if (body) headers["Content-Length"] = String(body.byteLength);
    to.writeHead(from.status, headers);
    to.end(body);
    return;
  }
  to.writeHead(from.status, headers);
  to.flushHeaders();
  const reader = from.body.getReader();
  to.once("close", () => void reader.cancel().catch(() => undefined)); // A source that fails while closing has nobody to tell.
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (!to.write(value)) await drained(to);
    if (to.destroyed) return;
  }
  to.end();
}

const ONE_WRITE_BYTES = 16 * 1024;
/** Bytes of what flows that may wait here to be written; more stay where they come from. */
const FULL_BYTES = 256 * 1024;

/** Whether it has no end of its own. */
const flows = (from: Response): boolean => from.headers.get("content-type")?.startsWith("text/event-stream") === true;

/** Piece after piece, as fast as they are taken. Who makes them ends them when the client goes: a `return` would wait for the next one. */
async function flow(
  { status, pieces }: Streamed,
  to: ServerResponse,
  headers: Record<string, string | string[]>,
): Promise<void> {
  if (Buffer.isBuffer(pieces)) {
    if (to.destroyed) return;
    headers["Content-Length"] = String(pieces.length);
    to.writeHead(status, headers);
    // As text, byte for byte, a small body goes out in one write with its head.
    if (pieces.length <= ONE_WRITE_BYTES) to.end(pieces.toString("latin1"), "latin1");
    else to.end(pieces);
    return;
  }
  if (to.destroyed) {
    await pieces?.return?.();
    return;
  }
  to.writeHead(status, headers);
  if (pieces) {
    // The head goes with the first piece, in one packet; alone where that is not there yet.
    const head = setImmediate(() => to.flushHeaders());
    try {
      for (;;) {
        const { done, value } = await pieces.next();
        if (done) break;
        // Several pieces go out in one write, where the next ones are here before the first is gone.
        if (!to.write(value) && to.writableLength >= FULL_BYTES) await drained(to);
        if (to.destroyed) {
          await pieces.return?.();
          return;
        }
      }
    } finally {
      clearImmediate(head);
    }
  }
  to.end();
}

/** Resolves when `to` takes more, or has ended. */
function drained(to: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      to.off("drain", go).off("close", go);
      resolve();
    };
    to.once("drain", go).once("close", go);
    if (to.destroyed) go();
  });
}

const KNOWN_NAMES = new Map<string, string>();

/** One spelling a header, so that an endpoint's header replaces the default of the same name. */
function titleCase(name: string): string {
  let known = KNOWN_NAMES.get(name);
  if (known === undefined) {
    known = name.replace(/(^|-)[a-z]/g, (part) => part.toUpperCase());
    if (KNOWN_NAMES.size < 200) KNOWN_NAMES.set(name, known);
  }
  return known;
}

/** Answers with an error document, with all security headers, ends the connection, and logs the request. */
export function refuse(response: ServerResponse, error: AppError, path: string): void {
  const id = newRequestId();
  response.writeHead(error.status, {
    ...apiHeaders(path),
    "Content-Type": JSON_TYPE,
    "X-Request-Id": id,
    Connection: "close",
    ...(error.retryAfterS === undefined ? {} : { "Retry-After": String(error.retryAfterS) }),
    ...error.headers,
  });
  response.end(JSON.stringify(errorDocument(error, id)));
  log.info("request", {
    requestId: id,
    method: response.req.method,
    path: loggablePath({ pathname: path.split(/[?#]/, 1)[0] ?? "" }),
    status: error.status,
    code: error.code,
  });
}

/** The bytes of an answer to something that never became a request: broken HTTP, oversized headers, a header that took too long. */
export function rawRefusal(code: string | undefined): string {
  const [status, title, detail] =
    code === "HPE_HEADER_OVERFLOW"
      ? ([431, "Request Header Fields Too Large", "The headers are larger than 16 KB."] as const)
      : code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? ([408, "Request Timeout", "The request took too long to arrive."] as const)
        : ([400, "Bad Request", "This is not a request of HTTP/1.1."] as const);
  const id = newRequestId();
  const body = JSON.stringify({ errors: [{ id, status: String(status), code: "bad_request", title, detail }] });
  const headers = {
    ...apiHeaders(""),
    "Content-Type": JSON_TYPE,
    "Content-Length": String(Buffer.byteLength(body)),
    "X-Request-Id": id,
    Connection: "close",
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${title}\r\n${lines.join("")}\r\n${body}`;
}
