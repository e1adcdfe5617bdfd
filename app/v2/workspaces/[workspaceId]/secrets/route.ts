import { created, endpoint } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { LIST_PARAMETERS, listReply } from "@/lib/secrets/list-query";
import { createBody } from "@/lib/secrets/resource";
import { createSecret } from "@/lib/secrets/service";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/workspaces/{workspaceId}/secrets",
    access: {
      permission: "workspaces.auth_secret.get",
      level: "workspace",
      ids: ["path.workspaceId", "query.filter[user]", "query.filter[auth_client]"],
    },
    query: LIST_PARAMETERS,
    handle: ({ caller, params, query }) => listReply(caller, params.workspaceId ?? "", query),
  }),
  POST: endpoint({
    route: "POST /v2/workspaces/{workspaceId}/secrets",
    access: {
      permission: "workspaces.auth_secret.create",
      level: "workspace",
      ids: ["path.workspaceId", "body.data.relationships.auth_client.data.id"],
    },
    body: createBody,
    handle: async ({ caller, params, body }) => created(await createSecret(caller, params.workspaceId ?? "", body)),
  }),
});
