import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { refreshSecret } from "@/lib/secrets/tokens";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  POST: endpoint({
    route: "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/refresh",
    access: {
      permission: "workspaces.auth_secret.refresh",
      level: "workspace",
      ids: ["path.workspaceId", "path.secretId"],
    },
    // Existing clients send nothing, `{}` and form types here (CONTRACT section 8, point 9).
    body: "none",
    handle: async ({ caller, params }) => {
      const { resource, meta } = await refreshSecret(caller, params.workspaceId ?? "", params.secretId ?? "");
      return ok(resource, meta);
    },
  }),
});
