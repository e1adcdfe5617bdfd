import { z } from "zod";
import { settings } from "@/lib/config";
import { type Resource, related } from "@/lib/http/json-api";
import { displayName, hasUnseen } from "@/lib/secret-types/names";
import type { CheckRow, EndpointRow, NamedSecret } from "./store";

/** The wire form of endpoints and of their log, in and out. */

const MAX_SECRETS = 20;
const MAX_SCOPES = 50;

/** A scope as RFC 6749 section 3.3 has it. */
const scopeWord = z
  .string("must be text")
  .max(200, "must have 200 characters at most")
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, "must be one word of plain characters, without blanks, quotes and backslashes");

const claim = z
  .string("must be text, or null")
  .min(1, "must not be empty; null asks for nothing")
  .max(500, "must have 500 characters at most")
  .refine((text) => !hasUnseen(text), "must not contain characters that cannot be seen")
  .nullable();

const attributes = z.strictObject({
  name: displayName,
  open_access: z.boolean("must be true or false").optional(),
  scopes: z
    .array(scopeWord, "must be a list of scopes")
    .max(MAX_SCOPES, `must name ${MAX_SCOPES} at most`)
    .transform((words) => [...new Set(words)])
    .optional(),
  issuer: claim.optional(),
  audience: claim.optional(),
});

const relationships = z.strictObject({
  secrets: z
    .strictObject({
      data: z
        .array(
          z.object({
            id: z.string().min(1, "must name an id").max(64),
            type: z.literal("auth-secret", "must be auth-secret"),
          }),
        )
        .max(MAX_SECRETS, `must name ${MAX_SECRETS} secrets at most`),
    })
    .optional(),
});

const type = z.literal("endpoint", "must be endpoint");

/** `POST …/endpoints` */
export const createBody = z.strictObject({
  data: z.strictObject({ type, attributes, relationships: relationships.optional() }),
});

/** `PATCH …/endpoints/{id}`: what is left out stays. */
export const updateBody = z.strictObject({
  data: z.strictObject({
    type,
    id: z.string().optional(),
    attributes: attributes.partial().optional(),
    relationships: relationships.optional(),
  }),
});

export type CreateBody = z.infer<typeof createBody>;
export type UpdateBody = z.infer<typeof updateBody>;

/** @param named those of the endpoint's secrets that are still there */
export function toEndpoint(row: EndpointRow, named: ReadonlyMap<string, NamedSecret>): Resource {
  const self = `/v2/workspaces/${row.workspaceId}/endpoints/${row.id}`;
  return {
    id: row.id,
    type: "endpoint",
    attributes: {
      name: row.name,
      open_access: row.openAccess,
      scopes: row.scopes,
      issuer: row.issuer,
      audience: row.audience,
      check_url: `${settings().url}/inbound/${row.id}/check`,
      opened_by: row.secretIds.map((id) => ({
        id,
        name: named.get(id)?.name ?? null,
        type: named.get(id)?.type ?? null,
      })),
      problem: problemOf(row, named),
      created_at: row.createdAt.toISOString(),
      updated_at: row.updatedAt.toISOString(),
    },
    relationships: {
      workspace: related("workspace", row.workspaceId, `/v2/workspaces/${row.workspaceId}`),
      secrets: { data: row.secretIds.map((id) => ({ id, type: "auth-secret" })) },
    },
    links: { self },
  };
}

/** What keeps callers out although nobody meant to; an open endpoint has none. */
function problemOf(row: EndpointRow, named: ReadonlyMap<string, NamedSecret>) {
  if (row.openAccess) return null;
  const gone = row.secretIds.filter((id) => !named.has(id)).length;
  if (row.secretIds.length === 0)
    return {
      code: "no_secrets",
      title: "Nobody can pass",
      detail: "No secret is named yet, so every request is refused.",
    };
  if (gone === row.secretIds.length)
    return {
      code: "secrets_deleted",
      title: "Nobody can pass",
      detail: "Every secret that opened this endpoint was deleted, so every request is refused.",
    };
  if (gone > 0)
    return {
      code: "secrets_deleted",
      title: gone === 1 ? "A secret was deleted" : `${gone} secrets were deleted`,
      detail: "Callers that use what was deleted are refused. The other secrets still open this endpoint.",
    };
  return null;
}

export function toCheck(row: CheckRow): Resource {
  return {
    id: row.id,
    type: "endpoint-check",
    attributes: {
      outcome: row.outcome,
      reason: row.reason,
      secret: row.secretId === null ? null : { id: row.secretId, name: row.secretName },
      address: row.address,
      count: row.count,
      first_at: row.firstAt.toISOString(),
      last_at: row.lastAt.toISOString(),
    },
  };
}
