import { AppError } from "@/lib/errors";
import { newRequestId } from "@/lib/ids";
import { errorFields, log } from "@/lib/observability/log";
import { clientAddress } from "./client-address";
import { answerFailure, type Endpoint } from "./endpoint";
import { loggablePath, refuseKeyInUrl } from "./key-in-url";

const METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"] as const;
export type Method = (typeof METHODS)[number];

/** A route handler that answers the same whatever the path's parameters are. */
export interface Refusal {
  (request: Request): Promise<Response>;
  /** For the table of AZ-1: there is nothing here to allow. */
  refuses: true;
}

/**
 * The exports of one route file: the given endpoints, and for every other method an answer 405 with `Allow`, because Next's
 * own 405 has no body and JSON is promised everywhere under /v2.
 *
 * `export const { GET, POST, PATCH, PUT, DELETE } = methods({ GET: …, POST: … });`
 */
export function methods(known: Partial<Record<Method, Endpoint>>): Record<Method, Endpoint | Refusal> {
  const allow = METHODS.filter((method) => known[method]).join(", ");
  const wrong = refusal(
    () => new AppError("method_not_allowed", `This address knows ${allow} only.`, { headers: { allow } }),
  );
  return Object.fromEntries(METHODS.map((method) => [method, known[method] ?? wrong])) as Record<
    Method,
    Endpoint | Refusal
  >;
}

/** An answer that is always the same failure, with request id, headers and log line as every endpoint has them. */
export function refusal(failure: () => AppError): Refusal {
  const refuse = async (request: Request) => {
    const requestId = newRequestId();
    const url = new URL(request.url);
    let error: unknown = failure();
    try {
      await refuseKeyInUrl(url, {
        requestId,
        ip: clientAddress(request),
        userAgent: request.headers.get("user-agent"),
        purpose: null,
      });
    } catch (refused) {
      error = refused;
    }
    const response = answerFailure(error, requestId);
    log[response.status >= 500 ? "error" : "info"]("request", {
      requestId,
      method: request.method,
      path: loggablePath(url),
      status: response.status,
      ...(response.status >= 500 ? errorFields(error) : {}),
    });
    return response;
  };
  return Object.assign(refuse, { refuses: true as const });
}
