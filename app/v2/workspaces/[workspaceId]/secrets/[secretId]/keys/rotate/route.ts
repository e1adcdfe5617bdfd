import { z } from "zod";
import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { keyBits } from "@/lib/secret-types/rs256";
import { rotateKey } from "@/lib/secrets/rotate-key";

const body = z.strictObject({ bits: keyBits.optional() });

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  POST: endpoint({
    route: "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/keys/rotate",
    access: {
      permission: "workspaces.auth_secret.edit",
      level: "workspace",
      ids: ["path.workspaceId", "path.secretId"],
    },
    body,
    handle: async ({ caller, params, body: { bits } }) =>
      ok(await rotateKey(caller, params.workspaceId ?? "", params.secretId ?? "", bits)),
  }),
});
