import { endpoint, noContent, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { toResource } from "@/lib/integration-components/resource";
import { deleteComponent, getComponent } from "@/lib/integration-components/service";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/components/{id}",
    access: { permission: "contracts.repository.get", level: "contract", ids: ["path.id"] },
    handle: async ({ caller, params }) => ok(toResource(await getComponent(caller, params.id ?? ""))),
  }),
  DELETE: endpoint({
    route: "DELETE /v2/components/{id}",
    access: { permission: "contracts.repository.edit", level: "contract", ids: ["path.id"] },
    async handle({ caller, params }) {
      await deleteComponent(caller, params.id ?? "");
      return noContent;
    },
  }),
});
