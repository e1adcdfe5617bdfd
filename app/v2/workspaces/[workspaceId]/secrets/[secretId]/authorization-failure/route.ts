import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { readAuthorizationFailure } from "@/lib/oauth/last-failure";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/workspaces/{workspaceId}/secrets/{secretId}/authorization-failure",
    access: {
      permission: "workspaces.auth_secret.get",
      level: "workspace",
      ids: ["path.workspaceId", "path.secretId"],
    },
    query: ["reason"],
    handle: async ({ caller, params, query }) =>
      ok(await readAuthorizationFailure(caller, params.workspaceId ?? "", params.secretId ?? "", query.get("reason"))),
  }),
});
