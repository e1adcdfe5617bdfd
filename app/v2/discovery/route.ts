import { lookUpIssuer } from "@/lib/auth-clients/service";
import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { discoveryBody, toResource } from "@/lib/oauth/discovery-resource";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  POST: endpoint({
    route: "POST /v2/discovery",
    access: { permission: "{scope}.auth_clients.create", level: "self", ids: [] },
    body: discoveryBody,
    handle: async ({ caller, body }) => ok(toResource(await lookUpIssuer(caller, body.issuer))),
  }),
});
