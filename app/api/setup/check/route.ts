import { checkCode } from "@/lib/accounts/bootstrap";
import { checkBody, plain } from "@/lib/accounts/setup-resource";
import { endpoint } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { requireSameOrigin } from "@/lib/http/same-origin";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  POST: endpoint({
    route: "POST /api/setup/check",
    access: { permission: "public", level: "none", ids: [] },
    body: checkBody,
    async handle({ request, body, facts }) {
      requireSameOrigin(request);
      return plain(await checkCode(body.code, facts.ip), facts);
    },
  }),
});
