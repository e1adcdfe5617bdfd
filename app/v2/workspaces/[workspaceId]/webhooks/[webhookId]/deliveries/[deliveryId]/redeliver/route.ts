import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { redeliver } from "@/lib/webhooks/deliveries";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  POST: endpoint({
    route: "POST /v2/workspaces/{workspaceId}/webhooks/{webhookId}/deliveries/{deliveryId}/redeliver",
    access: {
      permission: "workspaces.webhook.edit",
      level: "workspace",
      ids: ["path.workspaceId", "path.webhookId", "path.deliveryId"],
    },
    body: "none",
    handle: async ({ caller, params }) =>
      ok(await redeliver(caller, params.workspaceId ?? "", params.webhookId ?? "", params.deliveryId ?? "")),
  }),
});
