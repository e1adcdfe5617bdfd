import { created, endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { createBody } from "@/lib/webhooks/resource";
import { createWebhook, listWebhooks } from "@/lib/webhooks/service";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/workspaces/{workspaceId}/webhooks",
    access: { permission: "workspaces.webhook.get", level: "workspace", ids: ["path.workspaceId"] },
    handle: async ({ caller, params }) => ok(await listWebhooks(caller, params.workspaceId ?? "")),
  }),
  POST: endpoint({
    route: "POST /v2/workspaces/{workspaceId}/webhooks",
    access: {
      permission: "workspaces.webhook.create",
      level: "workspace",
      ids: ["path.workspaceId", "body.data.relationships.auth_secret.data.id"],
    },
    body: createBody,
    handle: async ({ caller, params, body }) => created(await createWebhook(caller, params.workspaceId ?? "", body)),
  }),
});
