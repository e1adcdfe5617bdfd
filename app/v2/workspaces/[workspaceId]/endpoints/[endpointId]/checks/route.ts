import { listChecks } from "@/lib/endpoints/service";
import { endpoint, ok } from "@/lib/http/endpoint";
import { pageMeta, pageOffset, readPage } from "@/lib/http/json-api";
import { methods } from "@/lib/http/methods";

const PAGE_SIZE = 50;

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/workspaces/{workspaceId}/endpoints/{endpointId}/checks",
    access: {
      permission: "workspaces.audit.get",
      level: "workspace",
      ids: ["path.workspaceId", "path.endpointId"],
    },
    query: ["page[number]", "page[size]"],
    async handle({ caller, params, query }) {
      const page = readPage(query, { size: PAGE_SIZE, max: 100 }) ?? { number: 1, size: PAGE_SIZE };
      const { workspaceId = "", endpointId = "" } = params;
      const { resources, total } = await listChecks(caller, workspaceId, endpointId, pageOffset(page));
      return ok(resources, pageMeta(page, total));
    },
  }),
});
