import { taskBody, toTask } from "@/lib/accounts/task-resource";
import { createTask, listTasks } from "@/lib/accounts/task-service";
import { created, endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/workspaces/{workspaceId}/task-identities",
    access: { permission: "workspaces.workspace.edit", level: "workspace", ids: ["path.workspaceId"] },
    handle: async ({ caller, params }) =>
      ok((await listTasks(caller, params.workspaceId ?? "")).map((row) => toTask(row))),
  }),
  POST: endpoint({
    route: "POST /v2/workspaces/{workspaceId}/task-identities",
    access: { permission: "workspaces.workspace.edit", level: "workspace", ids: ["path.workspaceId"] },
    body: taskBody,
    async handle({ caller, params, body }) {
      const { row, key } = await createTask(caller, params.workspaceId ?? "", body);
      return created(toTask(row, key));
    },
  }),
});
