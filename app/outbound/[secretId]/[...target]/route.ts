import { endpoint } from "@/lib/http/endpoint";
import { type Method, methods } from "@/lib/http/methods";
import { passThrough } from "@/lib/secret-use/outbound";

const through = (method: Method | "HEAD" | "OPTIONS") =>
  endpoint({
    route: `${method} /outbound/{secretId}/{target}`,
    access: { permission: "workspaces.auth_secret.use", level: "workspace", ids: ["path.secretId", "path.target"] },
    query: "any",
    accept: "any",
    body: "none",
    // The path is read from the URL: it is the destination's, and must not be decoded on its way.
    handle: async ({ caller, request, url, facts }) => {
      const response = await passThrough(caller, request, url, facts.requestId);
      return { status: response.status, response };
    },
  });

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: through("GET"),
  POST: through("POST"),
  PATCH: through("PATCH"),
  PUT: through("PUT"),
  DELETE: through("DELETE"),
});

/** The destination's own answers: whether there is anything, and what may be asked. */
export const HEAD = through("HEAD");
export const OPTIONS = through("OPTIONS");
