import { hostOf } from "@/lib/auth-clients/resource";
import type { ClientRow } from "@/lib/auth-clients/store";
import { isPasswordGrant, type OAuth2Options } from "@/lib/secret-types/oauth2";

/** What the audit trail says of a client. */

export function about(row: ClientRow) {
  return {
    tenantId: row.tenantId,
    workspaceId: row.scope.kind === "workspace" ? row.scope.workspaceId : null,
    target: { type: "auth-client", id: row.id, name: row.name },
    generation: row.generation,
    host: hostOf(row),
  };
}

/** Host of each destination, for the audit: whoever sets one decides where secrets go. */
export function hostsOf(row: ClientRow): Record<string, string> {
  const hosts: Record<string, string> = {};
  for (const name of ["auth_uri", "token_uri", "refresh_token_uri", "revocation_uri"]) {
    const address = row.options[name];
    if (typeof address === "string") hosts[name] = new URL(address).host;
  }
  return hosts;
}

/** For the audit: the password grant is used where nothing else is offered (OA-17). */
export function legacyMark(row: ClientRow): { legacy?: string } {
  return row.type === "oauth2" && isPasswordGrant(row.options as unknown as OAuth2Options)
    ? { legacy: "password grant" }
    : {};
}
