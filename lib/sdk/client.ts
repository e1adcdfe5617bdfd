import type { Problem } from "@/lib/errors";
import { type ErrorItem, LatchkeyError } from "./errors";
import { withRetries } from "./retries";
import { base64 } from "./value-headers";

export interface ClientOptions {
  /** Origin of the server, such as `https://latchkey.example.com`; "" in a browser means the same origin. */
  baseUrl: string;
  /** Defaults to the global one. */
  fetch?: typeof globalThis.fetch;
  /** HTTP Basic, e-mail (or `task-<id>`) and API key. Without it cookies of the same origin are sent. */
  auth?: { username: string; apiKey: string };
  /** Sent as `x-request-id`, so that calls can be found in the activity. */
  requestId?: () => string;
  /** Milliseconds one attempt may take; not limited unless said. */
  timeoutMs?: number;
  /** How often a call is made again that failed for a passing reason and may be repeated; 0 unless said. */
  retries?: number;
}

/** A JSON:API resource as it travels. */
export interface Resource<Type extends string, Attributes, Relations = Relationships> {
  id: string;
  type: Type;
  attributes: Attributes;
  relationships?: Relations;
  links?: { self?: string };
}

export type Relationships = Record<
  string,
  { data: { id: string; type: string } | { id: string; type: string }[] | null } | undefined
>;

/** A relationship of a resource. */
export type One<Type extends string> = { data: { id: string; type: Type } | null };
export type Many<Type extends string> = { data: { id: string; type: Type }[] };

/** One resource with what came along. `meta` is {} where nothing was said. */
export interface Single<R, Meta = Record<string, never>> {
  data: R;
  meta: Meta;
  included: Resource<string, Record<string, unknown>>[];
}

export interface PageMeta {
  page: number;
  per_page: number;
  total: number;
  total_pages: number;
}

/** A list with what came along. Page numbers start at 1. */
export interface List<R, Meta = Partial<PageMeta>> {
  data: R[];
  meta: Meta;
  included: Resource<string, Record<string, unknown>>[];
}

export type Query = Record<string, string | number | null | undefined>;

export interface RequestOptions {
  query?: Query | undefined;
  /** Sent as JSON. */
  body?: unknown;
  signal?: AbortSignal | undefined;
  /** Whether making the call twice does what making it once does. A GET always does. */
  repeatable?: boolean;
}

/** Makes calls. Every failure is a `LatchkeyError`, an aborted call the `AbortError` of fetch. */
export interface Client {
  /** Sends a request; answers the parsed body, or null for an empty one. */
  request(method: "GET" | "POST" | "PATCH" | "DELETE", path: string, options?: RequestOptions): Promise<unknown>;
  single<R, Meta = Record<string, never>>(
    method: "GET" | "POST" | "PATCH",
    path: string,
    options?: RequestOptions,
  ): Promise<Single<R, Meta>>;
  list<R, Meta = Partial<PageMeta>>(path: string, options?: RequestOptions): Promise<List<R, Meta>>;
  /** The address of a path, for `EventSource` and links. */
  url(path: string, query?: Query): string;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** Reads an error answer, whatever a proxy in between made of it. Never throws. */
function toError(response: Response, body: unknown): LatchkeyError {
  const listed = isRecord(body) && Array.isArray(body.errors) ? body.errors.filter(isRecord) : [];
  const items: ErrorItem[] = listed.map((item) => {
    const source = isRecord(item.source) ? item.source : {};
    return {
      code: text(item.code) || "unknown",
      title: text(item.title) || response.statusText || "Error",
      detail: text(item.detail),
      pointer: text(source.pointer) || null,
      parameter: text(source.parameter) || null,
    };
  });
  if (items.length === 0)
    items.push({
      code: "unknown",
      title: response.statusText || "Error",
      detail: `The server answered ${response.status}${response.statusText ? ` ${response.statusText}` : ""}.`,
      pointer: null,
      parameter: null,
    });
  const first = listed[0];
  const meta = first && isRecord(first.meta) ? first.meta : {};
  const wait = Number(response.headers.get("retry-after"));
  return new LatchkeyError({
    status: response.status,
    items,
    problem: isRecord(meta.problem) ? (meta.problem as unknown as Problem) : null,
    requestId: (first ? text(first.id) : "") || response.headers.get("x-request-id"),
    retryAfterS: response.headers.has("retry-after") && Number.isFinite(wait) ? wait : null,
  });
}

function noAnswer(code: "network" | "timeout" | "malformed", detail: string, cause?: unknown): LatchkeyError {
  const title = code === "malformed" ? "Unexpected answer" : "No answer";
  return new LatchkeyError({ status: 0, items: [{ code, title, detail, pointer: null, parameter: null }], cause });
}

function limited(signal: AbortSignal | undefined, timeoutMs: number | undefined): AbortSignal | undefined {
  if (timeoutMs === undefined) return signal;
  const limit = AbortSignal.timeout(timeoutMs);
  return signal ? AbortSignal.any([signal, limit]) : limit;
}

/** A client for one server and one caller. Works in browsers and in Node 20; holds no state but its options. */
export function createClient(options: ClientOptions): Client {
  const { baseUrl, fetch: given, auth, requestId, timeoutMs, retries = 0 } = options;
  const send = given ?? ((input: RequestInfo | URL, init?: RequestInit) => globalThis.fetch(input, init));
  const base = baseUrl.replace(/\/+$/u, "");
  const authorization = auth ? `Basic ${base64(`${auth.username}:${auth.apiKey}`)}` : null;

  const url = (path: string, query: Query = {}) => {
    const parts = Object.entries(query).flatMap(([key, value]) =>
      value === null || value === undefined || value === ""
        ? []
        : [`${encodeURIComponent(key)}=${encodeURIComponent(value)}`],
    );
    return `${base}${path}${parts.length > 0 ? `?${parts.join("&")}` : ""}`;
  };

  const attempt: Client["request"] = async (method, path, { query, body, signal: given } = {}) => {
    const signal = limited(given, timeoutMs);
    const headers: Record<string, string> = { accept: "application/json" };
    if (body !== undefined) headers["content-type"] = "application/json";
    if (authorization) headers.authorization = authorization;
    if (requestId) headers["x-request-id"] = requestId();
    let response: Response;
    let raw: string;
    try {
      response = await send(url(path, query), {
        method,
        headers,
        credentials: authorization ? "omit" : "same-origin",
        cache: "no-store",
        redirect: "error",
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal ? { signal } : {}),
      });
      raw = await response.text();
    } catch (cause) {
      if (given?.aborted) throw cause;
      throw signal?.aborted
        ? noAnswer("timeout", `The server did not answer within ${timeoutMs} ms.`, cause)
        : noAnswer("network", "The server could not be reached. Check the connection and try again.", cause);
    }
    let parsed: unknown = null;
    let readable = true;
    if (raw !== "")
      try {
        parsed = JSON.parse(raw);
      } catch {
        // A proxy's HTML page, say. Told as an error below, with the status it came with.
        readable = false;
      }
    if (!response.ok || !readable) throw toError(response, parsed);
    return parsed;
  };

  const request: Client["request"] = (method, path, more = {}) =>
    withRetries(() => attempt(method, path, more), {
      retries,
      repeatable: more.repeatable ?? method === "GET",
      signal: more.signal,
    });

  const envelope = async (method: "GET" | "POST" | "PATCH", path: string, options?: RequestOptions) => {
    const body = await request(method, path, options);
    if (!isRecord(body) || body.data === undefined)
      throw noAnswer("malformed", "The server's answer was not understood.");
    return {
      data: body.data,
      meta: isRecord(body.meta) ? body.meta : {},
      included: Array.isArray(body.included) ? body.included : [],
    };
  };

  return {
    request,
    url,
    // The shapes are the server's promise (CONTRACT.md, API.md), kept by its API tests; they are not checked again here.
    single: async <R, Meta>(method: "GET" | "POST" | "PATCH", path: string, options?: RequestOptions) =>
      (await envelope(method, path, options)) as Single<R, Meta>,
    list: async <R, Meta>(path: string, options?: RequestOptions) =>
      (await envelope("GET", path, options)) as List<R, Meta>,
  };
}
