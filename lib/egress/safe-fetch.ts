import type { IncomingHttpHeaders } from "node:http";
import { Agent, type Dispatcher } from "undici";
import type { Cancel } from "@/lib/cancel";
import { settings } from "@/lib/config";
import { BodyQueue } from "@/lib/egress/body-queue";
import {
  type CheckedAddress,
  checkedAddresses,
  makeConnector,
  type Resolve,
  systemResolve,
} from "@/lib/egress/connector";
import { EgressError } from "@/lib/egress/egress-error";
import { LightResponse } from "@/lib/egress/light-response";
import { type Destination, EgressPolicy, type PolicyOptions } from "@/lib/egress/policy";
import { type BodyLimits, decode, LimitedBody } from "@/lib/egress/read-limited";
import { type AnswerHead, type TransferOptions, transfer } from "@/lib/egress/transfer";
import { inSpan, type SpanFields } from "@/lib/observability/trace";
import { once } from "@/lib/process";

/**
 * Every outgoing request (SECURITY SS-1): https to public addresses unless `LATCHKEY_EGRESS_ALLOW` names the target, no redirects, no
 * proxies from the environment, bounded answers, and errors that say whether anything was sent. No deadline of its own below ten
 * minutes: an answer that arrives late must still be received; callers race with it instead (REFRESH.md section 4).
 *
 * Three ways in, one path: `exchange` (whole answer, quickest), `customFetch` (the same as a `Response`, for oauth4webapi and jose),
 * `safeFetch` (streams; read it with `readLimited`).
 */

export interface EgressOptions extends PolicyOptions {
  resolve?: Resolve;
  /** Trusted certificates instead of the system's, PEM. */
  ca?: string;
  connectTimeoutMs?: number;
  tlsTimeoutMs?: number;
}

/** What may be asked for. Redirects are never followed, whatever `redirect` of a `RequestInit` says. */
export interface EgressInit {
  method?: string;
  headers?: Headers | Record<string, string> | [string, string][];
  /** Of a stream, `bodyLength` says how many bytes it has when that is known; else it goes out in chunks. */
  body?: string | Uint8Array | URLSearchParams | AsyncIterable<Uint8Array> | null;
  bodyLength?: number | null;
  signal?: Cancel | null;
  redirect?: RequestRedirect;
}

export interface EgressRequestOptions extends TransferOptions {
  /** Instead of the process's one, for tests. */
  egress?: Egress;
}

/** A whole answer. */
export interface Answer {
  status: number;
  statusText: string;
  /** Names in lower case; `content-encoding` and `content-length` are gone when the body was encoded. */
  headers: IncomingHttpHeaders;
  body: Buffer;
}

const CONNECTIONS_PER_ORIGIN = 128;
const MAX_HEADER_BYTES = 32 * 1024;
/** Idle connections go before most servers would close them: a request written to a closing connection has an unknown outcome. */
const IDLE_MS = 4000;
const IDLE_MAX_MS = 30_000;
/** Headers that say where and how to send; only this module decides that. */
const OWN_HEADERS = new Set([
  "host",
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "content-length",
  "upgrade",
  "te",
  "trailer",
  "expect",
]);

/** A policy with its connections. One a process: `egress()`. */
export class Egress {
  readonly policy: EgressPolicy;
  readonly #agent: Agent;
  readonly #resolve: Resolve;

  /** Throws `AllowListError` for an entry of `allow` that cannot be read. */
  constructor(options: EgressOptions = {}) {
    this.policy = new EgressPolicy(options);
    this.#resolve = options.resolve ?? systemResolve;
    this.#agent = new Agent({
      connect: makeConnector({ ...options, policy: this.policy }),
      connections: CONNECTIONS_PER_ORIGIN,
      pipelining: 1,
      allowH2: false,
      maxHeaderSize: MAX_HEADER_BYTES,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MAX_MS,
    });
  }

  /**
   * Where a connection that is no HTTP may go: asked for each new connection, and opened by `openPinned`.
   *
   * @throws EgressError `blocked`, or `not_sent` when the name has no address
   */
  addressesOf(destination: Destination): Promise<CheckedAddress[]> {
    return checkedAddresses(destination, this.policy, this.#resolve);
  }

  get dispatcher(): Dispatcher {
    return this.#agent;
  }

  /** Ends idle connections now and the others when their answers are there. */
  async close(): Promise<void> {
    await this.#agent.close();
  }
}

/** This process's egress, made from `settings().egressAllow` on first use. */
export function egress(): Egress {
  return once("egress", () => new Egress({ allow: settings().egressAllow }));
}

/**
 * Sends a request and gives the whole answer, decoded. Any status is an answer, redirects too. Rejects with `EgressError` only.
 * Limits as in `readLimited`.
 */
export async function exchange(
  url: string | URL,
  init: EgressInit = {},
  options: EgressRequestOptions & BodyLimits = {},
): Promise<Answer> {
  const use = options.egress ?? egress();
  const request = prepare(use, url, init);
  return inSpan(request.method, { kind: "client", fields: () => spanFields(request) }, async (span) => {
    try {
      const answer = await exchangeOnce(use, request, init, options);
      span.set({ "http.response.status_code": answer.status });
      return answer;
    } catch (error) {
      if (error instanceof EgressError) span.set({ "error.type": error.kind });
      throw error;
    }
  });
}

/** Where it goes, without path and query: a tenant chose them, and some providers take keys there. */
function spanFields({ method, origin }: Dispatcher.DispatchOptions): SpanFields {
  const { hostname, port, protocol } = new URL(String(origin));
  return {
    "http.request.method": method,
    "server.address": hostname,
    "server.port": port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
  };
}

async function exchangeOnce(
  use: Egress,
  request: Dispatcher.DispatchOptions,
  init: EgressInit,
  options: EgressRequestOptions & BodyLimits,
): Promise<Answer> {
  const answer = await new Promise<Answer>((done, fail) => {
    const collect = new LimitedBody(options);
    let head: AnswerHead | undefined;
    transfer(use.dispatcher, request, withSignal(options, init), {
      start(given) {
        collect.expect(given.headers["content-length"]);
        head = given;
      },
      data: (chunk) => collect.add(chunk),
      end() {
        if (head) done({ ...head, body: collect.whole() });
        else fail(new EgressError("unknown", "the answer had no head"));
      },
      fail,
    });
  });
  const encoding = answer.headers["content-encoding"];
  if (encoding === undefined) return answer;
  const body = await decode(answer.body, encoding, options);
  const { "content-encoding": _encoding, "content-length": _length, ...headers } = answer.headers;
  return { ...answer, headers, body };
}

/** An answer whose body is still on its way, as sent (still encoded). */
export interface StreamedAnswer {
  status: number;
  statusText: string;
  /** Names in lower case. */
  headers: IncomingHttpHeaders;
  /** Null where an answer has none. */
  body: BodyQueue | null;
}

/**
 * Sends a request and gives the answer as soon as its headers are there: read its body with `readLimited` or piece by piece, or leave it
 * with `return`. Redirects are given back as they are. Rejects with `EgressError` only; so does reading the body.
 */
export async function safeFetch(
  url: string | URL,
  init: EgressInit = {},
  options: EgressRequestOptions = {},
): Promise<StreamedAnswer> {
  const use = options.egress ?? egress();
  const request = prepare(use, url, init);
  return new Promise<StreamedAnswer>((done, fail) => {
    let body: BodyQueue | null = null;
    transfer(use.dispatcher, request, withSignal(options, init), {
      start({ status, statusText, headers }, flow) {
        if (status > 599) throw new EgressError("unknown", `the answer has the status ${status}`);
        const empty = status === 204 || status === 205 || status === 304 || request.method === "HEAD";
        body = empty ? null : new BodyQueue(flow);
        done({ status, statusText, headers, body });
      },
      data: (chunk) => body?.add(chunk),
      end: () => body?.end(),
      fail(error) {
        body?.fail(error);
        fail(error);
      },
    });
  });
}

/** A `fetch` for oauth4webapi's `[customFetch]` and the like, with the whole answer read and limited before it resolves. */
export function customFetch(
  options: EgressRequestOptions & BodyLimits = {},
): (url: string, init?: EgressInit) => Promise<Response> {
  return async (url, init = {}) => new LightResponse({ url, ...(await exchange(url, init, options)) });
}

/**
 * What is wrong with a URL that an auth client wants to use, or null. Judges what needs no look-up: scheme, user, control characters,
 * literal addresses; names, ports and plain http are judged on use. The text is for the person who typed the URL.
 */
export function checkLiteral(url: string, use: Egress = egress()): string | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u0020\u007f]/.test(url)) return "must not contain spaces or control characters";
  if (!URL.canParse(url)) return "must be a URL such as https://login.example.com/token";
  const parsed = new URL(url);
  if (parsed.protocol !== "https:" && parsed.protocol !== "http:") return "must begin with https://";
  if (parsed.username !== "" || parsed.password !== "") return "must not contain a user name or password";
  return use.policy.complaintAboutLiteral(parsed)
    ? "leads to an address that is not allowed; the operator can allow it in LATCHKEY_EGRESS_ALLOW"
    : null;
}

function withSignal(options: EgressRequestOptions, init: EgressInit): TransferOptions {
  return init.signal && !options.signal ? { ...options, signal: init.signal } : options;
}

/** Checks what can be checked without a connection. Throws `EgressError` `blocked` or `not_sent`. */
function prepare(use: Egress, url: string | URL, init: EgressInit): Dispatcher.DispatchOptions {
  if (typeof url === "string" && !URL.canParse(url)) throw new EgressError("blocked", "this is no URL");
  const parsed = typeof url === "string" ? new URL(url) : url;
  const complaint = use.policy.complaintAboutUrl(parsed);
  if (complaint) throw new EgressError("blocked", complaint);
  const headers = plainHeaders(init.headers);
  let body = init.body ?? null;
  if (body instanceof URLSearchParams) {
    body = body.toString();
    headers["content-type"] ??= "application/x-www-form-urlencoded;charset=UTF-8";
  }
  if (init.bodyLength != null) headers["content-length"] = String(init.bodyLength);
  headers["user-agent"] ??= "latchkey";
  // Answers are small; compressed ones are understood but not asked for.
  headers["accept-encoding"] ??= "identity";
  return {
    origin: parsed.origin,
    path: parsed.pathname + parsed.search,
    method: (init.method ?? "GET").toUpperCase(),
    headers,
    body: body as Dispatcher.DispatchOptions["body"],
  };
}

function plainHeaders(given: EgressInit["headers"]): Record<string, string> {
  const pairs = given instanceof Headers || Array.isArray(given) ? [...given] : Object.entries(given ?? {});
  const headers: Record<string, string> = {};
  for (const [name, value] of pairs) {
    const lower = name.toLowerCase();
    if (OWN_HEADERS.has(lower)) throw new EgressError("blocked", `the header ${JSON.stringify(lower)} may not be set`);
    headers[lower] = value;
  }
  return headers;
}
