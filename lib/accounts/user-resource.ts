import { z } from "zod";
import type { Caller } from "@/lib/access/caller";
import { MAX_KEY_DAYS } from "@/lib/accounts/key-service";
import type { ApiKeyRow } from "@/lib/accounts/key-store";
import type { HeldRole, Member } from "@/lib/accounts/people-store";
import type { SessionRow } from "@/lib/accounts/session-store";
import {
  addressesLimit,
  expiryText,
  nameText,
  newPasswordText,
  permissionsLimit,
  workspacesLimit,
} from "@/lib/accounts/text-schemas";
import type { Fellow } from "@/lib/accounts/user-store";
import type { Resource } from "@/lib/http/json-api";

export const apiKeyBody = z
  .strictObject({
    data: z.strictObject({
      type: z.literal("api-key", "must be api-key"),
      attributes: z.strictObject({
        name: nameText,
        expires_at: expiryText(MAX_KEY_DAYS).optional(),
        permissions: permissionsLimit,
        workspaces: workspacesLimit,
        allowed_addresses: addressesLimit,
      }),
    }),
  })
  .transform(({ data: { attributes } }) => ({
    name: attributes.name,
    expiresAt: attributes.expires_at,
    permissions: attributes.permissions,
    workspaces: attributes.workspaces,
    allowedAddresses: attributes.allowed_addresses,
  }));

const givenPassword = z.string("must be text").min(1, "must not be empty").max(1000, "is too long");

export const passwordBody = z.strictObject({ current: givenPassword, password: newPasswordText });
export const reauthenticateBody = z.strictObject({ password: givenPassword });

const iso = (at: Date | null) => at?.toISOString() ?? null;

export function toUser(row: Fellow): Resource {
  return {
    id: row.id,
    type: "user",
    attributes: {
      first_name: row.firstName,
      last_name: row.lastName,
      email: row.email,
      registered: iso(row.registeredAt),
      last_login: iso(row.lastLoginAt),
    },
    links: { self: `/v2/users/${row.id}` },
  };
}

const SCOPE_WORD: Record<HeldRole["scopeKind"], string> = {
  instance: "instance",
  tenant: "tenants",
  contract: "contracts",
  workspace: "workspaces",
};

/** A person as who answers for them sees them, with the roles in the tenant that was asked for. */
export function toMember({ person, roles }: Member): Resource {
  const resource = toUser(person);
  const held = roles.map(({ scopeKind, scopeId, role }) => ({ role, scope: SCOPE_WORD[scopeKind], id: scopeId }));
  return { ...resource, attributes: { ...resource.attributes, roles: held } };
}

/** `key` is given right after its making and never again. */
export function toApiKey(row: ApiKeyRow, key?: string): Resource {
  return {
    id: row.id,
    type: "api-key",
    attributes: {
      name: row.name,
      ...(key === undefined ? {} : { key }),
      prefix: row.hint,
      permissions: row.permissions,
      workspaces: row.workspaceIds,
      allowed_addresses: row.allowedAddresses,
      created_at: iso(row.createdAt),
      expires_at: iso(row.expiresAt),
      last_used_at: iso(row.lastUsedAt),
      exposed_at: iso(row.exposedAt),
    },
    links: { self: `/v2/users/me/api-keys/${row.id}` },
  };
}

/** Of the caller's own sessions, or of the person named. */
export function toSession(caller: Caller, userId = "me"): (row: SessionRow) => Resource {
  return (row) => ({
    id: row.id,
    type: "session",
    attributes: {
      current: caller.via === "session" && caller.credentialId === row.id,
      created_at: iso(row.createdAt),
      last_used_at: iso(row.seenAt),
      expires_at: iso(row.expiresAt),
      ip: row.ip,
      user_agent: row.userAgent,
    },
    links: { self: `/v2/users/${userId}/sessions/${row.id}` },
  });
}
