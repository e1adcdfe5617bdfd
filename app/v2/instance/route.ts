import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { toInstance } from "@/lib/instance/resource";
import { getInstance } from "@/lib/instance/service";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/instance",
    access: { permission: "global.instance.get", level: "none", ids: [] },
    handle: async ({ caller }) => ok(toInstance(await getInstance(caller))),
  }),
});
