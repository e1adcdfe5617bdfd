import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { testSecret } from "@/lib/secret-use/test-secret";
import { type UpdateBody, updateBody } from "@/lib/secrets/resource";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  POST: endpoint<UpdateBody | undefined>({
    route: "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/test",
    access: {
      permission: "workspaces.auth_secret.edit",
      level: "workspace",
      ids: ["path.workspaceId", "path.secretId"],
    },
    // Of a PATCH, where what is typed is to be tested.
    body: updateBody,
    mayBeEmpty: true,
    handle: async ({ caller, params, body, request }) =>
      ok(await testSecret(caller, params.workspaceId ?? "", params.secretId ?? "", body, request.signal)),
  }),
});
