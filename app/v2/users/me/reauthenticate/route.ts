import { reauthenticateBody } from "@/lib/accounts/user-resource";
import { reauthenticate } from "@/lib/accounts/user-service";
import { endpoint, noContent } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  POST: endpoint({
    route: "POST /v2/users/me/reauthenticate",
    access: { permission: "caller", level: "self", ids: [] },
    body: reauthenticateBody,
    async handle({ caller, body }) {
      await reauthenticate(caller, body.password);
      return noContent;
    },
  }),
});
