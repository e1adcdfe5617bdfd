import { endSession } from "@/lib/accounts/session-service";
import { endpoint, noContent } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  DELETE: endpoint({
    route: "DELETE /v2/users/me/sessions/{id}",
    access: { permission: "caller", level: "self", ids: ["path.id"] },
    async handle({ caller, params }) {
      await endSession(caller, params.id ?? "");
      return noContent;
    },
  }),
});
