import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { rotateSigningSecret } from "@/lib/webhooks/service";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  POST: endpoint({
    route: "POST /v2/workspaces/{workspaceId}/webhooks/{webhookId}/rotate",
    access: { permission: "workspaces.webhook.edit", level: "workspace", ids: ["path.workspaceId", "path.webhookId"] },
    body: "none",
    handle: async ({ caller, params }) =>
      ok(await rotateSigningSecret(caller, params.workspaceId ?? "", params.webhookId ?? "")),
  }),
});
