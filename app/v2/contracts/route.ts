import { contractBody, contractPage, toContract } from "@/lib/accounts/tree-resource";
import { createContract, listContracts } from "@/lib/accounts/tree-service";
import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/contracts",
    access: { permission: "caller", level: "none", ids: [] },
    query: ["page[number]", "page[size]"],
    handle: async ({ caller, query }) => contractPage(await listContracts(caller), query),
  }),
  POST: endpoint({
    route: "POST /v2/contracts",
    access: {
      permission: "tenants.contract.create",
      level: "tenant",
      ids: ["body.data.relationships.tenant.data.id"],
    },
    body: contractBody,
    // 200, not 201: CONTRACT section 6 and API.md.
    handle: async ({ caller, body }) => ok(toContract(await createContract(caller, body))),
  }),
});
