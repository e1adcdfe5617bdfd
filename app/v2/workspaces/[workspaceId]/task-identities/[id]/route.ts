import { deleteTask } from "@/lib/accounts/task-service";
import { endpoint, noContent } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  DELETE: endpoint({
    route: "DELETE /v2/workspaces/{workspaceId}/task-identities/{id}",
    access: { permission: "workspaces.workspace.edit", level: "workspace", ids: ["path.workspaceId", "path.id"] },
    async handle({ caller, params }) {
      await deleteTask(caller, params.workspaceId ?? "", params.id ?? "");
      return noContent;
    },
  }),
});
