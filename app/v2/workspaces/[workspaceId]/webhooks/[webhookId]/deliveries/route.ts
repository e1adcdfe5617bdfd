import { endpoint, ok } from "@/lib/http/endpoint";
import { pageMeta, readPage } from "@/lib/http/json-api";
import { methods } from "@/lib/http/methods";
import { listDeliveries } from "@/lib/webhooks/deliveries";

const SIZE = 20;
const MAX = 100;

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/workspaces/{workspaceId}/webhooks/{webhookId}/deliveries",
    access: { permission: "workspaces.webhook.get", level: "workspace", ids: ["path.workspaceId", "path.webhookId"] },
    query: ["page[number]", "page[size]"],
    handle: async ({ caller, params, query }) => {
      const page = readPage(query, { size: SIZE, max: MAX }) ?? { number: 1, size: SIZE };
      const { resources, total } = await listDeliveries(caller, params.workspaceId ?? "", params.webhookId ?? "", page);
      return ok(resources, pageMeta(page, total));
    },
  }),
});
