import { checkReadiness } from "@/lib/accounts/readiness";
import { endpoint } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { plainAnswer } from "@/lib/http/plain-answer";

/** The process can do its work; what it cannot is named, with what to do about it. */
export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /readyz",
    access: { permission: "public", level: "none", ids: [] },
    async handle({ facts }) {
      const { ready, checks, problems } = await checkReadiness();
      return plainAnswer(
        ready ? 200 : 503,
        { status: ready ? "ok" : "failing", checks, ...(ready ? {} : { problems }) },
        facts.requestId,
      );
    },
  }),
});
