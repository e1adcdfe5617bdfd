import { updateBody } from "@/lib/endpoints/resource";
import { deleteEndpoint, getEndpoint, updateEndpoint } from "@/lib/endpoints/service";
import { endpoint, noContent, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";

const ids = ["path.workspaceId", "path.endpointId"];

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/workspaces/{workspaceId}/endpoints/{endpointId}",
    access: { permission: "workspaces.endpoint.get", level: "workspace", ids },
    handle: async ({ caller, params }) =>
      ok(await getEndpoint(caller, params.workspaceId ?? "", params.endpointId ?? "")),
  }),
  PATCH: endpoint({
    route: "PATCH /v2/workspaces/{workspaceId}/endpoints/{endpointId}",
    access: {
      permission: "workspaces.endpoint.edit",
      level: "workspace",
      ids: [...ids, "body.data.id", "body.data.relationships.secrets.data[].id"],
    },
    body: updateBody,
    handle: async ({ caller, params, body }) =>
      ok(await updateEndpoint(caller, params.workspaceId ?? "", params.endpointId ?? "", body)),
  }),
  DELETE: endpoint({
    route: "DELETE /v2/workspaces/{workspaceId}/endpoints/{endpointId}",
    access: { permission: "workspaces.endpoint.delete", level: "workspace", ids },
    async handle({ caller, params }) {
      await deleteEndpoint(caller, params.workspaceId ?? "", params.endpointId ?? "");
      return noContent;
    },
  }),
});
