import { readScopeWord, toResource, updateBody } from "@/lib/auth-clients/resource";
import { deleteAuthClient, readAuthClient, updateAuthClient } from "@/lib/auth-clients/service";
import { endpoint, noContent, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/auth-clients/{id}",
    access: {
      permission: "{scope}.auth_clients.get",
      level: "owner",
      ids: ["path.id", "query.workspace_id", "query.contract_id", "query.tenant_id"],
    },
    query: ["workspace_id", "contract_id", "tenant_id"],
    handle: async ({ caller, params, query }) => {
      const { row, view } = await readAuthClient(caller, params.id ?? "", readScopeWord(query));
      return ok(toResource(row, view));
    },
  }),
  PATCH: endpoint({
    route: "PATCH /v2/auth-clients/{id}",
    access: {
      permission: "{scope}.auth_clients.edit",
      level: "owner",
      ids: ["path.id", "body.data.id", "body.data.relationships.components.data[].id"],
    },
    body: updateBody,
    handle: async ({ caller, params, body }) => {
      const { row, view } = await updateAuthClient(caller, params.id ?? "", body);
      return ok(toResource(row, view));
    },
  }),
  DELETE: endpoint({
    route: "DELETE /v2/auth-clients/{id}",
    access: { permission: "{scope}.auth_clients.delete", level: "owner", ids: ["path.id"] },
    handle: async ({ caller, params }) => {
      await deleteAuthClient(caller, params.id ?? "");
      return noContent;
    },
  }),
});
