import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { testWebhook } from "@/lib/webhooks/deliveries";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  POST: endpoint({
    route: "POST /v2/workspaces/{workspaceId}/webhooks/{webhookId}/test",
    access: { permission: "workspaces.webhook.edit", level: "workspace", ids: ["path.workspaceId", "path.webhookId"] },
    body: "none",
    handle: async ({ caller, params }) =>
      ok(await testWebhook(caller, params.workspaceId ?? "", params.webhookId ?? "")),
  }),
});
