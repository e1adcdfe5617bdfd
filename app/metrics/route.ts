import { createHash, timingSafeEqual } from "node:crypto";
import { settings } from "@/lib/config";
import { AppError } from "@/lib/errors";
import { endpoint } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { prometheusText } from "@/lib/observability/scrape";

const digest = (text: string) => createHash("sha256").update(text).digest();

/** Prometheus text; protected by LATCHKEY_METRICS_TOKEN when it is set (API.md "Around it"). */
export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /metrics",
    access: { permission: "public", level: "none", ids: [] },
    handle: async ({ request }) => {
      const token = settings().metricsToken;
      const given = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
      if (token !== undefined && !timingSafeEqual(digest(given), digest(token)))
        throw new AppError("unauthenticated", "Send the metrics token as Authorization: Bearer.");
      const { text, type } = await prometheusText();
      return {
        status: 200,
        response: new Response(text, { headers: { "content-type": type, "cache-control": "no-store" } }),
      };
    },
  }),
});
