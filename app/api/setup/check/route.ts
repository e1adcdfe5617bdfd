import { checkCode } from "@/lib/accounts/bootstrap";
import { checkBody } from "@/lib/accounts/setup-resource";
import { endpoint } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { plainAnswer } from "@/lib/http/plain-answer";
import { requireSameOrigin } from "@/lib/http/same-origin";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  POST: endpoint({
    route: "POST /api/setup/check",
    access: { permission: "public", level: "none", ids: [] },
    body: checkBody,
    async handle({ request, body, facts }) {
      requireSameOrigin(request);
      return plainAnswer(200, await checkCode(body.code, facts.ip), facts.requestId);
    },
  }),
});
