import { toWorkspace, workspaceBody, workspacePage } from "@/lib/accounts/tree-resource";
import { createWorkspace, listWorkspaces } from "@/lib/accounts/tree-service";
import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/workspaces",
    access: { permission: "caller", level: "none", ids: ["query.contract_id"] },
    query: ["contract_id", "page[number]", "page[size]", "include"],
    handle: async ({ caller, query }) => workspacePage(await listWorkspaces(caller, query.get("contract_id")), query),
  }),
  POST: endpoint({
    route: "POST /v2/workspaces",
    access: {
      permission: "contracts.workspace.create",
      level: "contract",
      ids: ["body.data.relationships.contract.data.id"],
    },
    body: workspaceBody,
    // 200, not 201: CONTRACT section 6 and API.md.
    handle: async ({ caller, body }) => ok(toWorkspace(await createWorkspace(caller, body))),
  }),
});
