import { endpoint, ok } from "@/lib/http/endpoint";
import { pageMeta, readPage } from "@/lib/http/json-api";
import { methods } from "@/lib/http/methods";
import { readHistory } from "@/lib/secrets/tokens";

const SIZE = 20;
const MAX = 100;

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/workspaces/{workspaceId}/secrets/{secretId}/history",
    access: {
      permission: "workspaces.auth_secret.get",
      level: "workspace",
      ids: ["path.workspaceId", "path.secretId"],
    },
    query: ["page[number]", "page[size]"],
    handle: async ({ caller, params, query }) => {
      const page = readPage(query, { size: SIZE, max: MAX }) ?? { number: 1, size: SIZE };
      const { resources, total } = await readHistory(caller, params.workspaceId ?? "", params.secretId ?? "", page);
      return ok(resources, pageMeta(page, total));
    },
  }),
});
