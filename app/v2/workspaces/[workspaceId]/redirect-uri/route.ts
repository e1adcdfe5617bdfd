import { previewRedirectUri } from "@/lib/auth-clients/redirect-preview";
import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { redirectUri } from "@/lib/oauth/redirect-names";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/workspaces/{workspaceId}/redirect-uri",
    access: {
      permission: "workspaces.auth_secret.create",
      level: "workspace",
      ids: ["path.workspaceId", "query.auth_client"],
    },
    query: ["name", "auth_client"],
    handle: async ({ caller, params, query }) => {
      const secretName = await previewRedirectUri(
        caller,
        params.workspaceId ?? "",
        query.get("name"),
        query.get("auth_client"),
      );
      return ok({
        id: null,
        type: "redirect-uri",
        attributes: { redirect_uri: redirectUri(secretName), secret_name: secretName },
      });
    },
  }),
});
