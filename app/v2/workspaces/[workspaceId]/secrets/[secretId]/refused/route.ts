import { z } from "zod";
import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { reportRefused } from "@/lib/secrets/tokens";

const body = z.strictObject({ fingerprint: z.string("must be the fingerprint of the refused token").min(1).max(200) });

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  POST: endpoint({
    route: "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/refused",
    access: {
      permission: "workspaces.auth_secret.use",
      level: "workspace",
      ids: ["path.workspaceId", "path.secretId"],
    },
    body,
    handle: async ({ caller, params, body: { fingerprint } }) => {
      const { resource, meta } = await reportRefused(
        caller,
        params.workspaceId ?? "",
        params.secretId ?? "",
        fingerprint,
      );
      return ok(resource, meta);
    },
  }),
});
