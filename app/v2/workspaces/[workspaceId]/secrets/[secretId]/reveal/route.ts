import { z } from "zod";
import { endpoint, ok } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { revealValue } from "@/lib/secrets/reveal";

/** `member`, or `member.name` for one of a member that holds several, such as `headers.X-API-Key`. */
const body = z.strictObject({ field: z.string("must name the value to reveal").min(1).max(300) });

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  POST: endpoint({
    route: "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/reveal",
    access: {
      permission: "workspaces.auth_secret.get_credentials",
      level: "workspace",
      ids: ["path.workspaceId", "path.secretId"],
    },
    body,
    handle: async ({ caller, params, body: { field } }) =>
      ok(await revealValue(caller, params.workspaceId ?? "", params.secretId ?? "", field)),
  }),
});
