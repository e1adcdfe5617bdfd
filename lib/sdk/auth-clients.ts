import type { Client, RequestOptions } from "./client";
import type {
  AuthClient,
  AuthClientCredentials,
  AuthClientType,
  AuthClientUsage,
  Discovery,
  Visibility,
} from "./resources";

/** From where one looks: at most one. None shows global clients only. */
export type ClientScope = { workspaceId: string } | { contractId: string } | { tenantId: string } | null;

export interface NewAuthClient {
  name: string;
  type: AuthClientType;
  credentials: AuthClientCredentials;
  /** Who owns it; null makes it global. */
  owner: { visibility: Exclude<Visibility, "global">; id: string } | null;
  /** Ids of the components that may use it; none means all. */
  componentIds?: string[];
}

/** For oauth2 only the name, the client secret, the token lifetime and the added keys may change; null sets a key back to its default. */
export interface AuthClientChange {
  name?: string;
  credentials?: { [Key in keyof AuthClientCredentials]: AuthClientCredentials[Key] | null };
}

const at = (id?: string, tail = "") => `/v2/auth-clients${id === undefined ? "" : `/${encodeURIComponent(id)}`}${tail}`;

function scopeQuery(scope: ClientScope) {
  if (scope === null) return {};
  if ("workspaceId" in scope) return { workspace_id: scope.workspaceId };
  if ("contractId" in scope) return { contract_id: scope.contractId };
  return { tenant_id: scope.tenantId };
}

/** Where a client belongs, read from its relationships. */
export function visibilityOf(client: AuthClient): Visibility {
  if (client.attributes.visibility) return client.attributes.visibility;
  const relations = client.relationships ?? {};
  if (relations.workspace?.data) return "workspace";
  if (relations.contract?.data) return "contract";
  if (relations.tenant?.data) return "tenant";
  return "global";
}

/** Calls about auth clients (CONTRACT.md section 2, API.md). All reject with `LatchkeyError`. */
export function authClientCalls(client: Client) {
  return {
    list: (scope: ClientScope, { type, ...wait }: { type?: AuthClientType } & Pick<RequestOptions, "signal"> = {}) =>
      client.list<AuthClient>(at(), { query: { ...scopeQuery(scope), "filter[type]": type }, ...wait }),
    get: (id: string, scope: ClientScope, wait: Pick<RequestOptions, "signal"> = {}) =>
      client.single<AuthClient>("GET", at(id), { query: scopeQuery(scope), ...wait }),
    create: (given: NewAuthClient) =>
      client.single<AuthClient>("POST", at(), {
        body: {
          data: {
            type: "auth-client",
            attributes: { name: given.name, type: given.type, credentials: given.credentials },
            relationships: {
              ...(given.componentIds && given.componentIds.length > 0
                ? { components: { data: given.componentIds.map((id) => ({ id, type: "component" })) } }
                : {}),
              ...(given.owner
                ? { [given.owner.visibility]: { data: { id: given.owner.id, type: given.owner.visibility } } }
                : {}),
            },
          },
        },
      }),
    update: (id: string, change: AuthClientChange) =>
      client.single<AuthClient>("PATCH", at(id), { body: { data: { type: "auth-client", id, attributes: change } } }),
    /** Refused with code `in_use` while a secret uses it. */
    async remove(id: string): Promise<void> {
      await client.request("DELETE", at(id));
    },
    /** The secrets using it, as far as the caller may see them from this workspace. */
    usage: (id: string, workspaceId: string, wait: Pick<RequestOptions, "signal"> = {}) =>
      client.list<AuthClientUsage>(at(id, "/usage"), { query: { workspace_id: workspaceId }, ...wait }),
    /** Endpoints of an issuer (RFC 8414, OpenID). Rejects with pointer `/issuer` when nothing is found. */
    discover: (issuer: string, wait: Pick<RequestOptions, "signal"> = {}) =>
      client.single<Discovery>("POST", "/v2/discovery", { body: { issuer }, ...wait }),
  };
}
