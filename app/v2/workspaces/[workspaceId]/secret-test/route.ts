import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { testNewSecret } from "@/lib/secret-use/test-unsaved";
import { testBody } from "@/lib/secrets/resource";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  POST: endpoint({
    route: "POST /v2/workspaces/{workspaceId}/secret-test",
    access: {
      permission: "workspaces.auth_secret.create",
      level: "workspace",
      ids: ["path.workspaceId", "body.data.relationships.auth_client.data.id"],
    },
    body: testBody,
    handle: async ({ caller, params, body, request }) =>
      ok(await testNewSecret(caller, params.workspaceId ?? "", body, request.signal)),
  }),
});
