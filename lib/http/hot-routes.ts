import * as healthz from "@/app/healthz/route";
import * as inbound from "@/app/inbound/[endpointId]/check/route";
import * as metrics from "@/app/metrics/route";
import * as outbound from "@/app/outbound/[secretId]/[...target]/route";
import * as readyz from "@/app/readyz/route";
import * as events from "@/app/v2/workspaces/[workspaceId]/events/route";
import * as refresh from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/refresh/route";
import * as refused from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/refused/route";
import * as request from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/request/route";
import * as secret from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import * as sql from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/sql/route";
import * as token from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/token/route";
import type { HotRoute } from "./node-entry";

/**
 * The few routes that server.ts answers straight from node:http, with the same endpoint objects Next exports. The only file
 * of lib that imports app/: it is a list of declarations.
 */
const SECRET = "/v2/workspaces/[workspaceId]/secrets/[secretId]";
const INBOUND = "/inbound/[endpointId]/check";
const OUTBOUND = "/outbound/[secretId]/[...target]";

export const HOT_ROUTES: readonly HotRoute[] = [
  { method: "GET", path: SECRET, endpoint: secret.GET },
  { method: "GET", path: `${SECRET}/token`, endpoint: token.GET },
  // As Next does for all others: what GET answers, without the body.
  { method: "HEAD", path: SECRET, endpoint: secret.GET },
  { method: "HEAD", path: `${SECRET}/token`, endpoint: token.GET },
  { method: "POST", path: `${SECRET}/refresh`, endpoint: refresh.POST },
  { method: "POST", path: `${SECRET}/refused`, endpoint: refused.POST },
  { method: "POST", path: `${SECRET}/sql`, endpoint: sql.POST },
  // Not asked often, but open for hours, and Next's promise hooks with it (lib/http/promise-hooks.ts).
  { method: "GET", path: "/v2/workspaces/[workspaceId]/events", endpoint: events.GET },
  { method: "HEAD", path: "/v2/workspaces/[workspaceId]/events", endpoint: events.GET },
  { method: "POST", path: `${SECRET}/request`, endpoint: request.POST },
  { method: "GET", path: OUTBOUND, endpoint: outbound.GET },
  { method: "POST", path: OUTBOUND, endpoint: outbound.POST },
  { method: "PATCH", path: OUTBOUND, endpoint: outbound.PATCH },
  { method: "PUT", path: OUTBOUND, endpoint: outbound.PUT },
  { method: "DELETE", path: OUTBOUND, endpoint: outbound.DELETE },
  { method: "HEAD", path: OUTBOUND, endpoint: outbound.HEAD },
  { method: "OPTIONS", path: OUTBOUND, endpoint: outbound.OPTIONS },
  { method: "GET", path: INBOUND, endpoint: inbound.GET },
  { method: "POST", path: INBOUND, endpoint: inbound.POST },
  { method: "PATCH", path: INBOUND, endpoint: inbound.PATCH },
  { method: "PUT", path: INBOUND, endpoint: inbound.PUT },
  { method: "DELETE", path: INBOUND, endpoint: inbound.DELETE },
  // Of a proxy that asks with the method of the request it asks about.
  { method: "HEAD", path: INBOUND, endpoint: inbound.GET },
  { method: "OPTIONS", path: INBOUND, endpoint: inbound.GET },
];

/** What a worker answers on LATCHKEY_WORKER_PORT, and nothing else. */
export const WORKER_ROUTES: readonly HotRoute[] = [
  { method: "GET", path: "/healthz", endpoint: healthz.GET },
  { method: "GET", path: "/readyz", endpoint: readyz.GET },
  { method: "GET", path: "/metrics", endpoint: metrics.GET },
];
