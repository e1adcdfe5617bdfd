import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { testConnection } from "@/lib/secret-use/sql";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  POST: endpoint({
    route: "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/test",
    access: {
      permission: "workspaces.auth_secret.edit",
      level: "workspace",
      ids: ["path.workspaceId", "path.secretId"],
    },
    body: "none",
    handle: async ({ caller, params, request }) =>
      ok(await testConnection(caller, params.workspaceId ?? "", params.secretId ?? "", request.signal)),
  }),
});
