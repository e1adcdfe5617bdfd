import { holds } from "@/lib/access/caller";
import { GLOBAL } from "@/lib/access/scope";
import { toUser } from "@/lib/accounts/user-resource";
import { getSelf } from "@/lib/accounts/user-service";
import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/users/me",
    access: { permission: "caller", level: "self", ids: [] },
    handle: async ({ caller }) =>
      ok(toUser(await getSelf(caller)), holds(caller, "global.instance.get", GLOBAL) ? { operator: true } : {}),
  }),
});
