import { endpoint, noContent, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { updateBody } from "@/lib/webhooks/resource";
import { deleteWebhook, getWebhook, updateWebhook } from "@/lib/webhooks/service";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/workspaces/{workspaceId}/webhooks/{webhookId}",
    access: { permission: "workspaces.webhook.get", level: "workspace", ids: ["path.workspaceId", "path.webhookId"] },
    handle: async ({ caller, params }) =>
      ok(await getWebhook(caller, params.workspaceId ?? "", params.webhookId ?? "")),
  }),
  PATCH: endpoint({
    route: "PATCH /v2/workspaces/{workspaceId}/webhooks/{webhookId}",
    access: {
      permission: "workspaces.webhook.edit",
      level: "workspace",
      ids: ["path.workspaceId", "path.webhookId", "body.data.id", "body.data.relationships.auth_secret.data.id"],
    },
    body: updateBody,
    handle: async ({ caller, params, body }) =>
      ok(await updateWebhook(caller, params.workspaceId ?? "", params.webhookId ?? "", body)),
  }),
  DELETE: endpoint({
    route: "DELETE /v2/workspaces/{workspaceId}/webhooks/{webhookId}",
    access: {
      permission: "workspaces.webhook.delete",
      level: "workspace",
      ids: ["path.workspaceId", "path.webhookId"],
    },
    async handle({ caller, params }) {
      await deleteWebhook(caller, params.workspaceId ?? "", params.webhookId ?? "");
      return noContent;
    },
  }),
});
