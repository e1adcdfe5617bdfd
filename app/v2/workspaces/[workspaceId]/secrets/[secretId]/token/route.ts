import { z } from "zod";
import { endpoint, ok } from "@/lib/http/endpoint";
import { parameterComplaint } from "@/lib/http/json-api";
import { methods } from "@/lib/http/methods";
import { readToken } from "@/lib/secrets/tokens";

const seconds = (max: number, fallback: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, "must be whole seconds")
    .transform(Number)
    .refine((n) => n <= max, `must be ${max} seconds at most`)
    .default(fallback);

const parameters = z.object({
  minimum_validity: seconds(999_999_999, 0),
  wait: seconds(25, 8),
});

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /v2/workspaces/{workspaceId}/secrets/{secretId}/token",
    access: {
      permission: "workspaces.auth_secret.use",
      level: "workspace",
      ids: ["path.workspaceId", "path.secretId"],
    },
    query: ["minimum_validity", "wait"],
    handle: async ({ caller, params, query }) => {
      const asked = parameters.safeParse(Object.fromEntries(query));
      if (!asked.success) throw parameterComplaint(asked.error);
      const { resource, meta } = await readToken(caller, params.workspaceId ?? "", params.secretId ?? "", {
        minimumValidityS: asked.data.minimum_validity,
        waitS: asked.data.wait,
      });
      return ok(resource, meta);
    },
  }),
});
