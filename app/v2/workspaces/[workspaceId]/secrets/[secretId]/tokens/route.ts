import { endpoint, noContent } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { forgetSecretTokens } from "@/lib/secrets/tokens";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  DELETE: endpoint({
    route: "DELETE /v2/workspaces/{workspaceId}/secrets/{secretId}/tokens",
    access: {
      permission: "workspaces.auth_secret.edit",
      level: "workspace",
      ids: ["path.workspaceId", "path.secretId"],
    },
    handle: async ({ caller, params }) => {
      await forgetSecretTokens(caller, params.workspaceId ?? "", params.secretId ?? "");
      return noContent;
    },
  }),
});
