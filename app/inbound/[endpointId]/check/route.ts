import { endpoint } from "@/lib/http/endpoint";
import { type Method, methods } from "@/lib/http/methods";
import { checkInbound } from "@/lib/secret-use/inbound-guard";

/** Proxies ask with GET, or with the method of the request they ask about. */
const check = (method: Method) =>
  endpoint({
    route: `${method} /inbound/{endpointId}/check`,
    access: { permission: "public", level: "none", ids: ["path.endpointId"] },
    query: "any",
    accept: "any",
    body: "none",
    handle: async ({ params, request, facts }) => ({
      status: 204,
      headers: await checkInbound(params.endpointId ?? "", request.headers, facts),
    }),
  });

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: check("GET"),
  POST: check("POST"),
  PATCH: check("PATCH"),
  PUT: check("PUT"),
  DELETE: check("DELETE"),
});
