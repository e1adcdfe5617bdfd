import { checkReadiness } from "@/lib/accounts/readiness";
import { endpoint } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { plainAnswer } from "@/lib/http/plain-answer";

/** The process can do its work: database, key and schema, each by name. */
export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /readyz",
    access: { permission: "public", level: "none", ids: [] },
    async handle({ facts }) {
      const checks = await checkReadiness();
      const ready = Object.values(checks).every((state) => state === "ok");
      return plainAnswer(ready ? 200 : 503, { status: ready ? "ok" : "failing", checks }, facts.requestId);
    },
  }),
});
