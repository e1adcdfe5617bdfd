import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { decryptBody } from "@/lib/secret-use/jwt-resource";
import { decryptWithSecret } from "@/lib/secret-use/jwt-service";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  POST: endpoint({
    route: "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/jwt/decrypt",
    access: {
      permission: "workspaces.auth_secret.use",
      level: "workspace",
      ids: ["path.workspaceId", "path.secretId"],
    },
    body: decryptBody,
    handle: async ({ caller, params, body }) =>
      ok(await decryptWithSecret(caller, params.workspaceId ?? "", params.secretId ?? "", body.token)),
  }),
});
