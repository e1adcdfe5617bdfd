import { PERMISSIONS } from "@/lib/access/permissions";
import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/permissions",
    access: { permission: "caller", level: "none", ids: [] },
    handle: async () => ok({ id: null, type: "permissions", attributes: { permissions: Object.keys(PERMISSIONS) } }),
  }),
});
