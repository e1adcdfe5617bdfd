import { readScopeWord, toUsage } from "@/lib/auth-clients/resource";
import { readUsage } from "@/lib/auth-clients/usage";
import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/auth-clients/{id}/usage",
    access: {
      permission: "{scope}.auth_clients.get",
      level: "owner",
      ids: ["path.id", "query.workspace_id", "query.contract_id", "query.tenant_id"],
    },
    query: ["workspace_id", "contract_id", "tenant_id"],
    handle: async ({ caller, params, query }) => {
      const { users, total } = await readUsage(caller, params.id ?? "", readScopeWord(query));
      return ok(users.map(toUsage), total === undefined ? {} : { total });
    },
  }),
});
