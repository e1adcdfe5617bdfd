import { createApiKey, listApiKeys } from "@/lib/accounts/key-service";
import { apiKeyBody, toApiKey } from "@/lib/accounts/user-resource";
import { created, endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/users/me/api-keys",
    access: { permission: "caller", level: "self", ids: [] },
    handle: async ({ caller }) => ok((await listApiKeys(caller)).map((row) => toApiKey(row))),
  }),
  POST: endpoint({
    route: "POST /v2/users/me/api-keys",
    access: { permission: "caller", level: "self", ids: [] },
    body: apiKeyBody,
    async handle({ caller, body }) {
      const { row, key } = await createApiKey(caller, body);
      return created(toApiKey(row, key));
    },
  }),
});
