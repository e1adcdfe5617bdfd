import { toTenant } from "@/lib/accounts/tree-resource";
import { getTenant } from "@/lib/accounts/tree-service";
import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/tenants/{id}",
    access: { permission: "tenants.tenant.get", level: "tenant", ids: ["path.id"] },
    handle: async ({ caller, params }) => ok(toTenant(await getTenant(caller, params.id ?? ""))),
  }),
});
