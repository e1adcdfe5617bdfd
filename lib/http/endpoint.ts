import type { z } from "zod";
import type { Caller, RequestFacts } from "@/lib/access/caller";
import { settings } from "@/lib/config";
import { AppError } from "@/lib/errors";
import { newRequestId } from "@/lib/ids";
import { errorFields, log } from "@/lib/observability/log";
import { metrics } from "@/lib/observability/metrics";
import { type LiveSpan, NO_SPAN, startSpan } from "@/lib/observability/trace";
import { authenticate } from "./authenticate";
import { clientAddress } from "./client-address";
import { databaseTrouble } from "./database-trouble";
import { complaint, type Document, errorDocument, JSON_TYPE } from "./json-api";
import { readJsonBody } from "./json-body";
import { loggablePath, refuseKeyInUrl } from "./key-in-url";
import { requireSameOrigin } from "./same-origin";
import { Streamed } from "./streamed";
import { Written } from "./written";

/** Who may call and where the ids stand: the machine-readable table of AZ-1. A route without one fails the build. */
export interface AccessRule {
  /** public: anybody. caller: any valid key or session. Otherwise the permission asked for, in words of lib/access. */
  permission: "public" | "caller" | (string & {});
  level: "none" | "self" | "global" | "tenant" | "contract" | "workspace" | "owner";
  /** Positions of ids in the request: `path.w`, `query.workspace_id`, `body.data.relationships.auth_client.data.id`, ... */
  ids: readonly string[];
}

export interface Input<Body> {
  caller: Caller;
  params: Record<string, string>;
  query: URLSearchParams;
  body: Body;
  request: Request;
  /** Its URL, read. */
  url: URL;
  facts: RequestFacts;
}

export interface Reply {
  status: number;
  document?: Document;
  /** Instead of a document: one that is JSON text already. */
  json?: string;
  /** Instead of a document: an answer of another kind, such as an event stream. */
  response?: Response | Streamed;
  headers?: Record<string, string>;
}

export interface Definition<Body> {
  /** `GET /v2/workspaces/{w}/secrets/{s}`: method and URL as API.md writes them. */
  route: `${"GET" | "POST" | "PATCH" | "DELETE" | "PUT" | "HEAD" | "OPTIONS"} /${string}`;
  access: AccessRule;
  /** The body's schema; "none" refuses nothing and reads nothing (refresh accepts any body, CONTRACT section 8). */
  body?: z.ZodType<Body> | "none";
  /** Of a body that may be left out or be `{}`: the handler gets undefined then. */
  mayBeEmpty?: true;
  /** Query parameters the endpoint knows; any other is 400. "any" where somebody else chooses them (a provider's callback). */
  query?: readonly string[] | "any";
  /** "any": the answer is whatever somebody else sends, so `Accept` is not ours to judge. */
  accept?: "any";
  handle(input: Input<Body>): Promise<Reply>;
}

/** A catch-all segment of the path comes in parts from Next and whole from node-entry. */
type Params = Record<string, string | string[]>;

export interface RouteContext {
  params: Promise<Params> | Params;
}

export interface Endpoint {
  (request: Request, context: RouteContext): Promise<Response>;
  /** The same for node-entry, which needs no `Response`. */
  write(request: Request, context: RouteContext): Promise<Response | Written | Streamed>;
  definition: Pick<Definition<unknown>, "route" | "access" | "query"> & {
    /** A JSON body is read and checked. */
    takesBody: boolean;
    /** Its schema; null where none is read. For tests that make requests of it. */
    body: z.ZodType | null;
  };
}

/**
 * Makes one endpoint: request id, authentication, parsing, the handler, serialising, mapping errors, one log event. The
 * result is a plain function that Next exports as a route handler and server.ts calls directly (HOUSE "One endpoint, two
 * ways in").
 */
export function endpoint<Body = undefined>(definition: Definition<Body>): Endpoint {
  const write = async (request: Request, context: RouteContext): Promise<Response | Written | Streamed> => {
    const started = performance.now();
    const url = new URL(request.url);
    const facts: RequestFacts = {
      requestId: newRequestId(),
      ip: clientAddress(request),
      userAgent: request.headers.get("user-agent"),
      purpose: request.headers.get("x-request-id"),
    };
    let caller: Caller | null = null;
    let response: Response | Written | Streamed;
    let failure: unknown;
    let span = NO_SPAN;
    try {
      if (definition.accept !== "any") requireAcceptable(request);
      await refuseKeyInUrl(url, facts);
      if (url.search.includes("%00") || url.pathname.includes("%00"))
        throw new AppError("bad_request", "A URL cannot hold the character NUL.");
      if (definition.access.permission !== "public") {
        caller = await authenticate(request, facts);
        if (caller.via === "session") requireSameOrigin(request);
      }
      span = requestSpan(definition, request, facts, caller, started);
      response = await span.within(async () => {
        refuseUnknownParameters(url, definition.query);
        const input: Input<Body> = {
          caller: caller as Caller,
          params: whole(await context.params),
          get query() {
            return url.searchParams; // Made when it is asked for; most requests have none.
          },
          body: await readBody(request, definition),
          request,
          url,
          facts,
        };
        return serialise(await definition.handle(input), facts.requestId);
      });
    } catch (error) {
      failure = databaseTrouble(error);
      response = writtenFailure(failure, facts.requestId);
      if (span === NO_SPAN) span = requestSpan(definition, request, facts, null, started);
    }
    span.set({ "http.response.status_code": response.status });
    span.end(response.status >= 500);
    const durationMs = performance.now() - started;
    const { requests, requestSeconds } = metrics();
    requests.inc({ route: definition.route, status: CLASSES[Math.floor(response.status / 100)] });
    requestSeconds.observe({ route: definition.route }, durationMs / 1000);
    log[response.status >= 500 ? "error" : "info"]("request", {
      requestId: facts.requestId,
      method: request.method,
      path: loggablePath(url),
      status: response.status,
      durationMs: Math.round(durationMs * 10) / 10,
      callerKind: caller?.kind,
      callerId: caller?.id,
      traceId: span.traceId,
      ...(failure instanceof AppError ? { code: failure.code } : {}),
      ...(failure && response.status >= 500 ? errorFields(failure) : {}),
    });
    return response;
  };
  const run = async (request: Request, context: RouteContext): Promise<Response> => {
    const answer = await write(request, context);
    return answer instanceof Written || answer instanceof Streamed ? answer.toResponse() : answer;
  };
  const { route, access, query } = definition;
  const body = definition.body === undefined || definition.body === "none" ? null : definition.body;
  return Object.assign(run, { write, definition: { route, access, query, takesBody: body !== null, body } });
}

/** Asked every few seconds by machines; nobody looks for a trace of them. */
const UNTRACED = new Set<string>(["GET /healthz", "GET /readyz", "GET /metrics"]);

/** @param caller null: nobody has proved who he is, and the trace he names is not gone on with */
function requestSpan(
  { route }: Pick<Definition<unknown>, "route">,
  request: Request,
  facts: RequestFacts,
  caller: Caller | null,
  startedAt: number,
): LiveSpan {
  if (UNTRACED.has(route)) return NO_SPAN;
  return startSpan(route, {
    kind: "server",
    fields: () => ({
      "http.request.method": request.method,
      "http.route": route.slice(route.indexOf(" ") + 1),
      "latchkey.request_id": facts.requestId,
      ...(caller ? { "latchkey.caller.kind": caller.kind } : {}),
    }),
    traceparent: request.headers.get("traceparent"),
    trusted: caller !== null,
    startedAt,
  });
}

/** @param params of a route without any, Next gives nothing at all */
function whole(params: Params | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(params ?? {}).map(([name, value]) => [name, Array.isArray(value) ? value.join("/") : value]),
  );
}

const CLASSES = ["", "1xx", "2xx", "3xx", "4xx", "5xx"] as const;

async function readBody<Body>(request: Request, definition: Definition<Body>): Promise<Body> {
  if (definition.body === undefined || definition.body === "none") return undefined as Body;
  const value = await readJsonBody(request);
  if (definition.mayBeEmpty && isEmpty(value)) return undefined as Body;
  if (value === undefined) throw new AppError("invalid_json", "This call needs a JSON body.");
  const parsed = definition.body.safeParse(value);
  if (!parsed.success) throw complaint(parsed.error);
  return parsed.data;
}

/** Nothing, or the empty object that clients send where a call needs nothing. */
const isEmpty = (value: unknown) =>
  value === undefined || (typeof value === "object" && value !== null && Object.keys(value).length === 0);

function refuseUnknownParameters(url: URL, known: readonly string[] | "any" | undefined): void {
  if (known === "any" || url.search === "") return;
  for (const name of url.searchParams.keys())
    if (!known?.includes(name))
      throw new AppError("invalid_parameter", `The parameter ${name.slice(0, 60)} is not known here.`, {
        source: { parameter: name.slice(0, 60) },
      });
}

function requireAcceptable(request: Request): void {
  const accept = request.headers.get("accept");
  if (accept && !/(\*\/\*|application\/\*|application\/(vnd\.api\+|jwk-set\+)?json|text\/event-stream)/i.test(accept))
    throw new AppError("not_acceptable", "This API answers application/json only.", { source: { header: "Accept" } });
}

const BASE_HEADERS = { "cache-control": "no-store", "x-content-type-options": "nosniff" };

function serialise(reply: Reply, requestId: string): Response | Written | Streamed {
  if (reply.response) return reply.response;
  const headers: Record<string, string> = { ...BASE_HEADERS, "x-request-id": requestId, ...reply.headers };
  const json = reply.json ?? (reply.document && JSON.stringify(reply.document));
  if (json === undefined) return new Written(reply.status, headers, null);
  headers["content-type"] = JSON_TYPE;
  return new Written(reply.status, headers, json);
}

/** Any failure as an answer. What is not an AppError is a 500 that says nothing but the request id (LG-3). */
export function answerFailure(error: unknown, requestId: string): Response {
  return writtenFailure(error, requestId).toResponse();
}

function writtenFailure(error: unknown, requestId: string): Written {
  const known =
    error instanceof AppError
      ? error
      : new AppError("internal", `Something went wrong here. Tell your administrator the request id ${requestId}.`);
  const headers = {
    ...BASE_HEADERS,
    "content-type": JSON_TYPE,
    "x-request-id": requestId,
    ...(known.retryAfterS === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(known.retryAfterS))) }),
    ...(known.code === "unauthenticated"
      ? { "www-authenticate": `Basic realm="${settings().url}", charset="UTF-8"` }
      : {}),
    ...known.headers,
  };
  return new Written(known.status, headers, JSON.stringify(errorDocument(known, requestId)));
}

export const ok = (data: Document["data"], meta: Record<string, unknown> = {}): Reply => ({
  status: 200,
  document: { data, meta },
});

export const created = (data: Document["data"], meta: Record<string, unknown> = {}): Reply => ({
  status: 201,
  document: { data, meta },
});

export const noContent: Reply = { status: 204 };
