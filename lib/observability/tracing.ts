import { AsyncLocalStorage } from "node:async_hooks";
import type { SpanExporter } from "@opentelemetry/sdk-trace-base";
import { settings } from "@/lib/config";
import { install } from "@/lib/process";
import { errorFields, log } from "./log";
import type { Tracing } from "./trace";

/** Complaints about a collector that does not take spans: one in this time. */
const QUIET_MS = 60_000;

/**
 * Starts tracing when OpenTelemetry's variables ask for it (`settings().tracing`); else nothing is loaded. The exporter's
 * connection does not go through lib/egress: its destination is the operator's, by environment, and no tenant can name one.
 *
 * @returns sends what is still here and ends; resolves also when the collector is away
 */
export async function startTracing(): Promise<() => Promise<void>> {
  const { encoding } = settings().tracing;
  if (encoding === null) return async () => {};
  const [api, sdk, resources, { OTLPTraceExporter }] = await Promise.all([
    import("@opentelemetry/api"),
    import("@opentelemetry/sdk-trace-base"),
    import("@opentelemetry/resources"),
    encoding === "json"
      ? import("@opentelemetry/exporter-trace-otlp-http")
      : import("@opentelemetry/exporter-trace-otlp-proto"),
  ]);
  const provider = new sdk.BasicTracerProvider({
    resource: resources
      .resourceFromAttributes({ "service.name": "latchkey" })
      .merge(resources.detectResources({ detectors: [resources.envDetector] })),
    spanProcessors: [new sdk.BatchSpanProcessor(complaining(new OTLPTraceExporter()))],
  });
  install<Tracing>("tracing", { api, tracer: provider.getTracer("latchkey"), current: new AsyncLocalStorage() });
  return async () => {
    try {
      await provider.shutdown();
    } catch (error) {
      log.warn("trace_export_failed", errorFields(error));
    }
  };
}

/** The SDK keeps quiet about spans that nobody took; say so now and then. */
function complaining(exporter: SpanExporter): SpanExporter {
  let saidAt = Number.NEGATIVE_INFINITY;
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.code !== 0 && performance.now() - saidAt >= QUIET_MS) {
          saidAt = performance.now();
          log.warn("trace_export_failed", { count: spans.length, ...errorFields(result.error) });
        }
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
}
