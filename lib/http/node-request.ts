import type { IncomingMessage, ServerResponse } from "node:http";
import { type Cancel, Cancelled } from "@/lib/cancel";
import { settings } from "@/lib/config";
import { PEER_HEADER } from "./client-address";

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
  #gone: Cancelled | undefined;
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
      this.#abort = abort;
      if (this.gone.aborted) abort.abort();
      else this.gone.addEventListener("abort", () => abort.abort());
    }
    return this.#abort.signal;
  }

  /** The same without an `AbortController` behind it. */
  get gone(): Cancelled {
    if (!this.#gone) {
      const gone = new Cancelled();
      const response = this.#response;
      const closed = () => {
        if (!response.writableFinished) gone.abort(new DOMException("The client has gone.", "AbortError"));
      };
      if (response.destroyed) closed();
      else response.once("close", closed);
      this.#gone = gone;
    }
    return this.#gone;
  }

  /** The body's bytes as they come, without a web stream around them; null when there is none. Instead of `body`, not besides it. */
  pieces(): AsyncIterable<Uint8Array> | null {
    return hasBody(this.#request) ? piecesFrom(this.#request) : null;
  }

  /** All of a body of so many bytes, where it has come already; null where some of it is still on its way. Instead of `pieces`. */
  arrived(length: number): Buffer | null {
    const request = this.#request;
    if (request.readableLength !== length || request.errored) return null;
    const body = request.read() as Buffer | null;
    // Its end, which has no bytes, may be still to come, and is let go by.
    request.resume();
    return body;
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
    if (lower === "authorization") return this.#authorization();
    const { headers } = this.#request;
    const value = Object.hasOwn(headers, lower) ? headers[lower] : undefined;
    if (value === undefined) return null;
    return typeof value === "string" ? value : value.join(", ");
  }

  /** Of two Node keeps the first; here they are joined as `Headers` does it, which no scheme takes: none of them is chosen. */
  #authorization(): string | null {
    const { rawHeaders } = this.#request;
    let found: string | null = null;
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i] as string;
      if (name.length !== 13 || name.toLowerCase() !== "authorization") continue;
      const value = rawHeaders[i + 1] as string;
      found = found === null ? value : `${found}, ${value}`;
    }
    return found;
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

  /** As they came; `Headers` would sort them. */
  *entries(): IterableIterator<[string, string]> {
    for (const name in this.#request.headers) yield [name, this.get(name) ?? ""];
    yield [PEER_HEADER, this.get(PEER_HEADER) ?? ""];
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
    return this.entries();
  }
}

/**
 * The bytes of a request's body as they come, or null when it has none; from node:http without a web stream around them.
 */
export function piecesOf(request: Request): AsyncIterable<Uint8Array> | null {
  // Next's copy of this module has a class of its own.
  const { pieces } = request as Partial<NodeRequest>;
  return typeof pieces === "function" ? pieces.call(request) : (request.body as AsyncIterable<Uint8Array> | null);
}

/** All of a request's body of so many bytes, where it has come already; null where it is to be read with `piecesOf`. */
export function arrivedBody(request: Request, length: number): Buffer | null {
  const { arrived } = request as Partial<NodeRequest>;
  return typeof arrived === "function" ? arrived.call(request, length) : null;
}

/** Says when the client has gone before the answer was complete, as the request's `signal`, at less cost. */
export function goneOf(request: Request): Cancel {
  return (request as Partial<NodeRequest>).gone ?? request.signal;
}

/** `request` as endpoints take it. */
export function toRequest(request: IncomingMessage, response: ServerResponse): Request {
  return new NodeRequest(request, response) as unknown as Request;
}

function hasBody(request: IncomingMessage): boolean {
  return request.headers["transfer-encoding"] !== undefined || Number(request.headers["content-length"] ?? 0) > 0;
}

/** Whoever stops early can still answer on the same socket, and the next request on it is heard: what is left of this one is let go by. */
async function* piecesFrom(request: IncomingMessage): AsyncIterable<Buffer> {
  try {
    yield* request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  } finally {
    request.resume();
  }
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
