import { endpoint, noContent, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { updateBody } from "@/lib/secrets/resource";
import { deleteSecret, getSecret } from "@/lib/secrets/service";
import { updateSecret } from "@/lib/secrets/update-secret";

const ids = ["path.workspaceId", "path.secretId"];

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/workspaces/{workspaceId}/secrets/{secretId}",
    access: { permission: "workspaces.auth_secret.get", level: "workspace", ids },
    handle: async ({ caller, params }) => ok(await getSecret(caller, params.workspaceId ?? "", params.secretId ?? "")),
  }),
  PATCH: endpoint({
    route: "PATCH /v2/workspaces/{workspaceId}/secrets/{secretId}",
    access: {
      permission: "workspaces.auth_secret.edit",
      level: "workspace",
      ids: [...ids, "body.data.id", "body.data.relationships.auth_client.data.id"],
    },
    body: updateBody,
    handle: async ({ caller, params, body }) =>
      ok(await updateSecret(caller, params.workspaceId ?? "", params.secretId ?? "", body)),
  }),
  DELETE: endpoint({
    route: "DELETE /v2/workspaces/{workspaceId}/secrets/{secretId}",
    access: { permission: "workspaces.auth_secret.delete", level: "workspace", ids },
    handle: async ({ caller, params }) => {
      await deleteSecret(caller, params.workspaceId ?? "", params.secretId ?? "");
      return noContent;
    },
  }),
});
