import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { listMasterKeys } from "@/lib/instance/master-keys";
import { toMasterKey, toRotationMeta } from "@/lib/instance/resource";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/instance/master-keys",
    access: { permission: "global.instance.get", level: "none", ids: [] },
    handle: async ({ caller }) => {
      const rotation = await listMasterKeys(caller);
      return ok(rotation.keys.map(toMasterKey), toRotationMeta(rotation));
    },
  }),
});
