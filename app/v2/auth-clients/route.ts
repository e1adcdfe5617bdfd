import { createBody, readCreate, readListFilter, readScopeWord, toResource } from "@/lib/auth-clients/resource";
import { createAuthClient, listAuthClients } from "@/lib/auth-clients/service";
import { created, endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/auth-clients",
    access: {
      permission: "{scope}.auth_clients.get",
      level: "owner",
      ids: ["query.workspace_id", "query.contract_id", "query.tenant_id", "query.filter[component]"],
    },
    query: ["workspace_id", "contract_id", "tenant_id", "filter[component]", "filter[type]"],
    handle: async ({ caller, query }) => {
      const seen = await listAuthClients(caller, readScopeWord(query), readListFilter(query));
      return ok(seen.map(({ row, view }) => toResource(row, view)));
    },
  }),
  POST: endpoint({
    route: "POST /v2/auth-clients",
    access: {
      permission: "{scope}.auth_clients.create",
      level: "owner",
      ids: [
        "body.data.relationships.workspace.data.id",
        "body.data.relationships.contract.data.id",
        "body.data.relationships.tenant.data.id",
        "body.data.relationships.components.data[].id",
      ],
    },
    body: createBody,
    handle: async ({ caller, body }) => {
      const { row, view } = await createAuthClient(caller, readCreate(body));
      return created(toResource(row, view));
    },
  }),
});
