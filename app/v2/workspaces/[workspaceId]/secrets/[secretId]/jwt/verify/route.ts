import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { verifyBody } from "@/lib/secret-use/jwt-resource";
import { verifyWithSecret } from "@/lib/secret-use/jwt-service";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  POST: endpoint({
    route: "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/jwt/verify",
    access: {
      permission: "workspaces.auth_secret.use",
      level: "workspace",
      ids: ["path.workspaceId", "path.secretId"],
    },
    body: verifyBody,
    handle: async ({ caller, params, body }) =>
      ok(await verifyWithSecret(caller, params.workspaceId ?? "", params.secretId ?? "", body)),
  }),
});
