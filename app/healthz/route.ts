import { endpoint } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { plainAnswer } from "@/lib/http/plain-answer";

/** The process lives. */
export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /healthz",
    access: { permission: "public", level: "none", ids: [] },
    handle: async ({ facts }) => plainAnswer(200, { status: "ok" }, facts.requestId),
  }),
});
