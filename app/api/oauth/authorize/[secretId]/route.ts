import { callerForSession, sessionCookieName } from "@/lib/accounts/session-token";
import { systemClock } from "@/lib/clock";
import { readCookie } from "@/lib/http/authenticate";
import { bindingCookie, browserBinding, newBrowserBinding } from "@/lib/http/browser-binding";
import { endpoint } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { seeOther } from "@/lib/http/see-other";
import { callbackFailure } from "@/lib/oauth/callback-failure";
import { failurePath } from "@/lib/oauth/failure-path";
import { start } from "@/lib/oauth/flow";

/** The first browser leg: a signed-in person leaves for the provider. */
export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /api/oauth/authorize/{secretId}",
    access: { permission: "public", level: "none", ids: ["path.secretId"] },
    query: ["until"],
    handle: async ({ params, query, request, facts }) => {
      const cookie = readCookie(request.headers.get("cookie"), sessionCookieName());
      const caller = cookie && (await callerForSession(cookie, facts));
      const secretId = params.secretId ?? "";
      if (!caller) return seeOther(`/sign-in?from=${encodeURIComponent(`/api/oauth/authorize/${secretId}`)}`);
      const now = systemClock.now();
      const until = query.get("until");
      if (until !== null && !(Number(until) * 1000 > now))
        return seeOther(failurePath(callbackFailure("link_expired", now), null));
      const started = await start(caller, secretId, browserBinding(request) ?? newBrowserBinding());
      if (started.kind === "failed") return seeOther(failurePath(started.failure, started.secret));
      return seeOther(started.url, { "set-cookie": bindingCookie(started.binding) });
    },
  }),
});
