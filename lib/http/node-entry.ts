import type { IncomingMessage, ServerResponse } from "node:http";
import { settings } from "@/lib/config";
import { AppError } from "@/lib/errors";
import { newRequestId } from "@/lib/ids";
import { log } from "@/lib/observability/log";
import { PEER_HEADER } from "./client-address";
import { errorDocument, JSON_TYPE } from "./json-api";
import { loggablePath } from "./key-in-url";
import { apiHeaders } from "./security-headers";
import { StreamedResponse } from "./streamed-response";
import { Written } from "./written";

/** The second way in of HOUSE "One endpoint, two ways in": node:http straight to an endpoint, without Next's router. */

type Params = Record<string, string>;
interface Answer {
  (request: Request, context: { params: Params }): Promise<Response>;
  /** Of endpoints: the answer without a `Response` around it. */
  write?(request: Request, context: { params: Params }): Promise<Response | Written>;
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

/**
 * A WHATWG request over a Node one, as little of it as is looked at: endpoints read address, method and headers, rarely
 * more, and a real `Request` costs more than all of those. The origin is the configured one, never the Host header's
 * (SES-7).
 */
class NodeRequest {
  readonly method: string;
  readonly url: string;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #headers: Headers | undefined;
  #abort: AbortController | undefined;
  #whole: Request | undefined;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.method = request.method ?? "GET";
    this.url = settings().url + request.url;
    this.#request = request;
    this.#response = response;
  }

  get headers(): Headers {
    this.#headers ??= new NodeHeaders(this.#request) as unknown as Headers;
    return this.#headers;
  }

  /** Aborts when the client has gone before the answer was complete. */
  get signal(): AbortSignal {
    if (!this.#abort) {
      const abort = new AbortController();
      const gone = () => {
        if (!this.#response.writableFinished) abort.abort();
      };
      if (this.#response.destroyed) gone();
      else this.#response.once("close", gone);
      this.#abort = abort;
    }
    return this.#abort.signal;
  }

  get body(): ReadableStream<Uint8Array> | null {
    return this.whole.body;
  }

  get bodyUsed(): boolean {
    return this.#whole?.bodyUsed ?? false;
  }

  /** The real thing, made when the body or something rare is asked for. */
  get whole(): Request {
    this.#whole ??= new Request(this.url, {
      method: this.method,
      headers: [...this.headers],
      ...(this.method !== "GET" && this.method !== "HEAD" && hasBody(this.#request)
        ? { body: bodyOf(this.#request), duplex: "half" }
        : {}),
    } as RequestInit);
    return this.#whole;
  }

  json(): Promise<unknown> {
    return this.whole.json();
  }

  text(): Promise<string> {
    return this.whole.text();
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return this.whole.arrayBuffer();
  }

  formData(): Promise<FormData> {
    return this.whole.formData();
  }

  clone(): Request {
    return this.whole.clone();
  }
}

/** The headers of a Node request: endpoints `get` a handful, and `Headers` copies and checks them all first. */
class NodeHeaders {
  readonly #request: IncomingMessage;
  #whole: Headers | undefined;

  constructor(request: IncomingMessage) {
    this.#request = request;
  }

  get(name: string): string | null {
    const lower = name.toLowerCase();
    if (lower === PEER_HEADER) return this.#request.socket.remoteAddress ?? "";
    const { headers } = this.#request;
    const value = Object.hasOwn(headers, lower) ? headers[lower] : undefined;
    if (value === undefined) return null;
    return typeof value === "string" ? value : value.join(", ");
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  get #all(): Headers {
    if (!this.#whole) {
      this.#whole = new Headers();
      for (const name of [...Object.keys(this.#request.headers), PEER_HEADER])
        this.#whole.set(name, this.get(name) ?? "");
    }
    return this.#whole;
  }

  entries() {
    return this.#all.entries();
  }

  keys() {
    return this.#all.keys();
  }

  values() {
    return this.#all.values();
  }

  forEach(visit: Parameters<Headers["forEach"]>[0]): void {
    this.#all.forEach(visit);
  }

  [Symbol.iterator]() {
    return this.#all.entries();
  }
}

/** `request` as endpoints take it. */
export function toRequest(request: IncomingMessage, response: ServerResponse): Request {
  return new NodeRequest(request, response) as unknown as Request;
}

function hasBody(request: IncomingMessage): boolean {
  return request.headers["transfer-encoding"] !== undefined || Number(request.headers["content-length"] ?? 0) > 0;
}

function bodyOf(request: IncomingMessage): ReadableStream<Uint8Array> {
  let chunks: AsyncIterator<Buffer> | undefined;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        chunks ??= request[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
        const next = await chunks.next();
        if (next.done) controller.close();
        else controller.enqueue(next.value);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Writes a WHATWG answer. Event streams and what is marked as one flow; everything else goes out in one piece with its length. */
export async function send(from: Response | Written, to: ServerResponse, path: string): Promise<void> {
  const headers: Record<string, string | string[]> = apiHeaders(path);
  if (from instanceof Written) {
    for (const name in from.headers) headers[titleCase(name)] = from.headers[name] as string;
    if (from.text !== null) headers["Content-Length"] = String(Buffer.byteLength(from.text));
    if (to.destroyed) return;
    to.writeHead(from.status, headers);
    to.end(from.text ?? undefined);
    return;
  }
  for (const [name, value] of from.headers) if (name !== "set-cookie") headers[titleCase(name)] = value;
  if (from.headers.has("set-cookie")) headers["Set-Cookie"] = from.headers.getSetCookie();
  if (to.destroyed) {
    await from.body?.cancel();
    return;
  }
  const flows = from instanceof StreamedResponse || from.headers.get("content-type")?.startsWith("text/event-stream");
  if (!from.body || !flows) {
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
