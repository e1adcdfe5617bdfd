import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { requestWithSecret } from "@/lib/secret-use/http-request";
import { requestBody, toResponseResource } from "@/lib/secret-use/resource";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  POST: endpoint({
    route: "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/request",
    access: {
      permission: "workspaces.auth_secret.use",
      level: "workspace",
      ids: ["path.workspaceId", "path.secretId"],
    },
    body: requestBody,
    handle: async ({ caller, params, body, request }) => {
      const { workspaceId = "", secretId = "" } = params;
      const answer = await requestWithSecret(caller, workspaceId, secretId, body, request.signal);
      return ok(toResponseResource(secretId, answer));
    },
  }),
});
