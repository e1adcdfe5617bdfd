import { z } from "zod";
import { TASK_PERMISSIONS } from "@/lib/access/permissions";
import type { ApiKeyRow } from "@/lib/accounts/key-store";
import { addressesLimit, expiryText, nameText } from "@/lib/accounts/text-schemas";
import { type Resource, related } from "@/lib/http/json-api";

/** Long enough for every plan; a task identity may also be without end (KEY-3). */
const MAX_DAYS = 3650;

export const taskBody = z
  .strictObject({
    data: z.strictObject({
      type: z.literal("task-identity", "must be task-identity"),
      attributes: z.strictObject({
        name: nameText,
        permissions: z
          .array(
            z.enum(
              TASK_PERMISSIONS as unknown as [(typeof TASK_PERMISSIONS)[number]],
              `must be one of ${TASK_PERMISSIONS.join(", ")}`,
            ),
          )
          .optional(),
        expires_at: expiryText(MAX_DAYS).nullish(),
        allowed_addresses: addressesLimit,
      }),
    }),
  })
  .transform(({ data: { attributes } }) => ({
    name: attributes.name,
    permissions: attributes.permissions,
    expiresAt: attributes.expires_at ?? undefined,
    allowedAddresses: attributes.allowed_addresses,
  }));

const iso = (at: Date | null) => at?.toISOString() ?? null;

/** `key` is given right after its making and never again. */
export function toTask(row: ApiKeyRow, key?: string): Resource {
  const workspaceId = row.workspaceId ?? "";
  return {
    id: row.id,
    type: "task-identity",
    attributes: {
      name: row.name,
      username: `task-${row.id}`,
      ...(key === undefined ? {} : { api_key: key }),
      permissions: row.permissions ?? [],
      allowed_addresses: row.allowedAddresses,
      created_at: iso(row.createdAt),
      expires_at: iso(row.expiresAt),
      last_used_at: iso(row.lastUsedAt),
      exposed_at: iso(row.exposedAt),
    },
    relationships: { workspace: related("workspace", workspaceId, `/v2/workspaces/${workspaceId}`) },
    links: { self: `/v2/workspaces/${workspaceId}/task-identities/${row.id}` },
  };
}
