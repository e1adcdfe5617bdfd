import type { Caller } from "@/lib/access/caller";
import { recordNow } from "@/lib/audit/record";
import { safeFetch } from "@/lib/egress/safe-fetch";
import { AppError } from "@/lib/errors";
import { StreamedResponse } from "@/lib/http/streamed-response";
import { type Destination, releaseAnew, releaseFor, workspaceOf } from "@/lib/secrets/requests";
import { decodedBody, isPlain } from "./decoded-body";
import { destinationFault, HEADERS_MS } from "./destination-fault";
import { answerHeaders, passedHeaders } from "./headers";
import { Injection } from "./http-injection";
import { enterRoom, outboundEgress, recordReflection } from "./http-request";
import type { ReflectionGuard } from "./reflection-guard";

/**
 * A request that passes through Latchkey on its way to a secret's allowed host, and gets the secret there: bodies stream both ways, and
 * no more than a few pieces of them are here at a time (SECURITY PX-1 to PX-4).
 */

/** Between two pieces of an answer, ms: less than the 60 s after which the caller's still socket is closed. */
const STILL_MS = 50_000;
const SLOW_AFTER_MS = 10_000;

/** `/outbound/{secretId}/{host}/{path}`, taken apart as it was sent: nothing in the path is decoded. */
export interface Target {
  secretId: string;
  url: URL;
}

/** @throws AppError not_found, bad_request */
export function targetOf(url: URL): Target {
  const [, secretId = "", host = "", path = "/"] = /^\/outbound\/([^/]+)\/([^/]+)(\/.*)?$/.exec(url.pathname) ?? [];
  const text = `https://${host.replace(/%3a/gi, ":").replace(/%5b/gi, "[").replace(/%5d/gi, "]")}`;
  if (host === "" || /[@\\?#%]|^[^a-z0-9[_]/i.test(text.slice("https://".length)) || !URL.canParse(text))
    throw new AppError(
      "bad_request",
      "The path is /outbound/{secret}/{host}/{path}, with a host such as api.example.com.",
    );
  return { secretId, url: new URL(`${text}${path}${url.search}`) };
}

/**
 * Passes the request on and answers as the destination does, masked. Redirects are the answer. A 401 to an oauth2 secret causes one
 * refresh and one more try where there is no body.
 *
 * @throws AppError as `requestWithSecret`; forbidden for a browser session
 */
export async function passThrough(caller: Caller, request: Request, requestId: string): Promise<Response> {
  const { secretId, url } = targetOf(new URL(request.url));
  const destination: Destination = { method: request.method, url: overHttp(url, request) };
  const workspaceId = await workspaceOf(caller, secretId);
  if (caller.via === "session") await refuseSession(caller, secretId);
  const given = passedHeaders(request.headers, []);
  const release = await releaseFor(caller, workspaceId, secretId, destination);
  const first = await Injection.of(release);
  passedHeaders(request.headers, first.names);
  const leave = enterRoom(destination.url, release.scope.tenantId);
  const { signal } = request;
  signal.addEventListener("abort", leave, { once: true });
  try {
    const body = request.body as AsyncIterable<Uint8Array> | null;
    let guard = first.guard();
    let answer = await send(destination, first.into(given), body, request);
    if (answer.status === 401 && !body) {
      const renewed = await releaseAnew(caller, release, destination);
      if (renewed) {
        await answer.body?.cancel();
        const second = await Injection.of(renewed);
        guard = second.guard(first);
        answer = await send(destination, second.into(given), null, request);
      }
    }
    const encoding = answer.headers.get("content-encoding");
    const headers = shownHeaders(answer, guard, isPlain(encoding), requestId);
    const reflected = once(() => recordReflection(caller, release, destination, guard));
    if (guard.hits > 0) await reflected();
    if (!answer.body) {
      leave();
      return new StreamedResponse(null, { status: answer.status, headers });
    }
    const pieces = answer.body as unknown as AsyncIterable<Uint8Array>;
    const plain = isPlain(encoding) ? pieces : decodedBody(pieces, encoding as string);
    return new StreamedResponse(maskedStream(plain, guard, reflected, leave), { status: answer.status, headers });
  } catch (error) {
    leave();
    throw destinationFault(error, { tookTooLong: false });
  }
}

/** http where the caller says so: only the operator's list lets such a request go. */
function overHttp(url: URL, request: Request): URL {
  if (request.headers.get("x-latchkey-scheme")?.toLowerCase() !== "http") return url;
  const plain = new URL(url);
  plain.protocol = "http:";
  return plain;
}

async function refuseSession(caller: Caller, secretId: string): Promise<never> {
  const tenantId = caller.holdings.find(({ scope }) => scope.kind !== "global")?.scope.tenantId;
  if (tenantId)
    await recordNow(caller, {
      tenantId,
      action: "workspaces.auth_secret.use",
      outcome: "denied",
      target: { type: "auth-secret", id: secretId },
    });
  throw new AppError(
    "forbidden",
    "Requests pass through for API keys only; a browser would take the answer for a page of Latchkey's.",
  );
}

async function send(
  { method, url }: Destination,
  headers: Record<string, string>,
  body: AsyncIterable<Uint8Array> | null,
  request: Request,
): Promise<Response> {
  const length = request.headers.get("content-length");
  return safeFetch(
    url,
    {
      method,
      headers: { ...headers, "accept-encoding": "identity" },
      body,
      bodyLength: body && length !== null ? Number(length) : null,
      signal: request.signal,
    },
    {
      egress: outboundEgress(),
      headersTimeoutMs: HEADERS_MS,
      bodyTimeoutMs: STILL_MS,
      // Events come when they come.
      slowAfterMs: ({ headers: { "content-type": type } }) =>
        type?.startsWith("text/event-stream") ? Number.POSITIVE_INFINITY : SLOW_AFTER_MS,
    },
  );
}

/** The destination's fields, and ours over them: whatever it sends is a file and no page (PX-4). */
function shownHeaders(
  answer: Response,
  guard: ReflectionGuard,
  asItCame: boolean,
  requestId: string,
): Record<string, string> {
  const headers = answerHeaders(Object.fromEntries(answer.headers), guard);
  const length = answer.headers.get("content-length");
  return {
    ...headers,
    ...(asItCame && length !== null ? { "content-length": length } : {}),
    "content-disposition": (headers["content-disposition"] ?? "").replace(/^[^;]*/, "attachment"),
    "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    via: "1.1 latchkey",
    "x-request-id": requestId,
  };
}

/** The body masked, with an entry of the first hit before the piece it is in. `leave` once it is over in any way. */
function maskedStream(
  pieces: AsyncIterable<Uint8Array>,
  guard: ReflectionGuard,
  reflected: () => Promise<void>,
  leave: () => void,
): ReadableStream<Uint8Array> {
  const reader = pieces[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          for (;;) {
            const { done, value } = await reader.next();
            const masked = done
              ? guard.end()
              : guard.add(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
            if (guard.hits > 0) await reflected();
            if (masked.length > 0) controller.enqueue(masked);
            if (done) {
              leave();
              controller.close();
            }
            if (done || masked.length > 0) return;
          }
        } catch (error) {
          leave();
          throw destinationFault(error, { tookTooLong: false });
        }
      },
      async cancel() {
        leave();
        await reader.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

/** Runs it once, for all who ask. */
function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= work();
    return running;
  };
}
