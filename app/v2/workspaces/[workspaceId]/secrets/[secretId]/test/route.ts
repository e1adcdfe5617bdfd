import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { testSecret } from "@/lib/secret-use/test-secret";

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
      ok(await testSecret(caller, params.workspaceId ?? "", params.secretId ?? "", request.signal)),
  }),
});
