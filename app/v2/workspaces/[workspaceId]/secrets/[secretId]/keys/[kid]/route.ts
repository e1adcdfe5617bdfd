import { endpoint, noContent } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { retireKey } from "@/lib/secrets/rotate-key";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  DELETE: endpoint({
    route: "DELETE /v2/workspaces/{workspaceId}/secrets/{secretId}/keys/{kid}",
    access: {
      permission: "workspaces.auth_secret.edit",
      level: "workspace",
      ids: ["path.workspaceId", "path.secretId", "path.kid"],
    },
    handle: async ({ caller, params }) => {
      await retireKey(caller, params.workspaceId ?? "", params.secretId ?? "", params.kid ?? "");
      return noContent;
    },
  }),
});
