import { deleteApiKey, getApiKey } from "@/lib/accounts/key-service";
import { toApiKey } from "@/lib/accounts/user-resource";
import { endpoint, noContent, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/users/me/api-keys/{id}",
    access: { permission: "caller", level: "self", ids: ["path.id"] },
    handle: async ({ caller, params }) => ok(toApiKey(await getApiKey(caller, params.id ?? ""))),
  }),
  DELETE: endpoint({
    route: "DELETE /v2/users/me/api-keys/{id}",
    access: { permission: "caller", level: "self", ids: ["path.id"] },
    async handle({ caller, params }) {
      await deleteApiKey(caller, params.id ?? "");
      return noContent;
    },
  }),
});
