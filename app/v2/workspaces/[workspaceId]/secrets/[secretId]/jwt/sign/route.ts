import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { signBody } from "@/lib/secret-use/jwt-resource";
import { signWithSecret } from "@/lib/secret-use/jwt-service";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  POST: endpoint({
    route: "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/jwt/sign",
    access: {
      permission: "workspaces.auth_secret.use",
      level: "workspace",
      ids: ["path.workspaceId", "path.secretId"],
    },
    body: signBody,
    handle: async ({ caller, params, body }) =>
      ok(await signWithSecret(caller, params.workspaceId ?? "", params.secretId ?? "", body)),
  }),
});
