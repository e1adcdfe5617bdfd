import { endOtherSessions, listSessions } from "@/lib/accounts/session-service";
import { toSession } from "@/lib/accounts/user-resource";
import { endpoint, noContent, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/users/me/sessions",
    access: { permission: "caller", level: "self", ids: [] },
    handle: async ({ caller }) => ok((await listSessions(caller)).map(toSession(caller))),
  }),
  /** All but the one that asks. */
  DELETE: endpoint({
    route: "DELETE /v2/users/me/sessions",
    access: { permission: "caller", level: "self", ids: [] },
    async handle({ caller }) {
      await endOtherSessions(caller);
      return noContent;
    },
  }),
});
