import { passwordBody } from "@/lib/accounts/user-resource";
import { changePassword } from "@/lib/accounts/user-service";
import { endpoint, noContent } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  POST: endpoint({
    route: "POST /v2/users/me/password",
    access: { permission: "caller", level: "self", ids: [] },
    body: passwordBody,
    async handle({ caller, body }) {
      await changePassword(caller, body.current, body.password);
      return noContent;
    },
  }),
});
