import { authenticate } from "@/lib/http/authenticate";
import { endpoint } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { secretChanges } from "@/lib/secrets/changes";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/workspaces/{workspaceId}/events",
    access: { permission: "workspaces.auth_secret.get", level: "workspace", ids: ["path.workspaceId"] },
    handle: async ({ caller, params, request, facts }) => ({
      status: 200,
      response: new Response(
        await secretChanges(caller, params.workspaceId ?? "", {
          signal: request.signal,
          callerNow: () => authenticate(request, facts, true),
        }),
        {
          headers: {
            "content-type": "text/event-stream; charset=utf-8",
            "cache-control": "no-store",
            "x-accel-buffering": "no",
            "x-content-type-options": "nosniff",
          },
        },
      ),
    }),
  }),
});
