import { redeemCode } from "@/lib/accounts/bootstrap";
import { redeemBody } from "@/lib/accounts/setup-resource";
import { endpoint } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { plainAnswer } from "@/lib/http/plain-answer";
import { requireSameOrigin } from "@/lib/http/same-origin";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  POST: endpoint({
    route: "POST /api/setup",
    access: { permission: "public", level: "none", ids: [] },
    body: redeemBody,
    async handle({ request, body, facts }) {
      requireSameOrigin(request);
      const redeemed = await redeemCode({
        ...body,
        actor: { requestId: facts.requestId, ip: facts.ip, userAgent: facts.userAgent },
      });
      return plainAnswer(200, redeemed, facts.requestId);
    },
  }),
});
