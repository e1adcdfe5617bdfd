/** An endpoint or any other handler of a Request. */
export type Handler = (request: Request, context: never) => Promise<Response> | Response;

export interface CallOptions {
  method?: string;
  /** With or without origin. */
  url?: string;
  params?: Record<string, string | string[]>;
  /** Headers that say who calls: of `basic(…)` or a session. */
  as?: Record<string, string>;
  headers?: Record<string, string>;
  /** Sent as application/json. */
  json?: unknown;
  /** Sent as it is. */
  body?: string;
}

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came back
  body: any;
}

/** Calls an endpoint as a client would and reads its answer; the body is parsed when it is JSON, null when there is none. */
export async function call(handler: Handler, options: CallOptions = {}): Promise<Answer> {
  const { method = "GET", url = "/", params = {}, as, headers, json, body } = options;
  const sent = json === undefined ? body : JSON.stringify(json);
  const request = new Request(new URL(url, "http://127.0.0.1:3000"), {
    method,
    headers: { ...(json === undefined ? {} : { "content-type": "application/json" }), ...as, ...headers },
    body: sent,
  });
  const response = await handler(request, { params: Promise.resolve(params) } as never);
  const text = await response.text();
  const isJson = (response.headers.get("content-type") ?? "").includes("application/json");
  return { status: response.status, headers: response.headers, body: isJson && text ? JSON.parse(text) : text || null };
}
