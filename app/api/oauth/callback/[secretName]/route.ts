import { callerForSession, sessionCookieName } from "@/lib/accounts/session-token";
import { readCookie } from "@/lib/http/authenticate";
import { browserBinding } from "@/lib/http/browser-binding";
import { endpoint } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { seeOther } from "@/lib/http/see-other";
import { failurePath } from "@/lib/oauth/failure-path";
import { finish } from "@/lib/oauth/flow";

/** The second browser leg: the provider sends the person back. Always ends on a clean URL (OA-14). */
export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /api/oauth/callback/{secretName}",
    access: { permission: "public", level: "none", ids: ["path.secretName", "query.state"] },
    query: "any",
    handle: async ({ params, query, request, facts }) => {
      const cookie = readCookie(request.headers.get("cookie"), sessionCookieName());
      const finished = await finish(cookie ? await callerForSession(cookie, facts) : null, {
        secretName: params.secretName ?? "",
        parameters: query,
        binding: browserBinding(request),
      });
      if (finished.kind === "failed") return seeOther(failurePath(finished.failure, finished.secret));
      const { workspaceId, secretId } = finished.secret;
      return seeOther(`/workspaces/${workspaceId}/secrets?authorized=${secretId}`);
    },
  }),
});
