import { checkReadiness } from "@/lib/accounts/readiness";
import { endpoint } from "@/lib/http/endpoint";
import { isStopping } from "@/lib/http/graceful-end";
import { methods } from "@/lib/http/methods";
import { plainAnswer } from "@/lib/http/plain-answer";

/** The process can do its work and is not about to end; what it cannot do is named, with what to do about it. */
export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /readyz",
    access: { permission: "public", level: "none", ids: [] },
    async handle({ facts }) {
      const { ready, checks, problems } = await checkReadiness();
      const stopping = isStopping();
      return plainAnswer(
        ready && !stopping ? 200 : 503,
        { status: stopping ? "stopping" : ready ? "ok" : "failing", checks, ...(ready ? {} : { problems }) },
        facts.requestId,
      );
    },
  }),
});
