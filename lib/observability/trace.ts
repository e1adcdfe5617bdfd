import type { AsyncLocalStorage } from "node:async_hooks";
import type { Context, Span, Tracer } from "@opentelemetry/api";
import { installed } from "@/lib/process";

/**
 * Spans across request → refresh → provider. Imports only types: while tracing is off, which is so unless OpenTelemetry's
 * variables ask for it (lib/observability/tracing.ts), a span costs one look into a map.
 *
 * The context travels in a storage of our own. Nothing is registered as OpenTelemetry's global provider, because Next would
 * then make spans that hold whole URLs, a callback's code among them.
 */
export interface Tracing {
  api: typeof import("@opentelemetry/api");
  tracer: Tracer;
  current: AsyncLocalStorage<Context>;
}

/** What a span may hold; no other name can be passed, as with the log (LG-2). */
export interface SpanFields {
  "http.request.method"?: string;
  /** As declared, with the names of its parameters. */
  "http.route"?: string;
  "http.response.status_code"?: number;
  "server.address"?: string;
  "server.port"?: number;
  /** A word of ours: a kind of failure, an error's code. */
  "error.type"?: string;
  "latchkey.request_id"?: string;
  "latchkey.caller.kind"?: string;
  "latchkey.tenant_id"?: string;
  "latchkey.secret_id"?: string;
  "latchkey.generation"?: number;
  "latchkey.refresh.cause"?: string;
  "latchkey.refresh.outcome"?: string;
}

export interface SpanStart {
  kind: "server" | "client" | "internal";
  /** Asked only while tracing is on. */
  fields(): SpanFields;
  /** A caller's `traceparent`, as it came. */
  traceparent?: string | null;
  /** The caller has proved who he is: his trace goes on here. Anybody else's is only linked to. */
  trusted?: boolean;
  /** Monotonic; now when absent. */
  startedAt?: number;
}

export interface LiveSpan {
  /** Undefined while tracing is off. */
  traceId: string | undefined;
  /** Runs `work` so that spans begun in it are children of this one. */
  within<T>(work: () => T): T;
  set(fields: SpanFields): void;
  /** @param failed marks the span as an error */
  end(failed?: boolean): void;
}

/** The span of everything while tracing is off. */
export const NO_SPAN: LiveSpan = Object.freeze({
  traceId: undefined,
  within: <T>(work: () => T) => work(),
  set: () => {},
  end: () => {},
});

/** Begins a span under the current one. Whoever begins it ends it. */
export function startSpan(name: string, start: SpanStart): LiveSpan {
  const tracing = installed<Tracing>("tracing");
  return tracing ? begin(tracing, name, start) : NO_SPAN;
}

/** Runs `work` inside a span, which ends with it; a rejection marks it as failed. */
export function inSpan<T>(name: string, start: SpanStart, work: (span: LiveSpan) => Promise<T>): Promise<T> {
  const tracing = installed<Tracing>("tracing");
  if (!tracing) return work(NO_SPAN);
  const span = begin(tracing, name, start);
  return span.within(async () => {
    try {
      const result = await work(span);
      span.end();
      return result;
    } catch (error) {
      span.end(true);
      throw error;
    }
  });
}

/** Runs `work` under no span, for what is only set off by the current one: the next attempt of the sweep is a trace of its own. */
export function detached<T>(work: () => T): T {
  const tracing = installed<Tracing>("tracing");
  return tracing ? tracing.current.run(tracing.api.ROOT_CONTEXT, work) : work();
}

/** The trace that runs now, for the log. */
export function currentTraceId(): string | undefined {
  const tracing = installed<Tracing>("tracing");
  const context = tracing?.current.getStore();
  return context && tracing?.api.trace.getSpan(context)?.spanContext().traceId;
}

function begin({ api, tracer, current }: Tracing, name: string, start: SpanStart): LiveSpan {
  const kind = { server: api.SpanKind.SERVER, client: api.SpanKind.CLIENT, internal: api.SpanKind.INTERNAL }[
    start.kind
  ];
  const remote = remoteOf(start.traceparent);
  let parent = current.getStore() ?? api.ROOT_CONTEXT;
  if (remote && start.trusted) parent = api.trace.setSpanContext(parent, remote);
  const span = tracer.startSpan(
    name,
    {
      kind,
      attributes: { ...start.fields() },
      links: remote && !start.trusted ? [{ context: remote }] : [],
      ...(start.startedAt === undefined ? {} : { startTime: start.startedAt }),
    },
    parent,
  );
  return live(api, current, api.trace.setSpan(parent, span), span);
}

function live(api: Tracing["api"], current: Tracing["current"], context: Context, span: Span): LiveSpan {
  return {
    traceId: span.spanContext().traceId,
    within: (work) => current.run(context, work),
    set: (fields) => void span.setAttributes({ ...fields }),
    end: (failed = false) => {
      if (failed) span.setStatus({ code: api.SpanStatusCode.ERROR });
      span.end();
    },
  };
}

/** W3C Trace Context, version 00; anything else is as if it were not there. */
function remoteOf(header: string | null | undefined) {
  const match = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(header ?? "");
  const [, traceId = "", spanId = "", flags = ""] = match ?? [];
  if (!match || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return null;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
}
