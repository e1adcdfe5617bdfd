import type { Caller } from "@/lib/access/caller";
import { recordNow } from "@/lib/audit/record";
import type { Cancel } from "@/lib/cancel";
import { type StreamedAnswer, safeFetch } from "@/lib/egress/safe-fetch";
import { AppError } from "@/lib/errors";
import { goneOf } from "@/lib/http/node-request";
import { Streamed } from "@/lib/http/streamed";
import { type Destination, releaseAnew, releaseFor, renewUnsent, workspaceOf } from "@/lib/secrets/requests";
import { decodedBody, isPlain } from "./decoded-body";
import { destinationFault, HEADERS_MS } from "./destination-fault";
import { answerHeaders, passedHeaders, refuseInjected } from "./headers";
import { Injection } from "./http-injection";
import { enterRoom, outboundEgress, recordReflection } from "./http-request";
import { KeptBody } from "./kept-body";
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
export function targetOf(url: URL, scheme: "http" | "https"): Target {
  const [, secretId = "", host = "", path = "/"] = /^\/outbound\/([^/]+)\/([^/]+)(\/.*)?$/.exec(url.pathname) ?? [];
  const text = `https://${host.replace(/%3a/gi, ":").replace(/%5b/gi, "[").replace(/%5d/gi, "]")}`;
  if (host === "" || /[@\\?#%]|^[^a-z0-9[_]/i.test(text.slice("https://".length)) || !URL.canParse(text))
    throw new AppError(
      "bad_request",
      "The path is /outbound/{secret}/{host}/{path}, with a host such as api.example.com.",
    );
  return { secretId, url: new URL(`${scheme}${text.slice("https".length)}${path}${url.search}`) };
}

/**
 * Passes the request on and answers as the destination does, masked. Redirects are the answer. A 401 to an oauth2 secret causes one
 * refresh, and one more try where the body is still here.
 *
 * @throws AppError as `requestWithSecret`; forbidden for a browser session
 */
export async function passThrough(caller: Caller, request: Request, asked: URL, requestId: string): Promise<Streamed> {
  const { secretId, url } = targetOf(asked, schemeOf(request));
  const destination: Destination = { method: request.method, url };
  const workspaceId = await workspaceOf(caller, secretId);
  if (caller.via === "session") await refuseSession(caller, secretId);
  const given = passedHeaders(request.headers);
  const release = await releaseFor(caller, workspaceId, secretId, destination);
  const first = await Injection.of(release);
  refuseInjected(given, first.names);
  const leave = enterRoom(destination.url, release.scope.tenantId);
  const signal = goneOf(request);
  signal.addEventListener("abort", leave, { once: true });
  try {
    const body = await KeptBody.of(request);
    let guard = first.guard();
    let answer = await send(destination, first.into(given), body, signal);
    let renewedOnly = false;
    if (answer.status === 401 && body && !body.whole) renewedOnly = await renewUnsent(caller, release);
    else if (answer.status === 401) {
      const renewed = await releaseAnew(caller, release, destination);
      if (renewed) {
        await answer.body?.return();
        const second = await Injection.of(renewed);
        guard = second.guard(first);
        answer = await send(destination, second.into(given), body?.whole ?? null, signal);
      }
    }
    const encoding = String(answer.headers["content-encoding"] ?? "");
    const headers = shownHeaders(answer, guard, isPlain(encoding), requestId);
    if (renewedOnly) headers[TOKEN_HEADER] = "renewed";
    const reflected = once(() => recordReflection(caller, release, destination, guard));
    if (guard.hits > 0) await reflected();
    if (!answer.body) {
      leave();
      return new Streamed(answer.status, headers, null);
    }
    const whole = isPlain(encoding) ? answer.body.whole() : null;
    if (whole) {
      const shown = guard.whole(whole);
      if (guard.hits > 0) await reflected();
      leave();
      return new Streamed(answer.status, headers, shown);
    }
    const plain = isPlain(encoding) ? answer.body : decodedBody(answer.body, encoding);
    return new Streamed(answer.status, headers, masked(plain, guard, reflected, leave));
  } catch (error) {
    leave();
    throw destinationFault(error, { tookTooLong: false });
  }
}

/** Says of a 401 that the token was renewed although the request, whose body is gone, could not be sent again. */
const TOKEN_HEADER = "x-latchkey-token";

/** http where the caller says so: only the operator's list lets such a request go. */
function schemeOf(request: Request): "http" | "https" {
  return request.headers.get("x-latchkey-scheme")?.toLowerCase() === "http" ? "http" : "https";
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
  body: KeptBody | Buffer | null,
  signal: Cancel,
): Promise<StreamedAnswer> {
  const kept = body instanceof KeptBody ? body : null;
  return safeFetch(
    url,
    {
      method,
      headers: { ...headers, "accept-encoding": "identity" },
      body: body instanceof KeptBody ? body.first : body,
      // Of what is here already, it counts by itself.
      bodyLength: kept && !kept.whole ? kept.length : null,
      signal,
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
  answer: StreamedAnswer,
  guard: ReflectionGuard,
  asItCame: boolean,
  requestId: string,
): Record<string, string> {
  const headers = answerHeaders(answer.headers, guard);
  const length = answer.headers["content-length"];
  if (asItCame && length !== undefined) headers["content-length"] = length;
  headers["content-disposition"] = (headers["content-disposition"] ?? "").replace(/^[^;]*/, "attachment");
  headers["content-security-policy"] = "sandbox; default-src 'none'; frame-ancestors 'none'";
  headers["x-content-type-options"] = "nosniff";
  headers["cache-control"] = "no-store";
  headers.via = "1.1 latchkey";
  headers["x-request-id"] = requestId;
  return headers;
}

/** The body masked, with an entry of the first hit before the piece it is in. `leave` once it is over in any way. */
async function* masked(
  pieces: AsyncIterable<Uint8Array>,
  guard: ReflectionGuard,
  reflected: () => Promise<void>,
  leave: () => void,
): AsyncGenerator<Uint8Array, undefined> {
  try {
    for await (const piece of pieces) {
      const shown = guard.add(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
      if (guard.hits > 0) await reflected();
      if (shown.length > 0) yield shown;
    }
    const rest = guard.end();
    if (guard.hits > 0) await reflected();
    if (rest.length > 0) yield rest;
  } catch (error) {
    throw destinationFault(error, { tookTooLong: false });
  } finally {
    leave();
  }
}

/** Runs it once, for all who ask. */
function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= work();
    return running;
  };
}
