import { toTenant } from "@/lib/accounts/tree-resource";
import { listTenants, permissionsOverTenants } from "@/lib/accounts/tree-service";
import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/tenants",
    access: { permission: "caller", level: "none", ids: [] },
    handle: async ({ caller }) =>
      ok((await listTenants(caller)).map(toTenant), { permissions: permissionsOverTenants(caller) }),
  }),
});
