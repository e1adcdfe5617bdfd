import { endSessionsOf, listSessionsOf } from "@/lib/accounts/people-service";
import { toSession } from "@/lib/accounts/user-resource";
import { endpoint, noContent, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/users/{id}/sessions",
    access: { permission: "tenants.user.list_sessions", level: "tenant", ids: ["path.id"] },
    handle: async ({ caller, params }) =>
      ok((await listSessionsOf(caller, params.id ?? "")).map(toSession(caller, params.id))),
  }),
  DELETE: endpoint({
    route: "DELETE /v2/users/{id}/sessions",
    access: { permission: "tenants.user.end_sessions", level: "tenant", ids: ["path.id"] },
    async handle({ caller, params }) {
      await endSessionsOf(caller, params.id ?? "");
      return noContent;
    },
  }),
});
