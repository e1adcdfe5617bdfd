import { toContract } from "@/lib/accounts/tree-resource";
import { getContract } from "@/lib/accounts/tree-service";
import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/contracts/{id}",
    access: { permission: "contracts.contract.get", level: "contract", ids: ["path.id"] },
    handle: async ({ caller, params }) => ok(toContract(await getContract(caller, params.id ?? ""))),
  }),
});
