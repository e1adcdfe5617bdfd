import type { Caller } from "@/lib/access/caller";
import { recordNow } from "@/lib/audit/record";
import { settings } from "@/lib/config";
import { Rooms } from "@/lib/egress/rooms";
import { type Answer, Egress, exchange } from "@/lib/egress/safe-fetch";
import { AppError } from "@/lib/errors";
import { pointer } from "@/lib/http/json-api";
import { once } from "@/lib/process";
import { type Destination, type Release, releaseAnew, releaseFor } from "@/lib/secrets/requests";
import { destinationFault, HEADERS_MS, TOTAL_MS } from "./destination-fault";
import { answerHeaders, headerComplaint } from "./headers";
import { Injection } from "./http-injection";
import type { ReflectionGuard } from "./reflection-guard";
import type { RequestAnswer, RequestBody } from "./resource";
import { TemplateValues } from "./template-values";
import { type Filled, TemplatedRequest } from "./templated-request";

/**
 * One HTTP request made with a secret: the value goes to its allowed host and to nobody else, the caller included (SECURITY PX-1 to PX-3).
 * Redirects are given back as they are, so no other origin ever gets a request.
 */

const MB = 1024 * 1024;
/** SECURITY SS-7. */
const LIMITS = { maxBytes: 10 * MB, maxInflated: 20 * MB, ratio: 100, headersTimeoutMs: HEADERS_MS };

/**
 * Sends the request, and once more with a newer token where the destination answers 401 to an oauth2 secret.
 *
 * @param gone aborts when the caller has gone
 * @throws AppError as `releaseFor`; invalid_attribute for a header that may not be set and a reference that leads to nothing;
 * destination_fault (424) when no usable answer came; throttled when too many requests to that host are under way
 */
export async function requestWithSecret(
  caller: Caller,
  workspaceId: string,
  secretId: string,
  request: RequestBody,
  gone: AbortSignal,
): Promise<RequestAnswer> {
  const templated = new TemplatedRequest(request);
  const destination: Destination = { method: request.method, url: templated.url };
  requireHeaders(templated.plainHeaders, []);
  const late = AbortSignal.timeout(TOTAL_MS);
  const until = { gone, late };
  const release = await releaseFor(caller, workspaceId, secretId, destination);
  const values = await TemplateValues.of(caller, release, templated.references, destination);
  const first = await Injection.of(release, values.all);
  const sent = filledBy(templated, values, first);
  const leave = enterRoom(destination.url, release.scope.tenantId);
  const began = performance.now();
  try {
    let answer = await send(request, sent, first, until);
    let guard = first.guard();
    let tries = 1;
    if (answer.status === 401) {
      const renewed = await releaseAnew(caller, release, destination);
      if (renewed) {
        const newer = await values.renewed(renewed);
        const second = await Injection.of(renewed, newer.all);
        answer = await send(request, filledBy(templated, newer, second), second, until);
        guard = second.guard(first);
        tries = 2;
      }
    }
    const durationMs = performance.now() - began;
    const headers = answerHeaders(answer.headers, guard);
    const body = Buffer.concat([guard.add(answer.body), guard.end()]);
    if (guard.hits > 0) await recordReflection(caller, release, destination, guard);
    return { status: answer.status, headers, body, durationMs, tries, masked: guard.hits };
  } finally {
    leave();
  }
}

/** @throws AppError invalid_attribute for a value that cannot stand where its reference does, and for headers that may not be set */
function filledBy(templated: TemplatedRequest, values: TemplateValues, { names }: Injection): Filled {
  const sent = templated.fill(values.valueFor);
  if (!sent)
    throw new AppError("invalid_attribute", "What a reference stands for cannot be part of this URL.", {
      source: { pointer: "/url" },
    });
  requireHeaders(sent.headers, names);
  return sent;
}

/** @throws AppError invalid_attribute with every header that may not be set */
function requireHeaders(headers: Readonly<Record<string, string>>, injected: readonly string[]): void {
  const items = Object.entries(headers).flatMap(([name, value]) => {
    const complaint = headerComplaint(name, value, injected);
    return complaint
      ? [
          {
            code: "invalid_attribute" as const,
            detail: `The header ${complaint}.`,
            source: { pointer: pointer(["headers", name]) },
          },
        ]
      : [];
  });
  const [first, ...more] = items;
  if (first) throw new AppError(first.code, first.detail, { source: first.source, more });
}

async function send(
  { method, body_base64 }: RequestBody,
  { url, headers, body: text }: Filled,
  injection: Injection,
  { gone, late }: { gone: AbortSignal; late: AbortSignal },
): Promise<Answer> {
  const body = text ?? (body_base64 === undefined ? null : Buffer.from(body_base64, "base64"));
  try {
    return await exchange(
      url,
      // Compressed answers are not asked for; what comes compressed all the same is undone within the limits, to be looked into.
      {
        method,
        headers: { ...injection.into(headers), "accept-encoding": "identity" },
        body,
        signal: AbortSignal.any([gone, late]),
      },
      { ...LIMITS, egress: outboundEgress() },
    );
  } catch (error) {
    throw destinationFault(error, { tookTooLong: late.aborted });
  }
}

/** Connections of their own: whatever callers do, there are some left for token endpoints. */
export function outboundEgress(): Egress {
  return once("outbound-egress", () => new Egress({ allow: settings().egressAllow }));
}

/**
 * Takes room for a request at its host (SS-9).
 *
 * @returns ends the stay
 * @throws AppError throttled when there is none
 */
export function enterRoom(url: URL, tenantId: string): () => void {
  const rooms = once("outbound-rooms", () => new Rooms({ perHost: 128, perHolderAtHost: 64, perHolder: 256 }));
  const leave = rooms.enter(url, tenantId);
  if (leave) return leave;
  throw new AppError("throttled", "Too many requests to this host are under way. Try again shortly.", {
    retryAfterS: 1,
  });
}

/** Written before the masked answer is given out. */
export async function recordReflection(
  caller: Caller,
  { scope, row }: Pick<Release, "scope" | "row">,
  { url }: Destination,
  guard: ReflectionGuard,
): Promise<void> {
  await recordNow(caller, {
    tenantId: scope.tenantId,
    workspaceId: scope.workspaceId,
    action: "secret.reflected",
    outcome: "denied",
    target: { type: "auth-secret", id: row.id, name: row.name },
    generation: row.tokenGeneration ?? row.generation,
    host: url.host,
    detail: { masked: guard.hits },
  });
}
