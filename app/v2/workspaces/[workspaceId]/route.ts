import { toWorkspace, workspacePatch } from "@/lib/accounts/tree-resource";
import { getWorkspace, renameWorkspace } from "@/lib/accounts/tree-service";
import { AppError } from "@/lib/errors";
import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/workspaces/{workspaceId}",
    access: { permission: "workspaces.workspace.get", level: "workspace", ids: ["path.workspaceId"] },
    query: ["include"],
    async handle({ caller, params }) {
      const { workspace, permissions, authClientPlaces } = await getWorkspace(caller, params.workspaceId ?? "");
      return ok(toWorkspace(workspace), { permissions, auth_client_places: authClientPlaces });
    },
  }),
  PATCH: endpoint({
    route: "PATCH /v2/workspaces/{workspaceId}",
    access: { permission: "workspaces.workspace.edit", level: "workspace", ids: ["path.workspaceId", "body.data.id"] },
    body: workspacePatch,
    async handle({ caller, params, body }) {
      if (body.id !== undefined && body.id !== params.workspaceId)
        throw new AppError("invalid_attribute", "This id is not the one in the URL.", {
          source: { pointer: "/data/id" },
        });
      return ok(toWorkspace(await renameWorkspace(caller, params.workspaceId ?? "", body.name)));
    },
  }),
});
