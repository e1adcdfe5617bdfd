import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "@/lib/clock";
import { readSettings } from "@/lib/config";
import { forget, install, installed } from "@/lib/process";
import { Hosts } from "@/lib/refresher/hosts";
import { refresher } from "@/lib/refresher/live-world";
import { startSweep } from "@/lib/refresher/sweep";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { startTracing } from "./tracing";

/** A collector of OTLP over HTTP in this process sees what OpenTelemetry's variables ask for. */
const world = useOAuthWorld();

interface Sent {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  attributes: { key: string; value: Record<string, unknown> }[];
  links?: { traceId: string; spanId: string }[];
  status?: { code?: number };
}

let collector: Server;
let bodies: { type: string; path: string; headers: Record<string, unknown>; body: Buffer }[] = [];
const names = [
  "OTEL_EXPORTER_OTLP_ENDPOINT",
  "OTEL_EXPORTER_OTLP_PROTOCOL",
  "OTEL_EXPORTER_OTLP_HEADERS",
  "OTEL_SERVICE_NAME",
];

beforeAll(async () => {
  collector = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      bodies.push({
        type: String(request.headers["content-type"]),
        path: request.url ?? "",
        headers: request.headers,
        body: Buffer.concat(chunks),
      });
      response.writeHead(200, { "content-type": String(request.headers["content-type"]) }).end();
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
});
beforeEach(() => {
  bodies = [];
});
afterAll(async () => {
  for (const name of names) delete process.env[name];
  forget("tracing");
  await new Promise((resolve) => collector.close(resolve));
});

/** Starts tracing as the variables say, does `work`, ends it, and gives what the collector got. */
async function traced(protocol: string | null, work: () => Promise<unknown>) {
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  process.env.OTEL_EXPORTER_OTLP_HEADERS = "authorization=Bearer collector-token";
  process.env.OTEL_SERVICE_NAME = "latchkey-under-test";
  if (protocol === null) delete process.env.OTEL_EXPORTER_OTLP_PROTOCOL;
  else process.env.OTEL_EXPORTER_OTLP_PROTOCOL = protocol;
  const { DATABASE_URL, LATCHKEY_MASTER_KEY } = {
    DATABASE_URL: world.database.url,
    LATCHKEY_MASTER_KEY: Buffer.alloc(32, 1).toString("base64"),
  };
  const { tracing } = readSettings({ ...process.env, DATABASE_URL, LATCHKEY_MASTER_KEY });
  install("settings", { ...world.database.settings, tracing });
  const stop = await startTracing();
  try {
    await work();
  } finally {
    await stop();
    forget("tracing");
    install("settings", world.database.settings);
  }
}

const spansOf = (): Sent[] =>
  bodies.flatMap(({ body }) =>
    JSON.parse(body.toString()).resourceSpans.flatMap((one: { scopeSpans: { spans: Sent[] }[] }) =>
      one.scopeSpans.flatMap((scope) => scope.spans),
    ),
  );
const field = (span: Sent | undefined, key: string) =>
  Object.values(span?.attributes.find((one) => one.key === key)?.value ?? {})[0];
const TOKEN = "GET /v2/workspaces/{workspaceId}/secrets/{secretId}/token";
const CALLER = { trace: "0af7651916cd43dd8448eb211c80319c", span: "b7ad6b7169203331" };
const traceparent = `00-${CALLER.trace}-${CALLER.span}-01`;

describe("request → refresh → provider", () => {
  it("is one trace, and no value is in it", async () => {
    const secret = await world.addSecret();
    await world.expire(secret.id);
    let fresh = "";
    await traced("http/json", async () => {
      const answer = await world.token(secret.id, "?minimum_validity=7");
      fresh = answer.body.data.attributes.access_token;
    });
    expect(bodies[0]).toMatchObject({ path: "/v1/traces", type: "application/json" });
    expect(bodies[0]?.headers.authorization).toBe("Bearer collector-token");
    const spans = spansOf();
    const [request, refresh, provider] = [TOKEN, "refresh", "POST"].map((name) =>
      spans.find((span) => span.name === name),
    );
    expect(spans).toHaveLength(3);
    expect(new Set(spans.map((span) => span.traceId)).size).toBe(1);
    expect(request?.parentSpanId ?? "").toBe("");
    expect(refresh?.parentSpanId).toBe(request?.spanId);
    expect(provider?.parentSpanId).toBe(refresh?.spanId);
    expect([request?.kind, refresh?.kind, provider?.kind]).toEqual([2, 1, 3]);
    expect(Number(field(request, "http.response.status_code"))).toBe(200);
    expect(field(refresh, "latchkey.secret_id")).toBe(secret.id);
    expect(field(refresh, "latchkey.refresh.outcome")).toBe("landed");
    expect(field(provider, "server.address")).toBe("127.0.0.1");

    const everything = bodies.map(({ body }) => body.toString()).join("\n");
    expect(everything).toContain("latchkey-under-test");
    const grant = world.idp.grant(secret.grantId);
    const [login = "", key = ""] = Buffer.from(String(world.task.basic.authorization).slice(6), "base64")
      .toString()
      .split(":");
    expect(login).toMatch(/^task-/);
    for (const value of [
      fresh,
      secret.accessToken,
      secret.refreshToken,
      grant.presentations[0]?.issued,
      key,
      "client-secret-value",
      "minimum_validity",
      "/refresh",
    ]) {
      expect(value).toBeTruthy();
      expect(everything).not.toContain(value);
      expect(everything).not.toContain(Buffer.from(String(value)).toString("base64").replace(/=+$/, ""));
    }
    // Nothing of it reaches the provider.
    expect(world.idp.refreshCalls().map((one) => one.headers.traceparent)).toEqual([undefined]);
  });

  it("is protobuf unless JSON is asked for", async () => {
    const secret = await world.addSecret();
    await traced(null, () => world.token(secret.id));
    expect(bodies[0]?.type).toBe("application/x-protobuf");
    expect(bodies[0]?.body.includes(TOKEN)).toBe(true);
  });

  it("begins anew for what the sweep finds, one trace an attempt", async () => {
    const ids = [await world.addSecret(), await world.addSecret()].map((one) => one.id);
    // Room for one: the second waits in line, and the end of the first sets it off.
    install("refresher", { ...refresher(), hosts: new Hosts(systemClock, { limit: 1, sharePercent: 100 }) });
    world.idp.always({ holdMs: 150 });
    for (const id of ids) await world.makeDue(id);
    await traced("http/json", async () => {
      const sweep = startSweep();
      for (const id of ids)
        await expect.poll(async () => (await world.state(id)).generation, { timeout: 15_000 }).toBe(2);
      await sweep.stop(5_000);
    });
    forget("refresher");
    const refreshes = spansOf().filter((span) => span.name === "refresh");
    expect(refreshes.map((span) => field(span, "latchkey.secret_id")).sort()).toEqual([...ids].sort());
    expect(refreshes.map((span) => span.parentSpanId ?? "")).toEqual(["", ""]);
    expect(new Set(refreshes.map((span) => span.traceId)).size).toBe(2);
    expect(refreshes.map((span) => field(span, "latchkey.refresh.cause"))).toEqual(["due", "due"]);
  });
});

describe("a caller's traceparent", () => {
  const ask = (authorization: Record<string, string>, header: string) =>
    fetchToken({ ...authorization, traceparent: header });
  const fetchToken = async (headers: Record<string, string>) => {
    const { GET } = await import("@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/token/route");
    const params = { workspaceId: world.place.workspaceId, secretId: "000000000000000000000000" };
    return GET(new Request("http://latchkey.test/v2/x", { headers }), { params });
  };

  it("is gone on with when he has proved who he is, and never becomes the request id", async () => {
    let id: string | null = null;
    await traced("http/json", async () => {
      id = (await ask(world.task.basic, traceparent)).headers.get("x-request-id");
    });
    const [span] = spansOf();
    expect(span).toMatchObject({ traceId: CALLER.trace, parentSpanId: CALLER.span });
    expect(id).not.toContain(CALLER.trace);
  });

  it("is only linked to when he has not", async () => {
    await traced("http/json", () => ask({}, traceparent));
    const [span] = spansOf();
    expect(span?.traceId).not.toBe(CALLER.trace);
    expect(span?.parentSpanId ?? "").toBe("");
    expect(span?.links).toMatchObject([{ traceId: CALLER.trace, spanId: CALLER.span }]);
  });

  it.each([
    "",
    "00-x",
    `00-${"0".repeat(32)}-${CALLER.span}-01`,
    `ff-${CALLER.trace}-${CALLER.span}-01`,
    `${traceparent}-more`,
  ])("is ignored when it is %j", async (header) => {
    await traced("http/json", async () => {
      await ask(world.task.basic, header);
      await ask({}, header);
    });
    const spans = spansOf();
    expect(spans).toHaveLength(2);
    for (const span of spans) {
      expect(span.traceId).not.toBe(CALLER.trace);
      expect(span.links ?? []).toEqual([]);
    }
  });
});

describe("off", () => {
  it("is the default, and nothing is sent", async () => {
    expect(world.database.settings.tracing).toEqual({ encoding: null, complaint: null });
    const stop = await startTracing();
    const secret = await world.addSecret();
    await world.refresh(secret.id);
    await stop();
    expect(installed("tracing")).toBeUndefined();
    expect(bodies).toEqual([]);
  });

  const base = {
    LATCHKEY_MASTER_KEY: Buffer.alloc(32, 1).toString("base64"),
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318",
  };
  it.each([
    [{ OTEL_SDK_DISABLED: "true" }, null, false],
    [{ OTEL_TRACES_EXPORTER: "none" }, null, false],
    [{ OTEL_TRACES_EXPORTER: "zipkin" }, null, true],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, null, true],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc", OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/json" }, "json", false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "", OTEL_TRACES_EXPORTER: "otlp" }, "protobuf", false],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: "", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://c:4318/v1/traces" },
      "protobuf",
      false,
    ],
  ])("or on, as %j says", (env, encoding, complains) => {
    const { tracing } = readSettings({ ...base, ...env });
    expect(tracing.encoding).toBe(encoding);
    expect(tracing.complaint !== null).toBe(complains);
  });
});
