import { endpoint } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { goneOf } from "@/lib/http/node-request";
import { runStatement } from "@/lib/secret-use/sql";
import { sqlBody } from "@/lib/secret-use/sql-resource";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  POST: endpoint({
    route: "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/sql",
    access: {
      permission: "workspaces.auth_secret.use",
      level: "workspace",
      ids: ["path.workspaceId", "path.secretId"],
    },
    body: sqlBody,
    handle: async ({ caller, params, body, request }) => ({
      status: 200,
      json: await runStatement(caller, params.workspaceId ?? "", params.secretId ?? "", body, goneOf(request)),
    }),
  }),
});
