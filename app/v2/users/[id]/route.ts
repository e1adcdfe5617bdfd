import { toUser } from "@/lib/accounts/user-resource";
import { getUser } from "@/lib/accounts/user-service";
import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/users/{id}",
    access: { permission: "caller", level: "tenant", ids: ["path.id"] },
    handle: async ({ caller, params }) => ok(toUser(await getUser(caller, params.id ?? ""))),
  }),
});
