import { tenantPatch, toTenant } from "@/lib/accounts/tree-resource";
import { editTenant, getTenant } from "@/lib/accounts/tree-service";
import { AppError } from "@/lib/errors";
import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/tenants/{id}",
    access: { permission: "tenants.tenant.get", level: "tenant", ids: ["path.id"] },
    handle: async ({ caller, params }) => ok(toTenant(await getTenant(caller, params.id ?? ""))),
  }),
  PATCH: endpoint({
    route: "PATCH /v2/tenants/{id}",
    access: { permission: "tenants.tenant.edit", level: "tenant", ids: ["path.id", "body.data.id"] },
    body: tenantPatch,
    async handle({ caller, params, body }) {
      if (body.id !== undefined && body.id !== params.id)
        throw new AppError("invalid_attribute", "This id is not the one in the URL.", {
          source: { pointer: "/data/id" },
        });
      return ok(toTenant(await editTenant(caller, params.id ?? "", body.reveal)));
    },
  }),
});
