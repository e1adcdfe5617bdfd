import { endSessionOf } from "@/lib/accounts/people-service";
import { endpoint, noContent } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  DELETE: endpoint({
    route: "DELETE /v2/users/{id}/sessions/{sessionId}",
    access: { permission: "tenants.user.end_sessions", level: "tenant", ids: ["path.id", "path.sessionId"] },
    async handle({ caller, params }) {
      await endSessionOf(caller, params.id ?? "", params.sessionId ?? "");
      return noContent;
    },
  }),
});
