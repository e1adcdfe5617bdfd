import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { createBody, readListQuery, toResource } from "@/lib/integration-components/resource";
import { createComponent, listComponents } from "@/lib/integration-components/service";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/components",
    access: { permission: "contracts.repository.get", level: "contract", ids: ["query.contract_id"] },
    query: ["contract_id", "filter[access]"],
    async handle({ caller, query }) {
      const { contractId, filter } = readListQuery(query);
      return ok((await listComponents(caller, contractId, filter)).map(toResource));
    },
  }),
  POST: endpoint({
    route: "POST /v2/components",
    access: {
      permission: "contracts.repository.edit",
      level: "contract",
      ids: ["body.data.relationships.contract.data.id"],
    },
    body: createBody,
    handle: async ({ caller, body }) => ok(toResource(await createComponent(caller, body))),
  }),
});
