import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { encryptBody } from "@/lib/secret-use/jwt-resource";
import { encryptForSecret } from "@/lib/secret-use/jwt-service";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  POST: endpoint({
    route: "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/jwt/encrypt",
    access: {
      permission: "workspaces.auth_secret.use",
      level: "workspace",
      ids: ["path.workspaceId", "path.secretId"],
    },
    body: encryptBody,
    handle: async ({ caller, params, body }) =>
      ok(await encryptForSecret(caller, params.workspaceId ?? "", params.secretId ?? "", body.plaintext)),
  }),
});
