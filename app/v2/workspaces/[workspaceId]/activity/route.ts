import { toActivity } from "@/lib/accounts/activity-resource";
import { listActivity } from "@/lib/accounts/activity-service";
import { endpoint, ok } from "@/lib/http/endpoint";
import { pageMeta, pageOffset, readPage } from "@/lib/http/json-api";
import { methods } from "@/lib/http/methods";

const PAGE_SIZE = 50;

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/workspaces/{workspaceId}/activity",
    access: {
      permission: "workspaces.audit.get",
      level: "workspace",
      ids: ["path.workspaceId", "query.filter[secret]"],
    },
    query: ["page[number]", "page[size]", "filter[secret]", "filter[action]"],
    async handle({ caller, params, query }) {
      const page = readPage(query, { size: PAGE_SIZE, max: 100 }) ?? { number: 1, size: PAGE_SIZE };
      const filter = { secretId: query.get("filter[secret]"), action: query.get("filter[action]") };
      const { rows, total } = await listActivity(caller, params.workspaceId ?? "", filter, pageOffset(page));
      return ok(rows.map(toActivity), pageMeta(page, total));
    },
  }),
});
