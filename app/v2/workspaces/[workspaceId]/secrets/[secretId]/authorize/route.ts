import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { authorizationLink } from "@/lib/secrets/tokens";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  POST: endpoint({
    route: "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/authorize",
    access: {
      permission: "workspaces.auth_secret.edit",
      level: "workspace",
      ids: ["path.workspaceId", "path.secretId"],
    },
    body: "none",
    handle: async ({ caller, params }) =>
      ok(await authorizationLink(caller, params.workspaceId ?? "", params.secretId ?? "")),
  }),
});
