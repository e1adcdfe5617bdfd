import { z } from "zod";
import { createBody } from "@/lib/endpoints/resource";
import { createEndpoint, listEndpoints } from "@/lib/endpoints/service";
import { created, endpoint, ok } from "@/lib/http/endpoint";
import { pageMeta, pageOffset, parameterComplaint, readPage } from "@/lib/http/json-api";
import { methods } from "@/lib/http/methods";

const PAGE_SIZE = 100;

const filters = z.object({
  "filter[search]": z.string().trim().max(200, "must have 200 characters at most").optional(),
  "filter[secret]": z.string().max(64).optional(),
});

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/workspaces/{workspaceId}/endpoints",
    access: { permission: "workspaces.endpoint.get", level: "workspace", ids: ["path.workspaceId"] },
    query: ["filter[search]", "filter[secret]", "page[number]", "page[size]"],
    async handle({ caller, params, query }) {
      const page = readPage(query, { size: PAGE_SIZE, max: PAGE_SIZE }) ?? { number: 1, size: PAGE_SIZE };
      const parsed = filters.safeParse(Object.fromEntries(query));
      if (!parsed.success) throw parameterComplaint(parsed.error);
      const filter = { search: parsed.data["filter[search]"], secretId: parsed.data["filter[secret]"] };
      const { resources, total } = await listEndpoints(caller, params.workspaceId ?? "", filter, pageOffset(page));
      return ok(resources, pageMeta(page, total));
    },
  }),
  POST: endpoint({
    route: "POST /v2/workspaces/{workspaceId}/endpoints",
    access: {
      permission: "workspaces.endpoint.create",
      level: "workspace",
      ids: ["path.workspaceId", "body.data.relationships.secrets.data[].id"],
    },
    body: createBody,
    handle: async ({ caller, params, body }) => created(await createEndpoint(caller, params.workspaceId ?? "", body)),
  }),
});
